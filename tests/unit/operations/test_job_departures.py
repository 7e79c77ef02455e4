"""Who leaves loses what waits; what runs for the group runs on, and what reaches into another group does not."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from primehub_services.domain.identity import AccountUpdate
from primehub_services.domain.job_life import GRACE_S, LEAVING_GRACE_S
from primehub_services.domain.jobs import JobPhase
from primehub_services.operations import accounts, groups, members
from primehub_services.operations.job_departures import ask_to_end
from primehub_services.store import jobs
from primehub_services.store.database import Database
from primehub_services.store.orm import AccountRow, GroupRow
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support import factories
from tests.support.clock import FixedClock
from tests.support.factories import Cast
from tests.support.jobs import World, make_world


@pytest.fixture
def world(database: Database, clock: FixedClock, cast: Cast, tmp_path: Path) -> World:
    return make_world(database, clock, cast, tmp_path)


def cancelled(world: World, job_id: str) -> str | None:
    return world.job(job_id, world.cast.platform_admin).cancel_requested


async def test_a_membership_that_ends_cancels_what_waits_and_leaves_what_runs(world: World) -> None:
    running = await world.running()
    waiting = world.submit()
    others = world.submit(world.cast.group_admin)
    world.database.write_now(members.delete, world.cast.platform_admin, "research", "ann")
    assert cancelled(world, waiting.id) == "Cancelled because ann left the group"
    assert cancelled(world, running.id) is None
    assert cancelled(world, others.id) is None
    world.admit()
    found = world.job(waiting.id, world.cast.group_admin)
    assert (found.phase, found.message) == (JobPhase.CANCELLED, "Cancelled because ann left the group")
    world.fake.finish(f"{running.id}-1")
    await world.look()
    assert world.job(running.id, world.cast.group_admin).phase is JobPhase.SUCCEEDED


async def test_what_runs_elsewhere_with_the_groups_folder_ends_with_the_membership(world: World) -> None:
    def join(uow: UnitOfWork) -> None:
        ann = uow.session.scalar(sa.select(AccountRow).where(AccountRow.name == "ann"))
        group = uow.session.scalar(sa.select(GroupRow).where(GroupRow.slug == "other"))
        assert ann is not None
        assert group is not None
        group.launch_group_only = False
        factories.membership(uow, ann, group)

    world.database.write_now(join)
    running = await world.running()
    world.database.write_now(members.delete, world.cast.platform_admin, "other", "ann")
    assert cancelled(world, running.id) == "Cancelled because ann left the group other"


@pytest.mark.parametrize("how", ["disabled", "deleted"])
async def test_an_account_that_ends_takes_all_its_jobs_along(world: World, how: str) -> None:
    running = await world.running()
    waiting = world.submit()
    told = world.database.read_now(accounts.running, world.cast.platform_admin, "ann")
    assert [(t.kind, t.id, t.phase) for t in told] == [
        ("job", running.id, "RUNNING"),
        ("job", waiting.id, "PENDING"),
    ]
    assert told[0].name == "python train.py"
    admin = world.cast.platform_admin
    if how == "disabled":
        version = world.database.read_now(accounts.get, admin, "ann").version
        world.database.write_now(accounts.update, admin, "ann", AccountUpdate(version=version, enabled=False))
    else:
        world.database.write_now(accounts.delete, admin, "ann")
    world.admit()
    await world.look()
    await world.look()
    for job in (running, waiting):
        found = world.job(job.id, admin)
        assert (found.phase, found.message) == ("CANCELLED", f"Cancelled because the account was {how}")
    assert world.claims() == []


async def test_who_cancelled_before_being_disabled_gains_no_time(world: World) -> None:
    running = await world.running()
    world.fake.ignoring.add(f"{running.id}-1")
    world.cancel(running.id)
    await world.look()
    admin = world.cast.platform_admin
    version = world.database.read_now(accounts.get, admin, "ann").version
    world.database.write_now(accounts.update, admin, "ann", AccountUpdate(version=version, enabled=False))
    await world.look()
    assert world.job(running.id, admin).phase is JobPhase.RUNNING
    await world.look(LEAVING_GRACE_S)
    await world.look()
    found = world.job(running.id, admin)
    assert (found.phase, found.message) == ("CANCELLED", "Cancelled because the account was disabled")


async def test_a_job_that_another_replaces_has_all_the_time_that_a_cancelled_one_has(world: World) -> None:
    running = await world.running()
    world.fake.ignoring.add(f"{running.id}-1")

    def replace(uow: UnitOfWork) -> None:
        row = jobs.locked(uow, running.id)
        assert row is not None
        ask_to_end(uow, row, "Replaced by job-202611221200-abcdef")

    world.database.write_now(replace)
    await world.look()
    await world.look(GRACE_S - 3)
    assert world.job(running.id).phase is JobPhase.RUNNING
    await world.look(4)
    await world.look()
    assert world.job(running.id).phase is JobPhase.CANCELLED


async def test_a_deleted_group_takes_all_its_jobs_along(world: World) -> None:
    running = await world.running()
    waiting = world.submit()
    world.database.write_now(groups.delete, world.cast.platform_admin, "research")
    world.admit()
    await world.look()
    await world.look()
    for job in (running, waiting):
        found = world.job(job.id, world.cast.platform_admin)
        assert found.phase in (JobPhase.CANCELLED, JobPhase.FAILED), found
    assert world.claims() == []
