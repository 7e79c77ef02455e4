"""The controller of jobs, over the engine in memory and a real store."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from primehub_services.controllers.job_ports import EndedAttempt, Kept
from primehub_services.controllers.jobs import AT_ONCE, KEEP_TRIES, LONGEST_LOOK
from primehub_services.domain.job_life import GRACE_S, PLACING_S, PLATFORM_TRIES, lost
from primehub_services.domain.jobs import Job, JobPhase
from primehub_services.domain.launch import WorkloadKind
from primehub_services.domain.secrets import SecretCreate
from primehub_services.domain.workloads import (
    PLACED,
    EngineRef,
    Observation,
    ObservedState,
    OwnedWorkload,
    Workload,
)
from primehub_services.engines.base import EngineError, EngineUnavailable
from primehub_services.engines.fake import FakeEngine
from primehub_services.operations import job_starts, secrets
from primehub_services.store import jobs
from primehub_services.store.crypto import Keyring
from primehub_services.store.database import Database
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support.clock import FixedClock
from tests.support.factories import Cast
from tests.support.jobs import World, make_world
from tests.support.waiting import wait_for_async


@pytest.fixture
def world(database: Database, clock: FixedClock, cast: Cast, tmp_path: Path) -> World:
    return make_world(database, clock, cast, tmp_path)


async def test_a_command_runs_to_its_end_and_its_quota_is_free_again(world: World) -> None:
    job = world.submit(command="python train.py --epochs 3")
    assert (job.phase, job.name, job.reason) == (JobPhase.PENDING, "python train.py --epochs 3", "Queued")
    world.admit()
    assert world.job(job.id).phase is JobPhase.PREPARING
    assert world.claims() == [f"{job.id}-1"]
    await world.step()
    await world.look()
    now = world.job(job.id)
    assert now.phase is JobPhase.RUNNING
    assert now.started_at is not None
    assert now.deadline_at == now.started_at + timedelta(days=1)
    given = world.fake.workloads[f"{job.id}-1"].workload
    assert given.files["command"].text == "python train.py --epochs 3\n"
    assert given.plan.environment["PHJOB_NAME"] == job.id
    assert given.plan.environment["PYTHONUNBUFFERED"] == "1"
    assert not [m for m in given.plan.mounts if m.kind.value == "home"]
    world.fake.finish(f"{job.id}-1")
    await world.look()
    now = world.job(job.id)
    assert (now.phase, now.reason, now.exit_code, now.message) == ("SUCCEEDED", "Completed", 0, "Job completed")
    assert now.artifacts.files == 1
    assert now.ended_at is not None
    assert [(a.number, a.phase, a.exit_code) for a in now.attempts] == [(1, "SUCCEEDED", 0)]
    assert world.keeper.kept == [f"{job.id}-1"]
    assert world.claims() == []
    assert world.fake.workloads == {}


async def test_an_exit_code_is_kept_and_the_command_is_not_run_again(world: World) -> None:
    job = await world.running()
    world.fake.finish(f"{job.id}-1", 3)
    await world.look()
    now = world.job(job.id)
    assert (now.phase, now.reason, now.exit_code, now.message) == ("FAILED", "Exited", 3, "Exit code 3.")
    assert world.claims() == []


async def test_a_command_that_fails_is_tried_again_as_often_as_was_asked_and_later_each_time(world: World) -> None:
    job = await world.running(retries=2)
    for number, pause in ((1, 5), (2, 10)):
        world.fake.finish(f"{job.id}-{number}", 3)
        await world.look()
        now = world.job(job.id)
        assert (now.phase, now.reason) == ("PENDING", "Exited")
        assert f"retry {number} of 2" in now.message
        world.admit()
        assert world.job(job.id).phase is JobPhase.PENDING, "it backs off"
        world.clock.advance(pause)
        world.admit()
        await world.step()
        await world.look()
        assert world.job(job.id).phase is JobPhase.RUNNING
    world.fake.finish(f"{job.id}-3", 4)
    await world.look()
    now = world.job(job.id)
    assert (now.phase, now.exit_code) == ("FAILED", 4)
    assert [a.exit_code for a in now.attempts] == [3, 3, 4]


@pytest.mark.parametrize("how", ["Lost", "Evicted", "vanished"])
async def test_what_the_platform_lost_is_tried_again_without_a_retry_of_the_persons(world: World, how: str) -> None:
    job = await world.running()
    for number in range(1, PLATFORM_TRIES + 1):
        key = f"{job.id}-{number}"
        if how == "vanished":
            world.fake.vanish(key)
        else:
            world.fake.finish(key, 143, how)
        await world.look()
        now = world.job(job.id)
        assert world.claims() == []
        if number == PLATFORM_TRIES:
            break
        assert now.phase is JobPhase.PENDING, now
        world.clock.advance(600)
        world.admit()
        await world.step()
        await world.look()
    assert (now.phase, now.reason) == ("FAILED", "Evicted" if how == "Evicted" else "Lost")
    assert f"last of {PLATFORM_TRIES}" in now.message


async def test_a_job_that_waits_is_cancelled_by_the_queue(world: World) -> None:
    job = world.submit()
    world.cancel(job.id)
    world.admit()
    now = world.job(job.id)
    assert (now.phase, now.reason, now.message) == ("CANCELLED", "Cancelled", "Cancelled by ann")
    assert now.ended_at is not None


async def test_a_running_job_is_cancelled_through_the_engine_and_keeps_its_log(world: World) -> None:
    job = await world.running(retries=3)
    assert world.cancel(job.id).cancel_requested == "Cancelled by ann"
    await world.look()
    await world.look()
    now = world.job(job.id)
    assert (now.phase, now.message, now.exit_code) == ("CANCELLED", "Cancelled by ann", 143)
    assert world.keeper.kept == [f"{job.id}-1"]
    assert world.claims() == []


async def test_a_job_that_is_cancelled_before_it_was_started_never_runs(world: World) -> None:
    job = world.submit()
    world.admit()
    world.cancel(job.id)
    await world.step()
    assert world.job(job.id).phase is JobPhase.CANCELLED
    assert world.fake.workloads == {}
    assert world.claims() == []


async def test_who_ignores_being_asked_is_killed_after_the_grace_period(world: World) -> None:
    job = await world.running()
    world.fake.ignoring.add(f"{job.id}-1")
    world.cancel(job.id)
    await world.look()
    await world.look(29)
    assert world.job(job.id).phase is JobPhase.RUNNING
    await world.look(2)
    now = world.job(job.id)
    assert (now.phase, now.exit_code) == ("CANCELLED", 137)


async def test_a_timeout_counts_from_the_start_of_the_attempt(world: World) -> None:
    job = world.submit(timeout=60)
    world.clock.advance(1000)
    world.admit()
    await world.step()
    await world.look()
    await world.look(58)
    assert world.job(job.id).phase is JobPhase.RUNNING
    await world.look(2)
    await world.look()
    now = world.job(job.id)
    assert (now.phase, now.reason) == ("FAILED", "Timeout")
    assert now.message == "It ran for longer than its time limit of 1 min."


async def test_where_there_are_very_many_they_are_looked_at_less_often_but_soon_enough(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await world.running(timeout=60)
    monkeypatch.setattr("primehub_services.controllers.jobs.LOOKS_A_SECOND", 0.01)
    await world.look(50)
    await world.look(12)
    assert world.job(job.id).phase is JobPhase.RUNNING
    await world.look(LONGEST_LOOK)
    await world.look(LONGEST_LOOK)
    assert world.job(job.id).phase is JobPhase.FAILED


async def test_a_timeout_of_nothing_is_none(world: World) -> None:
    job = await world.running(timeout=0)
    await world.look(400 * 86_400)
    assert world.job(job.id).phase is JobPhase.RUNNING
    assert world.job(job.id).deadline_at is None


async def test_what_cannot_be_placed_waits_again_and_no_attempt_counts(world: World) -> None:
    world.fake.start_delay = timedelta(days=1)
    job = await world.running()
    assert world.job(job.id).phase is JobPhase.PREPARING
    await world.look(PLACING_S)
    await world.look()
    now = world.job(job.id)
    assert (now.phase, now.reason) == ("PENDING", "NotPlaced")
    assert world.claims() == []
    world.fake.start_delay = timedelta(0)
    world.clock.advance(10)
    world.admit()
    await world.step()
    await world.look()
    world.fake.finish(f"{job.id}-2")
    await world.look()
    assert world.job(job.id).phase is JobPhase.SUCCEEDED


async def test_an_image_that_takes_long_to_fetch_is_waited_for_and_said(world: World) -> None:
    class Fetches(FakeEngine):
        async def observe(self, refs: Collection[EngineRef]) -> Mapping[str, Observation]:
            found = await super().observe(refs)
            fetches = {"reason": PLACED, "message": "The node fetches the image a:1."}
            pending = ObservedState.PENDING
            return {k: o.model_copy(update=fetches) if o.state is pending else o for k, o in found.items()}

    world.engine = Fetches(world.clock, start_delay=timedelta(hours=1))
    world.restarted()
    job = await world.running()
    for _ in range(5):
        await world.look(PLACING_S)
    now = world.job(job.id)
    assert (now.phase, now.reason, now.message) == ("PREPARING", "Placed", "The node fetches the image a:1.")
    await world.look(3600)
    now = world.job(job.id)
    assert (now.phase, now.reason, now.message) == ("RUNNING", "", "")


async def test_time_in_which_the_engine_could_not_be_asked_is_not_taken_from_the_time_to_place(world: World) -> None:
    class Away(FakeEngine):
        away = True

        async def apply(self, workload: Workload) -> AsyncIterator[EngineRef]:
            if self.away:
                raise EngineUnavailable("the cluster does not answer")
            async for ref in super().apply(workload):
                yield ref

        async def observe(self, refs: Collection[EngineRef]) -> Mapping[str, Observation]:
            if self.away:
                raise EngineUnavailable("the cluster does not answer")
            return await super().observe(refs)

    engine = Away(world.clock, start_delay=timedelta(days=1))
    world.engine = engine
    world.restarted()
    job = await world.running()
    world.clock.advance(PLACING_S)
    engine.away = False
    world.restarted()  # which tries at once what it could not do before
    await world.look()
    for away in (True, False):
        engine.away = away
        await world.look(PLACING_S)
    assert world.job(job.id).phase is JobPhase.PREPARING
    await world.look(PLACING_S)
    await world.look()
    assert world.job(job.id).reason == "NotPlaced"


async def test_an_engine_that_cannot_be_asked_is_no_end(world: World) -> None:
    class Away(FakeEngine):
        away = False

        async def observe(self, refs: Collection[EngineRef]) -> Mapping[str, Observation]:
            if self.away:
                raise EngineUnavailable("the cluster does not answer")
            return await super().observe(refs)

    engine = Away(world.clock)
    world.engine = engine
    world.restarted()
    job = await world.running()
    engine.away = True
    await world.look(1000)
    assert world.job(job.id).phase is JobPhase.UNKNOWN
    assert world.claims() == [f"{job.id}-1"]
    engine.away = False
    await world.look()
    assert world.job(job.id).phase is JobPhase.RUNNING


async def begun_by(engine: FakeEngine, world: World) -> Job:
    """A job as it is once this engine was to begin it."""
    world.engine = engine
    world.restarted()
    job = world.submit()
    world.admit()
    await world.step()
    return world.job(job.id)


async def test_a_start_that_is_refused_for_good_says_why(world: World) -> None:
    class Refuses(FakeEngine):
        async def apply(self, workload: Workload) -> AsyncIterator[EngineRef]:
            yield self.ref(workload.key)
            raise EngineError("The image base has no environment on this machine.", code="environment")

    now = await begun_by(Refuses(world.clock), world)
    assert (now.phase, now.reason) == ("FAILED", "ImageUnavailable")
    assert "no environment" in now.message
    assert world.claims() == []


@pytest.mark.parametrize(
    ("final", "phase", "reason"),
    [(False, "PENDING", "NotPlaced"), (True, "FAILED", "Invalid"), (None, "PENDING", "StartError")],
)
async def test_what_an_engine_would_take_later_waits_and_what_it_never_would_ends_at_once(
    world: World, final: bool | None, phase: str, reason: str
) -> None:
    class Refuses(FakeEngine):
        async def apply(self, workload: Workload) -> AsyncIterator[EngineRef]:
            raise EngineError("The quota is full.", code="quota", final=final)
            yield

    now = await begun_by(Refuses(world.clock), world)
    assert (now.phase, now.reason, world.claims()) == (phase, reason, [])
    assert "The quota is full." in now.message


async def test_secrets_are_given_to_the_workload_and_written_nowhere(world: World) -> None:
    keyring = Keyring.load_or_create(world.snapshots / "key")
    new = SecretCreate.model_validate({"name": "token", "kind": "env", "value": "s3cr3t"})
    world.database.write_now(secrets.create, world.cast.member, new, keyring=keyring)
    world.secrets.known["token"] = "s3cr3t"
    job = await world.running(secrets={"API_TOKEN": "token"}, environment={"A": "1"})
    given = world.fake.workloads[f"{job.id}-1"].workload
    assert (given.environment, given.masked) == ({"API_TOKEN": "s3cr3t"}, ("API_TOKEN",))
    assert given.plan.environment["A"] == "1"
    assert "s3cr3t" not in world.database.read_now(lambda uow: str(jobs.attempts_of(uow, job.id)[0].plan))


async def test_a_secret_that_is_gone_ends_the_job_with_its_name(world: World) -> None:
    job = world.submit()
    row = world.database.write_now(jobs.locked, job.id)
    assert row is not None

    def forget(uow: object) -> None:
        found = jobs.locked(uow, job.id)  # type: ignore[arg-type]
        assert found is not None
        found.spec = {**found.spec, "secrets": {"API_TOKEN": "gone"}}

    world.database.write_now(forget)
    world.admit()
    await world.step()
    now = world.job(job.id)
    assert (now.phase, now.reason) == ("FAILED", "Invalid")
    assert "API_TOKEN (gone)" in now.message


async def test_results_that_cannot_be_kept_hold_the_end_up_until_they_can(world: World) -> None:
    job = await world.running()
    world.keeper.error = OSError("the disk is full")
    world.fake.finish(f"{job.id}-1")
    await world.look()
    assert world.job(job.id).phase is JobPhase.RUNNING
    assert f"{job.id}-1" in world.fake.workloads
    world.keeper.error = None
    world.restarted()
    await world.look()
    assert world.job(job.id).phase is JobPhase.SUCCEEDED


async def tries(world: World, times: int) -> None:
    """So many looks, each after the pause that the last one made."""
    for _ in range(times):
        for trouble in world.controller._trouble.values():
            trouble.until = 0.0
        await world.look()


async def test_an_engine_that_cannot_be_asked_for_results_is_waited_for_however_long(world: World) -> None:
    job = await world.running()
    world.keeper.error = EngineUnavailable("the cluster is away")
    world.fake.finish(f"{job.id}-1")
    await tries(world, KEEP_TRIES + 5)
    assert world.job(job.id).phase is JobPhase.RUNNING
    assert f"{job.id}-1" in world.fake.workloads
    world.keeper.error = ValueError("no such thing")
    await tries(world, 1)
    assert world.job(job.id).phase is JobPhase.RUNNING, "what failed before does not count"
    world.keeper.error = None
    await tries(world, 1)
    assert (world.job(job.id).phase, world.keeper.kept) == (JobPhase.SUCCEEDED, [f"{job.id}-1"])


async def test_what_cannot_be_kept_for_another_reason_is_given_up_and_that_is_said(world: World) -> None:
    job = await world.running()
    world.keeper.error = ValueError("no such thing")
    world.fake.finish(f"{job.id}-1")
    await tries(world, KEEP_TRIES - 1)
    assert world.job(job.id).phase is JobPhase.RUNNING
    await tries(world, 1)
    now = world.job(job.id)
    assert now.artifacts is not None
    assert now.artifacts.message == "Its results could not be kept, in 20 tries: no such thing"
    assert (now.phase, world.claims()) == (JobPhase.SUCCEEDED, [])


@pytest.mark.parametrize("away", [False, True])
async def test_what_was_started_and_not_written_down_is_stopped_and_kept_when_it_is_cancelled(
    world: World, away: bool
) -> None:
    job = await world.running()
    key = f"{job.id}-1"
    world.fake.ignoring.add(key)

    def forget(uow: UnitOfWork) -> None:
        attempt = jobs.attempt_locked(uow, key)
        assert attempt is not None
        attempt.refs = []

    world.database.write_now(forget)
    world.cancel(job.id)
    if away:

        async def no_answer() -> Sequence[OwnedWorkload]:
            raise EngineUnavailable("the cluster is away")

        world.fake.list_owned = no_answer  # type: ignore[method-assign]
        with contextlib.suppress(EngineUnavailable):
            await world.look()
        await world.controller.settled()
        assert world.claims() == [key]
        del world.fake.list_owned
        world.restarted()
    await world.look()
    assert (world.claims(), world.fake.workloads[key].stop_at is not None) == ([key], True)
    for _ in range(2):
        await world.look(GRACE_S)
    assert (world.job(job.id).phase, world.claims()) == (JobPhase.CANCELLED, [])
    assert (world.keeper.kept, world.fake.workloads) == ([key], {})


async def test_a_workload_that_no_attempt_owns_is_ended_and_dropped(world: World) -> None:
    job = await world.running()
    workload = world.fake.workloads[f"{job.id}-1"].workload
    stray = workload.model_copy(update={"plan": workload.plan.model_copy(update={"start_id": "job-stray-1"})})
    notebook = workload.model_copy(
        update={"plan": workload.plan.model_copy(update={"start_id": "n1", "kind": WorkloadKind.NOTEBOOK})}
    )
    for one in (stray, notebook):
        [_ async for _ in world.fake.apply(one)]
    for _ in range(3):
        await world.look(6)
    assert set(world.fake.workloads) == {f"{job.id}-1", "n1"}


async def test_a_hint_of_the_engine_is_enough(world: World) -> None:
    listening = asyncio.create_task(world.controller.listen())
    try:
        job = await world.running()
        world.fake.finish(f"{job.id}-1")

        def ended() -> bool:
            return world.job(job.id).phase is JobPhase.SUCCEEDED

        await wait_for_async(ended, 5, what="it has ended without a look")
    finally:
        listening.cancel()


async def test_what_an_attempt_was_decided_to_end_with_stays(world: World) -> None:
    job = await world.running()
    world.fake.ignoring.add(f"{job.id}-1")
    world.cancel(job.id)
    await world.look()
    kept = world.database.write_now(job_starts.decide_end, f"{job.id}-1", lost("no"))
    assert kept is not None
    assert kept.phase is JobPhase.CANCELLED


async def test_no_stop_waits_for_results_that_take_long_to_keep(world: World) -> None:
    *ended, asked = [await world.running() for _ in range(AT_ONCE + 2)]
    go_on = asyncio.Event()

    async def keep(attempt: EndedAttempt) -> Kept:
        await go_on.wait()
        return Kept()

    world.keeper.keep = keep  # type: ignore[method-assign]
    for job in ended:
        world.fake.finish(f"{job.id}-1")
    world.cancel(asked.id)
    world.clock.advance(2)
    await world.controller.step(world.clock())
    await wait_for_async(lambda: world.fake.workloads[f"{asked.id}-1"].stop_at is not None)
    go_on.set()
    await world.controller.settled()
    await world.look()
    assert world.claims() == []


@pytest.mark.parametrize("hours", [1, -1], ids=["forward", "back"])
async def test_a_clock_that_is_set_changes_nothing_about_when_a_running_job_times_out(world: World, hours: int) -> None:
    world.fake.start_delay = timedelta(0)
    job = await world.running(timeout=60)
    await world.look(30)
    world.clock.set_by(hours * 3600)
    await world.look(10)
    await world.look(10)
    assert world.job(job.id).phase is JobPhase.RUNNING
    await world.look(12)
    await world.look()
    assert (world.job(job.id).phase, world.job(job.id).reason) == ("FAILED", "Timeout")
