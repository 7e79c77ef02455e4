"""The queue over a real store: who is let go, who fails, and whose place counts against whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest
import sqlalchemy as sa

from primehub_services.domain.claims import Budget, Decision, MachineCapacity
from primehub_services.domain.identity import Actor
from primehub_services.domain.jobs import JobCheck, JobPhase, JobReason, JobSpec, QueuePlace
from primehub_services.domain.launch import LaunchRequest
from primehub_services.domain.paging import PageQuery
from primehub_services.domain.problems import NotFound, Refused
from primehub_services.domain.resources import Quota
from primehub_services.domain.units import GIB, Bytes, Millicores
from primehub_services.operations import jobs, launches, notebooks, queue, queue_places
from primehub_services.operations.queue import Admission
from primehub_services.store.database import Database
from primehub_services.store.orm import (
    AccountRow,
    AttemptRow,
    ChangeRow,
    ClaimRow,
    GroupRow,
    ImageRow,
    InstanceTypeRow,
    JobRow,
    MembershipRow,
    SettingRow,
)
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support import factories, waiting_jobs
from tests.support.clock import FixedClock
from tests.support.factories import Cast

NO_BOUND = MachineCapacity()
FOUR_CORES = MachineCapacity(quota=Quota(cpu=Millicores(4000)))
WAIT = 600
"""The default of ``queue_keep_after``."""


@dataclass
class World:
    """Two groups, and types of one, two and four cores."""

    database: Database
    cast: Cast
    clock: FixedClock
    capacity: MachineCapacity = NO_BOUND
    count: int = 0

    def queue(self, kind: str = "cpu-1", actor: Actor | None = None, group: GroupRow | None = None, **more) -> str:
        """A job that comes now."""
        self.count += 1
        job_id = f"job-{self.count:03}"
        who, where = actor or self.cast.member, group or self.cast.group
        self.database.write_now(waiting_jobs.queue_job, job_id, who, where, instance_type=kind, **more)
        self.clock.advance(1)
        return job_id

    def admit(self, group: GroupRow | None = None, **more) -> Admission:
        return self.database.write_now(queue.admit, self.capacity, (group or self.cast.group).id, **more)

    def notebook(self, actor: Actor | None = None, kind: str = "cpu-1", group: str = "research") -> str:
        request = LaunchRequest(group=group, instance_type=kind, image="base")
        return self.database.write_now(notebooks.start, actor or self.cast.member, request, self.capacity).id

    def check(self, actor: Actor | None = None, kind: str = "cpu-1", group: str = "research") -> Decision:
        request = LaunchRequest(group=group, instance_type=kind, image="base")
        return self.database.read_now(launches.check, actor or self.cast.member, request, self.capacity)

    def end(self, job_id: str) -> None:
        self.database.write_now(waiting_jobs.end_running, job_id)

    def place(self, job_id: str) -> QueuePlace | None:
        actor = self.cast.member
        return self.database.read_now(queue_places.of_job, actor, job_id, self.capacity).queue

    def row(self, job_id: str) -> JobRow:
        return self.rows(sa.select(JobRow).where(JobRow.id == job_id))[0]

    def claims(self) -> list[ClaimRow]:
        return self.rows(sa.select(ClaimRow))

    def rows(self, statement: sa.Select) -> list:
        def read(uow: UnitOfWork) -> list:
            found = list(uow.session.scalars(statement))
            uow.session.expunge_all()
            return found

        return self.database.read_now(read)

    def kept(self) -> set[str]:
        return self.database.read_now(waiting_jobs.kept)

    def change(self, table: type, key: str, **columns) -> None:
        def change(uow: UnitOfWork) -> None:
            row = uow.session.get_one(table, key)
            for name, value in columns.items():
                setattr(row, name, value)

        self.database.write_now(change)

    def quota(self, **columns) -> None:
        self.change(GroupRow, self.cast.group.id, **columns)


@pytest.fixture
def world(database: Database, cast: Cast, clock: FixedClock) -> World:
    def fill(uow: UnitOfWork) -> None:
        for cores in (1, 2, 4):
            factories.instance_type(uow, f"cpu-{cores}", cpu_limit=1000 * cores, memory_limit=GIB)
        factories.image(uow)

    database.write_now(fill)
    return World(database, cast, clock)


def test_a_job_that_fits_is_let_go_with_claim_attempt_and_plan_in_one_transaction(world: World) -> None:
    job_id = world.queue("cpu-2")

    assert world.admit().started == (job_id,)

    (claim,) = world.claims()
    (attempt,) = world.rows(sa.select(AttemptRow))
    assert (claim.id, claim.kind, claim.server_name, claim.cpu_limit) == (attempt.id, "job", job_id, 2000)
    assert attempt.id == f"{job_id}-1"
    assert attempt.plan["limits"]["cpu"] == 2
    assert world.row(job_id).phase == JobPhase.PREPARING
    assert world.admit() == world.admit()  # nothing more happens


def test_jobs_go_in_their_order_and_one_that_does_not_fit_blocks_nobody(world: World) -> None:
    world.quota(group_cpu=4000)
    first, big, small, late = world.queue("cpu-2"), world.queue("cpu-4"), world.queue(), world.queue("cpu-2")

    assert world.admit().started == (first, small)
    world.end(first)
    assert world.admit().started == (late,)
    assert world.row(big).phase == JobPhase.PENDING


def test_after_the_wait_a_place_is_kept_until_the_job_goes(world: World) -> None:
    world.quota(group_cpu=4000)
    first = world.queue("cpu-1")
    world.admit()
    big = world.queue("cpu-4")
    world.admit()
    assert world.kept() == set()

    world.clock.advance(WAIT)
    small = world.queue()
    assert world.admit().started == ()
    assert world.kept() == {big}
    world.end(first)
    assert world.admit().started == (big,)
    assert world.kept() == set()
    world.end(big)
    assert world.admit().started == (small,)


def test_the_wait_is_a_setting(world: World) -> None:
    world.quota(group_cpu=4000)
    world.database.write_now(lambda uow: uow.session.add(SettingRow(key="system", value={"queue_keep_after": 5})))
    world.queue("cpu-1")
    world.admit()
    big = world.queue("cpu-4")
    world.admit()
    assert world.kept() == set()
    world.clock.advance(5)
    world.admit()
    assert world.kept() == {big}


def test_a_notebook_does_not_take_what_is_kept_and_is_told_for_whom(world: World) -> None:
    world.quota(group_cpu=4000)
    world.queue("cpu-1")
    world.admit()
    big = world.queue("cpu-4", world.cast.group_admin)
    world.clock.advance(WAIT)
    world.admit()

    (reason,) = world.check().reasons
    assert (reason.code, reason.budget, reason.resource) == ("kept-place", Budget.GROUP, "cpu")
    assert [(h.user, h.name, h.amount) for h in reason.holders] == [("gil", big, "4 cores")]
    assert "4 cores kept for jobs that have waited long" in reason.message
    with pytest.raises(Refused, match="kept for jobs"):
        world.notebook()


def test_a_place_kept_of_the_machine_holds_against_other_groups_without_names(world: World) -> None:
    world.capacity = FOUR_CORES
    world.queue("cpu-1")
    world.admit()
    world.queue("cpu-4")
    world.clock.advance(WAIT)
    world.admit()
    theirs = world.queue("cpu-2", world.cast.outsider, world.cast.other_group)

    (reason,) = world.check(world.cast.outsider, group="other").reasons
    assert (reason.code, reason.budget) == ("kept-place", Budget.MACHINE)
    assert [(h.user, h.name, h.title, h.amount) for h in reason.holders] == [(None, None, None, "4 cores")]
    assert world.admit(world.cast.other_group).started == ()
    assert world.row(theirs).phase == JobPhase.PENDING


def test_who_is_held_up_by_their_own_quota_holds_up_nobody_else(world: World) -> None:
    world.quota(user_cpu=1000, group_cpu=4000)
    world.queue()
    world.admit()
    mine = world.queue()
    world.clock.advance(WAIT)
    world.admit()
    assert world.kept() == {mine}

    other = world.queue(actor=world.cast.group_admin)
    assert world.admit().started == (other,)
    assert [reason.code for reason in world.check().reasons] == ["quota"]


def test_what_never_fits_fails_at_once_with_the_arithmetic(world: World) -> None:
    world.quota(user_cpu=2000)
    job_id = world.queue("cpu-4")

    assert world.admit().ended == (job_id,)
    row = world.row(job_id)
    assert (row.phase, row.reason) == (JobPhase.FAILED, JobReason.NEVER_FITS)
    assert row.message == "4 cores asked, and your quota in this group is 2 cores in all."


def test_a_quota_that_shrinks_ends_what_does_not_fit_any_more(world: World) -> None:
    world.quota(group_cpu=4000)
    world.queue("cpu-1")
    world.admit()
    big = world.queue("cpu-4")
    world.admit()
    world.quota(group_cpu=2000)

    assert world.admit().ended == (big,)


def test_a_machine_that_is_too_small_is_a_reason_too(world: World) -> None:
    world.capacity = MachineCapacity(quota=Quota(cpu=Millicores(2000), memory=Bytes(GIB * 8), gpu=0), gpu_indices=())
    big, fits = world.queue("cpu-4"), world.queue("cpu-2")

    admission = world.admit()
    assert (admission.ended, admission.started) == ((big,), (fits,))
    assert "this machine has 2 cores in all" in world.row(big).message


def test_a_machine_that_does_not_see_its_gpus_yet_ends_nothing(world: World) -> None:
    """After a boot their driver may come later than the platform."""
    world.database.write_now(factories.instance_type, "gpu-1", gpu_limit=1)
    world.capacity = MachineCapacity(quota=Quota(cpu=Millicores(4000), gpu=0), gpu_indices=())
    waits, goes = world.queue("gpu-1"), world.queue()
    admission = world.admit()
    assert (admission.ended, admission.started) == ((), (goes,))

    world.capacity = MachineCapacity(quota=Quota(cpu=Millicores(4000), gpu=1), gpu_indices=(0,))
    assert world.admit().started == (waits,)


def test_gpus_are_given_by_index(world: World) -> None:
    world.database.write_now(factories.instance_type, "gpu-1", gpu_limit=1)
    world.capacity = MachineCapacity(quota=Quota(gpu=2), gpu_indices=(0, 3))
    jobs = [world.queue("gpu-1") for _ in range(3)]

    assert world.admit().started == tuple(jobs[:2])
    assert sorted(claim.gpu_indices for claim in world.claims()) == [[0], [3]]


def test_a_cancelled_job_ends_in_the_queue_and_frees_its_place(world: World) -> None:
    world.quota(group_cpu=4000)
    world.queue("cpu-1")
    world.admit()
    big = world.queue("cpu-4")
    world.clock.advance(WAIT)
    small = world.queue()
    world.admit()
    world.change(JobRow, big, cancel_requested="cancelled by ann")

    assert world.check().would_start  # from the moment it was asked for
    admission = world.admit()
    assert (admission.ended, admission.started) == ((big,), (small,))
    row = world.row(big)
    assert (row.phase, row.reason, row.message) == (JobPhase.CANCELLED, JobReason.CANCELLED, "cancelled by ann")


@pytest.mark.parametrize("gone", ["account", "membership", "instance-type", "image"])
def test_a_job_that_names_what_is_gone_fails_as_invalid(world: World, gone: str) -> None:
    job_id = world.queue()

    def take_away(uow: UnitOfWork) -> None:
        if gone == "account":
            uow.session.execute(sa.update(AccountRow).where(AccountRow.name == "ann").values(enabled=False))
        elif gone == "membership":
            uow.session.execute(sa.delete(MembershipRow))
        else:
            table = InstanceTypeRow if gone == "instance-type" else ImageRow
            uow.session.execute(sa.update(table).values(deleted_at=uow.now))

    world.database.write_now(take_away)

    assert world.admit().ended == (job_id,)
    row = world.row(job_id)
    assert (row.phase, row.reason) == (JobPhase.FAILED, JobReason.INVALID)
    assert row.message


def test_jobs_of_a_group_that_is_gone_end(world: World) -> None:
    job_id = world.queue()
    world.quota(deleted_at=world.clock.now)

    assert world.admit().ended == (job_id,)


def test_an_image_that_is_being_made_is_waited_for_and_one_that_failed_is_not(world: World) -> None:
    world.database.write_now(factories.image, "coming", phase="BUILDING", progress=40)
    job_id = world.queue(image="coming")

    assert world.admit().started == ()
    assert world.row(job_id).phase == JobPhase.PENDING
    assert "not ready yet" in world.row(job_id).message
    world.clock.advance(11)
    image = world.rows(sa.select(ImageRow.id).where(ImageRow.name == "coming"))[0]
    world.change(ImageRow, image, phase="FAILED", message="no such package")
    assert world.admit().ended == (job_id,)
    assert world.row(job_id).reason == JobReason.IMAGE


def test_one_that_backs_off_lets_others_pass_and_is_tried_again_then(world: World) -> None:
    world.quota(group_cpu=1000)
    until = world.clock.now + timedelta(seconds=WAIT + 60)
    resting = world.queue(not_before=until)
    world.clock.advance(WAIT)
    other = world.queue()

    assert world.admit().started == (other,)
    world.end(other)
    world.clock.now = until
    assert world.admit().started == (resting,)


def test_what_the_engine_could_not_place_keeps_nothing(world: World) -> None:
    world.quota(group_cpu=4000)
    world.queue("cpu-1")
    world.admit()
    world.queue("cpu-4", reason=JobReason.NOT_PLACED.value)
    world.clock.advance(WAIT)

    small = world.queue()
    assert world.admit().started == (small,)


def test_an_instance_type_that_was_changed_meanwhile_counts_as_it_is(world: World) -> None:
    world.quota(group_cpu=2000)
    job_id = world.queue("cpu-1")
    kind = world.rows(sa.select(InstanceTypeRow.id).where(InstanceTypeRow.name == "cpu-1"))[0]
    world.change(InstanceTypeRow, kind, cpu_limit=2000)

    assert world.admit().more
    assert world.admit().started == (job_id,)
    assert world.claims()[0].cpu_limit == 2000


def test_a_decision_starts_a_few_and_says_that_there_is_more(world: World) -> None:
    jobs = [world.queue() for _ in range(5)]

    first = world.admit(most=2)
    assert (first.started, first.more) == (tuple(jobs[:2]), True)
    assert world.admit(most=3).started == tuple(jobs[2:])
    assert not world.admit(most=3).more


def test_a_place_is_kept_for_those_whose_turn_comes_with_the_next_decision(world: World) -> None:
    world.quota(group_cpu=2000)
    running = world.queue("cpu-2")
    world.admit()
    jobs = [world.queue() for _ in range(2)]
    world.clock.advance(WAIT)
    world.admit()
    world.end(running)

    assert world.admit(most=1).started == (jobs[0],)
    assert world.kept() == {jobs[1]}
    assert not world.check().would_start


def test_long_queues_are_read_only_as_far_as_somebody_could_go(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "FIRST_READ", 3)
    world.quota(group_cpu=2000, user_cpu=1000)
    mine = [world.queue() for _ in range(10)]
    theirs = [world.queue(actor=world.cast.group_admin) for _ in range(10)]

    assert world.admit().started == (mine[0], theirs[0])
    world.clock.advance(WAIT)
    world.admit()
    assert world.kept() == {mine[1], theirs[1]}
    world.end(mine[0])
    world.end(theirs[0])
    assert world.admit().started == (mine[1], theirs[1])


def test_readers_are_told_of_the_queue(world: World) -> None:
    world.queue()
    world.admit()

    kinds = world.database.read_now(
        lambda uow: set(uow.session.execute(sa.select(ChangeRow.kind, ChangeRow.target_id)))
    )
    assert ("queue", "research") in {tuple(row) for row in kinds}


def test_a_waiting_job_is_shown_its_place_and_what_holds_it_up(world: World) -> None:
    world.quota(group_cpu=2000)
    running = world.queue("cpu-2", world.cast.group_admin, timeout=3600, name="night train")
    world.admit()
    first, second = world.queue("cpu-2", timeout=60), world.queue("cpu-2")

    place = world.place(second)
    assert place is not None
    assert (place.position, place.of, place.kept) == (2, 2, False)
    assert place.kept_from == place.waiting_since + timedelta(seconds=WAIT)
    (reason,) = place.decision.reasons
    holders = [(h.user, h.name, h.title, h.amount) for h in reason.holders]
    assert holders == [("gil", running, "night train", "2 cores")]
    begun = world.claims()[0].created_at
    assert place.estimate == begun + timedelta(seconds=3660)
    assert world.place(first).estimate == begun + timedelta(seconds=3600)
    assert world.place(running) is None


def test_nobody_can_say_when_a_job_starts_behind_one_that_may_run_for_ever(world: World) -> None:
    world.quota(group_cpu=2000)
    world.queue("cpu-2")
    world.admit()
    assert world.place(world.queue("cpu-2")).estimate is None


def test_the_dry_run_of_a_job_says_when_it_may_start_as_its_place_will(world: World) -> None:
    world.quota(group_cpu=2000)
    world.queue("cpu-2", timeout=3600)
    world.admit()
    world.queue("cpu-2", timeout=60)
    spec = JobSpec(group="research", instance_type="cpu-2", image="base", command="true")

    check = world.database.read_now(queue_places.of_check, world.cast.member, "research", spec, world.capacity)
    assert (check.would_start, check.position) == (False, 2)
    assert check.estimate == world.claims()[0].created_at + timedelta(seconds=3660)
    assert world.place(world.queue("cpu-2")).estimate == check.estimate


def test_the_dry_run_of_a_job_says_no_time_that_nobody_knows(world: World) -> None:
    world.quota(group_cpu=2000)
    spec = JobSpec(group="research", instance_type="cpu-2", image="base", command="true")

    def check() -> JobCheck:
        return world.database.read_now(queue_places.of_check, world.cast.member, "research", spec, world.capacity)

    assert check().estimate is None  # it would start now
    world.queue("cpu-2")
    world.admit()
    assert (check().position, check().estimate) == (1, None)  # behind one that may run for ever


def test_who_waits_behind_a_kept_place_is_told_so(world: World) -> None:
    world.quota(group_cpu=4000)
    world.queue()
    world.admit()
    big = world.queue("cpu-4")
    world.clock.advance(WAIT)
    small = world.queue(actor=world.cast.group_admin)
    world.admit()

    assert world.place(big).kept
    (reason,) = world.place(small).decision.reasons
    assert (reason.code, [h.name for h in reason.holders]) == ("kept-place", [big])
    assert [r.code for r in world.place(big).decision.reasons] == ["quota"]


def test_the_queue_of_a_group_is_listed_in_its_order(world: World) -> None:
    world.quota(group_cpu=1000)
    world.queue()
    world.admit()
    jobs = [world.queue(actor=who) for who in (world.cast.member, world.cast.group_admin, world.cast.member)]

    def listed(actor: Actor, **query) -> list[tuple[str, str, int]]:
        found = world.database.read_now(queue_places.of_group, actor, "research", PageQuery(**query), world.capacity)
        return [(entry.job, entry.user, entry.place.position) for entry in found.items]

    everyone = [(jobs[0], "ann", 1), (jobs[1], "gil", 2), (jobs[2], "ann", 3)]
    assert listed(world.cast.member) == everyone
    assert listed(world.cast.platform_admin, page=2, page_size=2) == everyone[2:]
    assert listed(world.cast.notebook) == [everyone[0], everyone[2]]
    with pytest.raises(NotFound):
        listed(world.cast.outsider)


def test_a_job_that_backs_off_says_until_when(world: World) -> None:
    until = world.clock.now + timedelta(seconds=100)
    job_id = world.queue(not_before=until, message="It could not be placed.", reason=JobReason.NOT_PLACED.value)
    world.clock.advance(-1)

    (reason,) = world.place(job_id).decision.reasons
    assert (reason.code, reason.message) == ("resting", "It could not be placed.")
    assert until.isoformat() in reason.help


def test_the_dry_run_of_a_job_counts_kept_places_too(world: World) -> None:
    world.quota(group_cpu=4000)
    world.queue()
    world.admit()
    world.queue("cpu-4")
    world.clock.advance(WAIT)
    world.admit()
    spec = JobSpec(group="research", instance_type="cpu-1", image="base", command="true")

    decision = world.database.read_now(jobs.check, world.cast.member, "research", spec, world.capacity)
    assert [reason.code for reason in decision.reasons] == ["kept-place"]
    assert (decision.never, decision.position) == (False, 2)
