"""The spawner's side of the ledger, and that it is never overdrawn, whoever asks at the same time."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from primehub_services.domain.claims import MachineCapacity
from primehub_services.domain.handshake import ClaimEvent, ClaimGrant, ClaimRequest, StartEvent, StartEvents
from primehub_services.domain.identity import Actor
from primehub_services.domain.launch import LaunchRequest
from primehub_services.domain.notebooks import Notebook, NotebookPhase
from primehub_services.domain.permissions import Scope
from primehub_services.domain.problems import Forbidden, Invalid, NotFound, Problem, Refused
from primehub_services.domain.resources import Quota
from primehub_services.domain.units import Millicores
from primehub_services.operations import actors, claims, notebooks
from primehub_services.store.database import Database
from primehub_services.store.orm import AccountRow, ClaimRow, GroupRow, MembershipRow
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support import factories
from tests.support.clock import FixedClock
from tests.support.factories import Cast

NO_BOUND = MachineCapacity()
REQUEST = LaunchRequest(group="research", instance_type="cpu-1", image="base")
OPTIONS = {"group": "research", "instance_type": "cpu-1", "image": "base"}


@dataclass
class World:
    """A store with two groups, a small and a GPU instance type, and one image."""

    database: Database
    cast: Cast
    clock: FixedClock
    capacity: MachineCapacity = NO_BOUND

    def start(self, **changes) -> Notebook:
        request = REQUEST.model_copy(update=changes)
        return self.database.write_now(notebooks.start, self.cast.member, request, self.capacity)

    def claim(self, user: str = "ann", **options) -> ClaimGrant:
        asked = ClaimRequest(user=user, user_options=options)
        return self.database.write_now(claims.claim, self.cast.spawner, asked, self.capacity)

    def tell(self, start_id: str, event: str, **values) -> None:
        told = ClaimEvent.model_validate({"event": event, **values})
        self.database.write_now(claims.event, self.cast.spawner, start_id, told)

    def get(self, start_id: str) -> Notebook:
        return self.database.read_now(notebooks.get, self.cast.platform_admin, start_id)

    def held(self) -> dict[str, list[int]]:
        return self.database.read_now(
            lambda uow: {c.id: c.gpu_indices for c in uow.session.scalars(sa.select(ClaimRow))}
        )


@pytest.fixture
def world(database: Database, cast: Cast, clock: FixedClock) -> World:
    def fill(uow: UnitOfWork) -> None:
        factories.instance_type(uow)
        factories.instance_type(uow, "gpu-1", gpu_limit=1)
        factories.image(uow)

    database.write_now(fill)
    return World(database, cast, clock)


def test_the_spawner_adopts_the_claim_of_the_start_that_it_was_asked_for(world: World) -> None:
    started = world.start()

    granted = world.claim(start_id=started.id, group="other", image="nonsense")

    assert granted.start_id == started.id
    assert (granted.plan.group, granted.plan.image) == ("research", "base")
    assert list(world.held()) == [started.id]


def test_somebody_elses_start_id_is_not_adopted(world: World) -> None:
    started = world.start()

    granted = world.claim("gil", start_id=started.id, **OPTIONS)

    assert granted.start_id != started.id
    assert granted.plan.user == "gil"
    assert set(world.held()) == {started.id, granted.start_id}


def test_an_adopted_start_is_not_adopted_again_but_superseded(world: World) -> None:
    started = world.start()
    world.claim(start_id=started.id, **OPTIONS)

    granted = world.claim(start_id=started.id, **OPTIONS)

    assert list(world.held()) == [granted.start_id]
    old = world.get(started.id)
    assert (old.phase, old.reason) == (NotebookPhase.FAILED, "superseded by a later start")


def test_a_start_that_supersedes_does_not_count_the_one_it_takes_the_place_of(world: World) -> None:
    world.database.write_now(_set_quota, "research", user_cpu=1000)
    first = world.claim(**OPTIONS)

    second = world.claim(**OPTIONS)

    assert list(world.held()) == [second.start_id]
    assert first.start_id != second.start_id


def test_late_words_about_an_old_start_never_touch_the_new_one(world: World) -> None:
    old, new = world.claim(**OPTIONS), world.claim(**OPTIONS)
    world.tell(new.start_id, "ready", url="/user/ann/")

    world.tell(old.start_id, "ready")
    world.tell(old.start_id, "stopped", exit_code=1)
    world.database.write_now(claims.release, world.cast.spawner, old.start_id)

    assert list(world.held()) == [new.start_id]
    assert world.get(new.start_id).phase is NotebookPhase.RUNNING
    assert world.get(old.start_id).phase is NotebookPhase.FAILED


def test_without_options_the_servers_last_ones_are_taken(world: World) -> None:
    first = world.start(safe_mode=True)
    world.claim(start_id=first.id)
    world.tell(first.id, "stopped")

    granted = world.claim()

    assert (granted.plan.group, granted.plan.instance_type, granted.plan.safe_mode) == ("research", "cpu-1", True)


def test_without_options_or_an_earlier_start_the_refusal_says_what_to_do(world: World) -> None:
    with pytest.raises(Refused, match="Choose a group, an instance type and an image"):
        world.claim()
    assert world.held() == {}


def test_options_that_are_not_what_they_should_be_are_named(world: World) -> None:
    with pytest.raises(Invalid) as problem:
        world.claim(group="research", instance_type=["cpu-1"], image="")

    assert {error.field for error in problem.value.errors} == {"instance_type", "image"}
    with pytest.raises(Invalid) as problem:
        world.claim(group="research")
    assert {error.field for error in problem.value.errors} == {"instance_type", "image"}


@pytest.mark.parametrize("late", [0, 3600])
def test_a_start_that_was_cancelled_is_not_taken_up_however_late(world: World, late: float) -> None:
    started = world.start()
    world.database.write_now(notebooks.stop, world.cast.member, started.id)

    with pytest.raises(Refused, match="cancelled: stopped by ann"):
        world.claim(start_id=started.id, **OPTIONS)
    world.database.write_now(claims.release, world.cast.spawner, started.id)
    world.clock.advance(late)
    with pytest.raises(Refused, match="cancelled"):
        world.claim(start_id=started.id, **OPTIONS)
    assert world.held() == {}
    assert world.claim(**OPTIONS).start_id != started.id


@pytest.mark.parametrize("late", [0, 3600])
def test_a_start_that_was_given_up_is_not_taken_up_however_late(world: World, late: float) -> None:
    started = world.start()
    assert world.database.write_now(notebooks.abandon, started.id, "JupyterHub does not answer.")
    world.clock.advance(late)

    with pytest.raises(Refused, match="given up: JupyterHub does not answer") as refused:
        world.claim(start_id=started.id, **OPTIONS)

    (reason,) = refused.value.extra["decision"]["reasons"]
    assert reason["code"] == "cancelled"
    assert world.held() == {}
    assert world.get(started.id).phase is NotebookPhase.FAILED
    again = world.start()
    assert world.claim(start_id=again.id, **OPTIONS).start_id == again.id


async def test_a_start_is_taken_up_or_given_up_never_both(world: World, database_url: str) -> None:
    other = Database(database_url, clock=world.clock)  # as another process would
    outcomes = Counter[bool]()
    try:
        for _ in range(8):
            started = world.start()
            asked = ClaimRequest(user="ann", user_options={"start_id": started.id, **OPTIONS})
            taking_up = world.database.write(claims.claim, world.cast.spawner, asked, NO_BOUND)
            giving_up = other.write(notebooks.abandon, started.id, "timeout")
            granted, given_up = await asyncio.gather(taking_up, giving_up, return_exceptions=True)

            assert given_up is not isinstance(granted, ClaimGrant)
            assert set(world.held()) == (set() if given_up else {started.id})
            assert (world.get(started.id).phase is NotebookPhase.FAILED) == given_up
            outcomes[given_up] += 1
            world.database.write_now(claims.release, world.cast.spawner, started.id)
    finally:
        other.close()
    assert outcomes.total() == 8


def test_who_left_the_group_between_start_and_spawn_is_refused(world: World) -> None:
    started = world.start()
    world.database.write_now(lambda uow: uow.session.execute(sa.delete(MembershipRow)))

    with pytest.raises(Refused, match="not a member"):
        world.claim(start_id=started.id)


@pytest.mark.parametrize("user", ["ann", "stranger"])
def test_who_is_disabled_or_unknown_is_refused(world: World, user: str) -> None:
    world.database.write_now(lambda uow: uow.session.execute(sa.update(AccountRow).values(enabled=False)))

    with pytest.raises(Refused, match="disabled"):
        world.claim(user, **OPTIONS)


def test_who_has_a_temporary_password_to_change_is_refused(world: World) -> None:
    world.database.write_now(lambda uow: uow.session.execute(sa.update(AccountRow).values(must_change_password=True)))

    with pytest.raises(Refused, match="temporary password"):
        world.claim("ann", **OPTIONS)


def test_only_the_spawner_may_claim_report_and_release(world: World) -> None:
    started = world.start()
    asked, told = ClaimRequest(user="ann", user_options=OPTIONS), ClaimEvent(event="stopped")
    several = StartEvents(events=(StartEvent(start_id=started.id, event="stopped"),))
    for name, actor in world.cast.everyone().items():
        if name == "spawner":
            continue
        with pytest.raises(Forbidden):
            world.database.write_now(claims.claim, actor, asked, NO_BOUND)
        with pytest.raises(Forbidden):
            world.database.write_now(claims.event, actor, started.id, told)
        with pytest.raises(Forbidden):
            world.database.write_now(claims.events, actor, several)
        with pytest.raises(Forbidden):
            world.database.write_now(claims.release, actor, started.id)
    assert list(world.held()) == [started.id]


def test_a_spawner_that_waits_hears_that_its_start_is_to_end_and_nobody_else_may_ask(world: World) -> None:
    started = world.claim(**OPTIONS).start_id

    def state(actor: Actor) -> str | None:
        return world.database.read_now(claims.state, actor, started).stop_requested

    assert state(world.cast.spawner) is None
    world.database.write_now(notebooks.stop, world.cast.member, started)
    assert "ann" in (state(world.cast.spawner) or "")
    with pytest.raises(Forbidden):
        state(world.cast.member)
    world.tell(started, "stopped")
    with pytest.raises(NotFound):
        state(world.cast.spawner)


def test_what_a_start_goes_on_without_is_kept_with_it_once(world: World) -> None:
    started = world.claim(**OPTIONS).start_id
    gone = {"volume": "share", "reason": "its claim went away: it is gone"}
    for _ in range(2):
        world.tell(started, "progress", progress=35, message="Without share", left_out=gone)
    # words are only shown, whatever they look like
    world.tell(started, "progress", progress=40, message="Without own: a step like any")
    assert world.get(started).left_out == ("share: its claim went away: it is gone",)


def test_what_is_told_of_several_starts_counts_for_each_and_unknown_ones_are_passed_over(world: World) -> None:
    anns = world.claim(**OPTIONS)
    told = (
        StartEvent(start_id="never-was", event="ready"),
        StartEvent(start_id=anns.start_id, event="progress", progress=80, stage="starting", message="Waiting"),
        StartEvent(start_id=anns.start_id, event="ready", url="/user/ann/lab"),
        StartEvent(start_id=anns.start_id, event="progress", progress=90, message="late"),
    )

    world.database.write_now(claims.events, world.cast.spawner, StartEvents(events=told))

    running = world.get(anns.start_id)
    assert (running.phase, running.url) == (NotebookPhase.RUNNING, "/user/ann/lab")
    assert [e.message for e in running.events][-2:] == ["Waiting", "Ready."]


def test_a_start_goes_through_its_phases_with_its_steps_kept(world: World) -> None:
    granted = world.claim(**OPTIONS)
    world.tell(granted.start_id, "progress", progress=40, stage="starting", message="Starting JupyterLab")
    world.tell(granted.start_id, "ready", url="/user/ann/")
    world.tell(granted.start_id, "ready", url="/elsewhere/")
    world.tell(granted.start_id, "progress", progress=50, message="late")

    running = world.get(granted.start_id)

    assert (running.phase, running.url) == (NotebookPhase.RUNNING, "/user/ann/")
    assert [e.message for e in running.events] == [
        "Quota claimed.", "Starting base with cpu-1 in research", "Starting JupyterLab", "Ready.",
    ]  # fmt: skip
    world.tell(granted.start_id, "stopped", exit_code=137, reason="OOMKilled")
    ended = world.get(granted.start_id)
    assert (ended.phase, ended.reason, ended.url) == (NotebookPhase.FAILED, "OOMKilled", "")
    assert world.held() == {}
    world.tell(granted.start_id, "stopped", exit_code=0)
    assert world.get(granted.start_id) == ended


def test_steps_are_bounded(world: World) -> None:
    granted = world.claim(**OPTIONS)
    for number in range(150):
        world.tell(granted.start_id, "progress", message=f"step {number}")

    assert len(world.get(granted.start_id).events) == 100
    assert world.get(granted.start_id).events[-1].message == "step 149"


def test_words_about_a_start_that_never_was_are_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        world.tell("0" * 32, "ready")
    world.database.write_now(claims.release, world.cast.spawner, "0" * 32)


def test_gpus_are_given_by_index_and_given_again_when_free(world: World) -> None:
    world.capacity = MachineCapacity(quota=Quota(gpu=2), gpu_indices=(0, 1))
    gpu = OPTIONS | {"instance_type": "gpu-1"}
    first, second = world.claim(**gpu), world.claim("gil", **gpu)

    assert (first.plan.gpu_indices, second.plan.gpu_indices) == ((0,), (1,))
    world.tell(first.start_id, "stopped")
    world.database.write_now(_join, "olga", "research")
    assert world.claim("olga", **gpu).plan.gpu_indices == (0,)
    with pytest.raises(Refused) as refused:
        world.claim(**gpu)
    (reason,) = refused.value.extra["decision"]["reasons"]
    assert (reason["budget"], reason["resource"], reason["short"]) == ("machine", "gpu", "1 GPU")
    assert {h["user"] for h in reason["holders"]} == {"gil", "olga"}


def test_holders_of_the_machine_from_other_groups_have_no_names(world: World) -> None:
    world.capacity = MachineCapacity(quota=Quota(cpu=Millicores(1000)))
    world.claim("olga", **(OPTIONS | {"group": "other"}))

    with pytest.raises(Refused) as refused:
        world.start()

    (reason,) = refused.value.extra["decision"]["reasons"]
    (holder,) = reason["holders"]
    assert (holder["user"], holder["name"], holder["amount"]) == (None, None, "1 core")
    assert "olga" not in str(refused.value.extra)
    assert "other" not in str(refused.value.extra)


def _set_quota(uow: UnitOfWork, slug: str, **columns) -> None:
    uow.session.execute(sa.update(GroupRow).where(GroupRow.slug == slug).values(**columns))


def _join(uow: UnitOfWork, user: str, slug: str) -> None:
    account = uow.session.scalars(sa.select(AccountRow).where(AccountRow.name == user)).one()
    group = uow.session.scalars(sa.select(GroupRow).where(GroupRow.slug == slug)).one()
    factories.membership(uow, account, group)


def _ledger(uow: UnitOfWork) -> list[sa.Row]:
    columns = (ClaimRow.id, ClaimRow.cpu_limit, ClaimRow.gpu_limit, ClaimRow.gpu_indices)
    return list(uow.session.execute(sa.select(*columns)))


def _crowd(uow: UnitOfWork, people: int) -> None:
    group = uow.session.scalars(sa.select(GroupRow).where(GroupRow.slug == "research")).one()
    for number in range(people):
        factories.membership(uow, factories.account(uow, f"person{number:03}"), group)


def _start_as(uow: UnitOfWork, name: str) -> Notebook:
    return notebooks.start(uow, actors.person(uow, name), REQUEST, NO_BOUND)


def _claim_as(uow: UnitOfWork, name: str) -> ClaimGrant:
    asked = ClaimRequest(user=name, user_options=OPTIONS)
    return claims.claim(uow, factories.service(Scope.CLAIMS), asked, NO_BOUND)


async def _outcome(database: Database, operation: Callable[[UnitOfWork, str], object], name: str) -> str:
    try:
        await database.write(operation, name)
    except Refused as refused:
        (reason,) = refused.extra["decision"]["reasons"]
        assert reason["budget"] == "group"
        assert reason["holders"]
        return str(reason["code"])
    return "started"


@pytest.mark.parametrize(("operation", "quota"), [(_start_as, 10), (_start_as, 20), (_claim_as, 10)])
async def test_two_hundred_at_once_get_exactly_what_the_quota_holds(
    world: World, database_url: str, operation: Callable[[UnitOfWork, str], object], quota: int
) -> None:
    world.database.write_now(_crowd, 200)
    world.database.write_now(_set_quota, "research", group_cpu=quota * 1000)
    # two processes' worth of writers: on SQLite too, whose own lock serializes them
    databases = (world.database, Database(database_url, clock=world.clock))
    try:
        outcomes = await asyncio.gather(
            *(_outcome(databases[number % 2], operation, f"person{number:03}") for number in range(200))
        )
    finally:
        databases[1].close()

    assert Counter(outcomes) == {"started": quota, "quota": 200 - quota}
    assert len(world.held()) == quota


_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("claim"), st.sampled_from(["ann", "gil", "olga"]), st.sampled_from(["cpu-1", "gpu-1"])),
        st.tuples(st.just("end"), st.integers(0, 5), st.none()),
        st.tuples(st.just("quota"), st.integers(0, 3), st.integers(0, 2)),
    ),
    max_size=25,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_STEPS)
def test_no_claim_is_ever_granted_beyond_a_quota(world: World, steps: list) -> None:
    capacity = MachineCapacity(quota=Quota(cpu=Millicores(4000), gpu=2), gpu_indices=(0, 1))
    database, limit = world.database, {"cpu": 3000, "gpu": 2}
    database.write_now(lambda uow: uow.session.execute(sa.delete(ClaimRow)))
    database.write_now(_set_quota, "research", group_cpu=3000, group_gpu=2, user_cpu=2000, user_gpu=1)
    with contextlib.suppress(sa.exc.IntegrityError):
        database.write_now(_join, "olga", "research")
    for what, first, second in steps:
        if what == "quota":
            limit = {"cpu": first * 1000, "gpu": second}
            database.write_now(_set_quota, "research", group_cpu=limit["cpu"], group_gpu=limit["gpu"])
        elif what == "end" and (held := sorted(world.held())):
            world.tell(held[first % len(held)], "stopped")
        elif what == "claim":
            asked = ClaimRequest(user=first, user_options=OPTIONS | {"instance_type": second})
            try:
                granted = database.write_now(claims.claim, world.cast.spawner, asked, capacity)
            except Problem:
                continue
            rows = database.read_now(_ledger)
            assert granted.start_id in {row.id for row in rows}
            assert sum(row.cpu_limit for row in rows) <= limit["cpu"]
            takes_gpu = second == "gpu-1"
            assert not takes_gpu or sum(row.gpu_limit for row in rows) <= limit["gpu"]
            indices = [index for row in rows for index in row.gpu_indices]
            assert len(indices) == len(set(indices)) == sum(row.gpu_limit for row in rows)
