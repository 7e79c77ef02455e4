"""Which logs are looked at, and how often."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest

from primehub_services.controllers.notebook_logs import OFTEN, SELDOM, NotebookLogController
from primehub_services.controllers.ports import EngineUnavailable
from primehub_services.store.database import Database
from tests.support.clock import FixedClock
from tests.support.factories import Cast

from .world import Start, make_start


class Logs:
    """Notebooks of which one may be busy."""

    def __init__(self) -> None:
        self.ending: dict[str, bool] = {}
        self.busy: set[str] = set()
        self.looked: list[str] = []
        self.away = False

    async def running(self) -> Mapping[str, bool]:
        return self.ending

    async def keep(self, start_id: str) -> bool:
        self.looked.append(start_id)
        if self.away:
            raise EngineUnavailable("its node does not answer")
        return start_id in self.busy


@pytest.fixture
def start(database: Database, cast: Cast, clock: FixedClock) -> Start:
    made = make_start(database, cast, clock)
    made.commit()
    return made


async def looks(controller: NotebookLogController, logs: Logs, clock: FixedClock, duration: timedelta) -> int:
    """How often logs are looked at in this time."""
    logs.looked.clear()
    for _ in range(int(duration / OFTEN)):
        await controller.step(clock.now)
        clock.advance(OFTEN.total_seconds())
    return len(logs.looked)


async def test_a_busy_log_is_looked_at_often_and_a_quiet_one_seldom(start: Start, clock: FixedClock) -> None:
    logs = Logs()
    logs.ending, logs.busy = {start.id: False, "stranger": False}, {start.id}
    controller = NotebookLogController(start.database, logs)
    assert await looks(controller, logs, clock, SELDOM) == 12
    assert "stranger" not in logs.looked
    logs.busy.clear()
    await looks(controller, logs, clock, 2 * SELDOM)
    assert await looks(controller, logs, clock, 2 * SELDOM) == 2


async def test_what_is_about_to_end_is_looked_at_at_once(start: Start, clock: FixedClock) -> None:
    logs = Logs()
    logs.ending = {start.id: False}
    controller = NotebookLogController(start.database, logs)
    await looks(controller, logs, clock, 3 * SELDOM)
    logs.ending = {start.id: True}
    assert await looks(controller, logs, clock, OFTEN) == 1


async def test_a_node_that_does_not_answer_is_asked_seldom(start: Start, clock: FixedClock) -> None:
    logs = Logs()
    logs.ending, logs.away = {start.id: False}, True
    controller = NotebookLogController(start.database, logs)
    await looks(controller, logs, clock, 2 * SELDOM)
    assert await looks(controller, logs, clock, 2 * SELDOM) == 2


async def test_a_clock_that_was_set_back_puts_off_no_look(start: Start, clock: FixedClock) -> None:
    logs = Logs()
    logs.ending, logs.busy = {start.id: False}, {start.id}
    controller = NotebookLogController(start.database, logs)
    await looks(controller, logs, clock, OFTEN)
    clock.set_by(-3600)
    assert await looks(controller, logs, clock, SELDOM) == 12
