"""The engine in memory: its time is the test's, and a fault is a few lines."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from datetime import timedelta

import pytest

from primehub_services.domain.workloads import EngineRef, Observation, ObservedState, Workload
from primehub_services.engines.base import EngineUnavailable
from primehub_services.engines.fake import FakeEngine
from tests.support.clock import FixedClock
from tests.support.sandbox import make_plan


def workload(key: str = "one") -> Workload:
    return Workload(plan=make_plan(key), argv=("run",))


async def apply(engine: FakeEngine, key: str = "one") -> EngineRef:
    return [ref async for ref in engine.apply(workload(key))][-1]


async def test_nothing_happens_unless_time_passes(clock: FixedClock) -> None:
    engine = FakeEngine(clock, start_delay=timedelta(seconds=5))
    ref = await apply(engine)
    assert (await engine.observe([ref]))["one"].state is ObservedState.PENDING
    clock.advance(seconds=4.9)
    assert (await engine.observe([ref]))["one"].state is ObservedState.PENDING
    clock.advance(seconds=0.1)
    assert (await engine.observe([ref]))["one"].state is ObservedState.RUNNING


async def test_what_ignores_its_end_is_killed_when_the_grace_period_is_over(clock: FixedClock) -> None:
    engine = FakeEngine(clock)
    engine.ignoring.add("one")
    ref = await apply(engine)
    clock.advance(seconds=1)
    await engine.delete(ref, 30)
    clock.advance(seconds=29)
    assert (await engine.observe([ref]))["one"].state is ObservedState.TERMINATING
    clock.advance(seconds=1)
    ended = (await engine.observe([ref]))["one"]
    assert (ended.state, ended.code, ended.reason) == (ObservedState.EXITED, 137, "Killed")
    assert ended.ended_at == clock()


async def test_a_lost_node_leaves_nothing(clock: FixedClock) -> None:
    engine = FakeEngine(clock)
    ref = await apply(engine)
    engine.vanish("one")
    assert (await engine.observe([ref]))["one"].state is ObservedState.ABSENT
    assert list(await engine.list_owned()) == []


async def test_a_fault_is_a_subclass_of_a_few_lines(clock: FixedClock) -> None:
    class LosesTheAnswer(FakeEngine):
        async def apply(self, workload: Workload) -> AsyncIterator[EngineRef]:
            async for _ in super().apply(workload):
                pass
            raise EngineUnavailable("the connection was cut after the request")
            yield  # makes this a generator

        async def observe(self, refs: Collection[EngineRef]) -> Mapping[str, Observation]:
            return {ref.key: Observation(state=ObservedState.UNKNOWN) for ref in refs}

    engine = LosesTheAnswer(clock)
    with pytest.raises(EngineUnavailable):
        await apply(engine)
    assert [owned.ref.key for owned in await engine.list_owned()] == ["one"]
    assert (await engine.observe([engine.ref("one")]))["one"].state is ObservedState.UNKNOWN
