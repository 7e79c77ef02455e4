"""Starting, seeing, stopping and keeping notebooks, over a real store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest
import sqlalchemy as sa

from primehub_services.domain.claims import MachineCapacity
from primehub_services.domain.handshake import ClaimEvent, ClaimRequest
from primehub_services.domain.identity import Actor
from primehub_services.domain.launch import LaunchRequest
from primehub_services.domain.notebooks import Notebook, NotebookPhase
from primehub_services.domain.paging import PageQuery
from primehub_services.domain.problems import Conflict, Forbidden, Invalid, NotFound, Refused
from primehub_services.operations import claims, launches, notebooks, usage
from primehub_services.store.database import Database
from primehub_services.store.notebooks import Filters
from primehub_services.store.orm import AuditRow, ClaimRow, GroupRow, NotebookRow
from tests.support import factories
from tests.support.clock import FixedClock
from tests.support.factories import Cast

NO_BOUND = MachineCapacity()
REQUEST = LaunchRequest(group="research", instance_type="cpu-1", image="base")


@dataclass
class World:
    """A store with two groups, one instance type and one image."""

    database: Database
    cast: Cast
    clock: FixedClock

    def start(self, actor: Actor | None = None, request: LaunchRequest = REQUEST) -> Notebook:
        return self.database.write_now(notebooks.start, actor or self.cast.member, request, NO_BOUND)

    def running(self, actor: Actor | None = None) -> Notebook:
        started = self.start(actor)
        asked = ClaimRequest(user=started.user, user_options={"start_id": started.id})
        self.database.write_now(claims.claim, self.cast.spawner, asked, NO_BOUND)
        ready = ClaimEvent(event="ready", url=f"/user/{started.user}/")
        self.database.write_now(claims.event, self.cast.spawner, started.id, ready)
        return self.get(started.id)

    def get(self, start_id: str) -> Notebook:
        return self.database.read_now(notebooks.get, self.cast.platform_admin, start_id)

    def held(self) -> list[str]:
        return self.database.read_now(lambda uow: list(uow.session.scalars(sa.select(ClaimRow.id))))


@pytest.fixture
def world(database: Database, cast: Cast, clock: FixedClock) -> World:
    def fill(uow):
        factories.instance_type(uow)
        factories.image(uow)

    database.write_now(fill)
    return World(database, cast, clock)


def test_a_start_claims_and_remembers_the_variables(world: World) -> None:
    first = world.start(request=REQUEST.model_copy(update={"environment": {"WHO": "me"}}))

    assert first.phase is NotebookPhase.STARTING
    assert world.held() == [first.id]
    shown = world.database.read_now(launches.options, world.cast.member, "research")
    assert shown.environment == {"WHO": "me"}
    assert shown.running is not None
    assert shown.running.id == first.id
    assert (shown.user.used.cpu, shown.total.used.cpu) == (1000, 1000)


def test_the_remembered_variables_are_in_the_next_plan(world: World) -> None:
    first = world.start(request=REQUEST.model_copy(update={"environment": {"WHO": "me"}}))
    world.database.write_now(notebooks.abandon, first.id, "no hub")
    second = world.start()

    granted = world.database.write_now(
        claims.claim, world.cast.spawner, ClaimRequest(user="ann", user_options={"start_id": second.id}), NO_BOUND
    )

    assert granted.plan.environment["WHO"] == "me"


def test_a_second_start_of_the_same_server_is_refused_with_its_group(world: World) -> None:
    world.start()

    with pytest.raises(Refused) as refused:
        world.start()

    (reason,) = refused.value.extra["decision"]["reasons"]
    assert reason["code"] == "already-running"
    assert "research" in reason["message"]


def test_what_the_request_names_and_is_not_there_is_an_invalid_field(world: World) -> None:
    with pytest.raises(Invalid) as problem:
        world.start(request=LaunchRequest(group="research", instance_type="huge", image="none"))

    assert {error.field for error in problem.value.errors} == {"instance_type", "image"}
    assert all(error.fix for error in problem.value.errors)
    assert world.held() == []


def test_a_group_that_one_is_not_in_is_refused_like_one_that_does_not_exist(world: World) -> None:
    def words(group: str) -> str:
        with pytest.raises(Invalid) as problem:
            world.start(world.cast.outsider, REQUEST.model_copy(update={"group": group}))
        return problem.value.detail.replace(group, "X")

    assert words("research") == words("no-such-group")


def test_a_platform_admin_who_is_no_member_may_not_start(world: World) -> None:
    with pytest.raises(Forbidden):
        world.start(world.cast.platform_admin)


def test_a_notebooks_own_token_may_not_start(world: World) -> None:
    with pytest.raises(Forbidden):
        world.start(world.cast.notebook)


def test_an_unadopted_start_that_the_hub_did_not_get_is_given_back(world: World) -> None:
    started = world.start()

    assert world.database.write_now(notebooks.abandon, started.id, "The hub does not answer.")

    assert world.held() == []
    ended = world.get(started.id)
    assert (ended.phase, ended.reason) == (NotebookPhase.FAILED, "The hub does not answer.")


def test_a_start_that_the_hub_took_up_after_all_is_not_abandoned(world: World) -> None:
    running = world.running()

    assert not world.database.write_now(notebooks.abandon, running.id, "timeout")

    assert world.held() == [running.id]
    assert world.get(running.id).phase is NotebookPhase.RUNNING


def test_stopping_is_asked_for_once_and_names_who_asked(world: World) -> None:
    running = world.running()

    asked = world.database.write_now(notebooks.stop, world.cast.member, running.id)
    again = world.database.write_now(notebooks.stop, world.cast.platform_admin, running.id)

    assert (asked.phase, asked.reason) == (NotebookPhase.STOPPING, "stopped by ann")
    assert again == asked
    world.database.write_now(claims.event, world.cast.spawner, running.id, ClaimEvent(event="stopped", exit_code=143))
    ended = world.get(running.id)
    assert (ended.phase, ended.reason) == (NotebookPhase.STOPPED, "stopped by ann")
    assert world.database.write_now(notebooks.stop, world.cast.member, running.id) == ended
    audited = world.database.read_now(
        lambda uow: [(a.actor, a.action) for a in uow.session.scalars(sa.select(AuditRow).order_by(AuditRow.id))]
    )
    assert [a for a in audited if a[1] == "notebook.stop"] == [("ann", "notebook.stop")]


@pytest.mark.parametrize(
    ("name", "sees", "reads_log", "stops"),
    [
        ("member", True, True, True),
        ("group_admin", True, False, False),
        ("outsider", False, False, False),
        ("platform_admin", True, True, True),
        ("notebook", True, True, False),
    ],
)
def test_who_may_do_what_with_a_members_notebook(
    world: World, name: str, sees: bool, reads_log: bool, stops: bool
) -> None:
    running = world.running()
    actor = world.cast.everyone()[name]

    refusal = Forbidden if sees else NotFound

    def may(operation) -> bool:
        try:
            world.database.write_now(operation, actor, running.id)
        except refusal:
            return False
        return True

    assert [may(notebooks.get), may(notebooks.notebook_for_log), may(notebooks.stop)] == [sees, reads_log, stops]


def test_a_group_admin_sees_the_state_alone(world: World) -> None:
    running = world.running()

    seen = world.database.read_now(notebooks.get, world.cast.group_admin, running.id)

    assert seen.phase is NotebookPhase.RUNNING
    assert (seen.url, seen.events) == ("", ())
    assert running.url == "/user/ann/"


def test_a_notebooks_token_sees_its_own_server_alone(world: World) -> None:
    other = world.start(request=REQUEST.model_copy(update={"server_name": "second"}))

    with pytest.raises(NotFound):
        world.database.read_now(notebooks.get, world.cast.notebook, other.id)
    listed = world.database.read_now(notebooks.list_, world.cast.notebook, PageQuery())
    assert listed.total == 0


def test_lists_hold_what_one_may_see(world: World) -> None:
    anns, gils = world.running(), world.start(world.cast.group_admin)

    def ids(actor: Actor, **filters) -> list[str]:
        page = world.database.read_now(notebooks.list_, actor, PageQuery(), Filters(**filters))
        assert page.total == len(page.items)
        return sorted(n.id for n in page.items)

    both = sorted([anns.id, gils.id])
    assert ids(world.cast.member) == [anns.id]
    assert ids(world.cast.group_admin) == both
    assert ids(world.cast.platform_admin) == both
    assert ids(world.cast.outsider) == []
    assert ids(world.cast.platform_admin, user="gil") == [gils.id]
    assert ids(world.cast.platform_admin, group="other") == []
    world.database.write_now(claims.event, world.cast.spawner, anns.id, ClaimEvent(event="stopped"))
    assert ids(world.cast.group_admin, active=True) == [gils.id]
    assert ids(world.cast.group_admin, active=False) == [anns.id]


def test_an_idle_notebook_is_culled_after_its_deadline_and_says_so(world: World) -> None:
    world.database.write_now(
        lambda uow: setattr(
            uow.session.scalars(sa.select(GroupRow).where(GroupRow.slug == "research")).one(), "idle_timeout", 600
        )
    )
    running = world.running()
    assert running.idle_deadline == world.clock.now + timedelta(seconds=600)
    assert running.idle_warning_at == world.clock.now + timedelta(seconds=300), "a warning at the start is none"

    def decision():
        return world.database.read_now(notebooks.culling, world.cast.culler, "ann", "")

    world.clock.advance(500)
    world.database.write_now(notebooks.record_activity, [("ann", "", world.clock.now), ("bob", "", world.clock.now)])
    world.clock.advance(500)
    assert not decision().cull
    world.clock.advance(100)
    assert decision().cull
    world.database.write_now(claims.event, world.cast.spawner, running.id, ClaimEvent(event="stopped"))
    assert world.get(running.id).reason == "idle"
    assert not decision().cull


def test_keeping_puts_culling_off_and_never_shortens(world: World) -> None:
    running = world.running()

    def keep(seconds: int, actor: Actor = world.cast.member) -> Notebook:
        return world.database.write_now(notebooks.keep, actor, running.id, seconds)

    kept = keep(80_000)
    assert kept.idle_deadline == kept.keep_until == world.clock.now + timedelta(seconds=80_000)
    assert kept.idle_warning_at == kept.keep_until - timedelta(seconds=600)
    assert keep(60, world.cast.notebook).keep_until == kept.keep_until
    world.clock.advance(79_000)
    assert not world.database.read_now(notebooks.culling, world.cast.culler, "ann", "").cull
    for wrong in (0, -1, 86_401):
        with pytest.raises(Invalid, match="seconds"):
            keep(wrong)
    with pytest.raises(Forbidden):
        keep(60, world.cast.group_admin)
    world.database.write_now(claims.event, world.cast.spawner, running.id, ClaimEvent(event="stopped"))
    with pytest.raises(Conflict):
        keep(60)


def test_culling_is_for_the_culler_and_never_of_what_is_not_known(world: World) -> None:
    assert not world.database.read_now(notebooks.culling, world.cast.culler, "nobody", "").cull
    for name, actor in world.cast.everyone().items():
        if name != "culler":
            with pytest.raises(Forbidden):
                world.database.read_now(notebooks.culling, actor, "ann", "")


def test_values_of_variables_are_forgotten_when_a_notebook_has_ended(world: World) -> None:
    started = world.start(request=REQUEST.model_copy(update={"environment": {"TOKEN": "hush"}}))
    world.database.write_now(claims.release, world.cast.spawner, started.id)

    plan = world.database.read_now(lambda uow: uow.session.get_one(NotebookRow, started.id).plan)

    assert "hush" not in str(plan)


def test_who_looks_at_the_group_sees_when_a_notebook_is_culled_if_nobody_uses_it(world: World) -> None:
    notebook = world.running()
    (holder,) = world.database.read_now(usage.group, world.cast.member, "research").holders
    assert holder.ends_at == notebook.idle_deadline is not None
