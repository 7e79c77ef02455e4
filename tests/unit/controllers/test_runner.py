"""A controller goes on, sooner on a hint, later after failures, and never takes another one down."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from primehub_services.controllers import Runner
from primehub_services.controllers.runner import LONGEST_WAIT, Every
from tests.support.clock import START, FixedClock
from tests.support.waiting import wait_for_async


class Counting:
    name = "counting"
    interval = 3600.0

    def __init__(self) -> None:
        self.seen: list[datetime] = []
        self.error: Exception | None = None

    async def step(self, now: datetime) -> None:
        self.seen.append(now)
        if self.error is not None:
            raise self.error


@pytest.fixture
def runner() -> Runner:
    return Runner(Counting(), clock=FixedClock())


async def test_a_hint_shortens_the_wait(runner: Runner) -> None:
    task = asyncio.create_task(runner.run())
    try:
        await wait_for_async(lambda: runner.controller.seen == [START])
        runner.hint()
        await wait_for_async(lambda: len(runner.controller.seen) == 2)
    finally:
        task.cancel()


async def test_failures_are_told_and_back_off_but_not_for_long(runner: Runner) -> None:
    runner.controller.interval = 2.0
    runner.controller.error = RuntimeError("the hub is away")

    waits = []
    for _ in range(8):
        assert not await runner.step()
        waits.append(runner.wait_s())

    assert waits == sorted(waits)
    assert waits[0] < 2
    assert waits[-1] == LONGEST_WAIT
    assert (runner.health.failures, runner.health.last_error) == (8, "RuntimeError: the hub is away")
    assert runner.health.last_success is None


async def test_success_after_failures_is_health_again(runner: Runner) -> None:
    runner.controller.error = RuntimeError("no")
    await runner.step()
    runner.controller.error = None

    assert await runner.step()
    assert (runner.health.failures, runner.health.last_error, runner.health.last_success) == (0, "", START)
    assert runner.wait_s() == runner.controller.interval


async def test_cancelling_ends_it(runner: Runner) -> None:
    task = asyncio.create_task(runner.run())
    await wait_for_async(lambda: runner.controller.seen)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_end_that_comes_together_with_a_hint_is_not_lost(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("primehub_services.controllers.runner.SHORTEST_WAIT", 0)
    task = asyncio.create_task(runner.run())
    await wait_for_async(lambda: runner.controller.seen == [START])
    await wait_for_async(lambda: bool(runner._hint._waiters), what="it waits for a hint")
    runner.hint()
    await asyncio.sleep(0)  # the hint is heard, and nothing done about it yet
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=5)
    assert done


def test_a_pause_is_over_after_its_time_and_once_the_clock_was_set_back() -> None:
    every = Every(timedelta(seconds=30))
    assert every.due(START)
    every.done(START)
    assert not every.due(START + timedelta(seconds=29))
    assert every.due(START + timedelta(seconds=30))
    earlier = START - timedelta(hours=1)
    assert every.due(earlier)
    every.done(earlier)
    assert not every.due(earlier + timedelta(seconds=29))
    assert every.due(earlier + timedelta(seconds=30))
