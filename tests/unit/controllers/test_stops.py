"""What runs of a notebook that is to stop ends, whatever the hub says or does meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from primehub_services.controllers import EngineUnavailable, NotebookController, Runner, StopController, WorkloadState
from primehub_services.controllers.stops import ENDED_AT_ONCE
from primehub_services.domain.notebooks import NotebookPhase
from primehub_services.hub import HubRefusal
from primehub_services.store import notebooks as store
from primehub_services.store.database import Database
from tests.support.clock import FixedClock
from tests.support.factories import Cast

from .world import Start, make_start


@pytest.fixture
def start(database: Database, cast: Cast, clock: FixedClock) -> Start:
    return make_start(database, cast, clock)


@pytest.fixture
def controller(start: Start) -> StopController:
    return StopController(start.database, start.engine)


async def test_while_the_hub_is_away_what_is_to_stop_ends(start: Start, controller: StopController) -> None:
    start.go(last="ask_to_stop")
    start.hub.up = False

    await controller.step(start.clock.now)

    assert start.engine.running() == set()


async def test_what_nobody_asked_to_stop_goes_on(start: Start, controller: StopController) -> None:
    start.go(last="become_ready")

    await controller.step(start.clock.now)

    assert start.engine.running() == {start.id}


async def test_a_starting_server_that_the_hub_refuses_to_stop_ends_and_gives_back_what_it_held(
    start: Start, controller: StopController
) -> None:
    start.go(last="launch")
    start.ask_to_stop()
    start.hub.refuses["stop", "ann", ""] = HubRefusal(400, "is pending spawn, please wait")

    await controller.step(start.clock.now)
    assert start.engine.running() == set()
    # the spawner sees that its workload has ended, and the start fails at the hub
    start.hub.present.clear()
    start.clock.advance(60)
    await NotebookController(start.database, start.hub, start.engine).step(start.clock.now)

    assert (start.notebook().phase, start.notebook().reason) == (NotebookPhase.STOPPED, "stopped by ann")


async def test_what_begins_to_run_only_after_the_request_ends_too(start: Start, controller: StopController) -> None:
    start.go(last="adopt")
    start.ask_to_stop()
    await controller.step(start.clock.now)

    start.launch()
    await controller.step(start.clock.now)

    assert start.engine.running() == set()


async def test_one_that_cannot_be_asked_holds_up_no_other_and_is_told_once(
    start: Start, controller: StopController, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    start.go(last="ask_to_stop")
    start.engine.workloads["a-stray"] = WorkloadState(True)
    stop = start.engine.stop

    async def failing(start_id: str) -> None:
        if start_id == "a-stray":
            raise EngineUnavailable("its node does not answer")
        await stop(start_id)

    start.engine.stop = failing
    monkeypatch.setattr(store, "to_stop", lambda uow: frozenset({"a-stray", start.id}))

    runner = Runner(controller, clock=start.clock)
    assert await runner.step()
    assert start.engine.running() == {"a-stray"}
    assert runner.wait_s() == controller.interval, "whoever leaves next is not kept waiting"
    assert await runner.step()
    assert caplog.text.count("its node does not answer") == 1

    start.engine.stop = stop
    await controller.step(start.clock.now)
    assert start.engine.running() == set()


async def test_one_that_is_slow_holds_up_no_other(
    start: Start, controller: StopController, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: set[str] = set()
    together = asyncio.Event()

    async def slow(start_id: str) -> None:
        asked.add(start_id)
        if len(asked) == ENDED_AT_ONCE:
            together.set()
        await together.wait()

    start.engine.stop = slow
    monkeypatch.setattr(store, "to_stop", lambda uow: frozenset(map(str, range(2 * ENDED_AT_ONCE))))

    await asyncio.wait_for(controller.step(start.clock.now), 30)

    assert len(asked) == 2 * ENDED_AT_ONCE
