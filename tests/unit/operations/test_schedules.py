"""Recurring jobs as people keep them: whose rights count, who may change what, and what a pause means."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from primehub_services.domain.claims import MachineCapacity
from primehub_services.domain.identity import AccountUpdate
from primehub_services.domain.jobs import JobPhase, JobSpec, NotebookRun
from primehub_services.domain.paging import PageQuery
from primehub_services.domain.problems import Conflict, Forbidden, Invalid, NotFound, Problem, Refused
from primehub_services.domain.resources import Quota
from primehub_services.domain.schedules import (
    CronRequest,
    FiringOutcome,
    Overlap,
    Schedule,
    ScheduleCreate,
    ScheduleSnapshot,
    ScheduleUpdate,
)
from primehub_services.domain.system import SystemSettings
from primehub_services.domain.units import Millicores
from primehub_services.operations import accounts, firings, groups, members, schedules
from primehub_services.store import settings
from primehub_services.store.database import Database
from primehub_services.store.orm import ImageRow, ScheduleRow, SnapshotRow
from primehub_services.store.schedules import Filters
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support import factories
from tests.support.clock import FixedClock
from tests.support.factories import Cast
from tests.support.identity import SERVICES, audited, expected, outcomes
from tests.support.recurring import (
    MACHINE,
    SPEC,
    end_jobs,
    firing_rows,
    job_rows,
    launchables,
    recurring,
    schedule_row,
)

ALL = PageQuery(page_size=200)
HIDDEN = dict.fromkeys(("outsider", *SERVICES), "not-found")
HOUR = 3600.0


@pytest.fixture(autouse=True)
def _launchables(database: Database, cast: Cast) -> None:
    database.write_now(launchables)


def fire(database: Database, schedule: Schedule) -> bool:
    return database.write_now(firings.fire, schedule.id, firings.Batch(MACHINE, database.clock()))


def change(database: Database, cast_actor: Any, schedule: Schedule, **fields: Any) -> Schedule:
    version = schedule_row(database, schedule.id).version
    return database.write_now(
        schedules.update, cast_actor, schedule.id, ScheduleUpdate(version=version, **fields), capacity=MACHINE
    )


def snapshot(database: Database, cast: Cast, snapshot_id: str = "snap", **changes: Any) -> None:
    def add(uow: UnitOfWork) -> None:
        assert cast.member.account is not None
        values: dict[str, Any] = {
            "id": snapshot_id,
            "account_id": cast.member.account.id,
            "group_id": cast.group.id,
            "format": "ipynb",
            "name": "train.ipynb",
            "size": 10,
            "digest": "d" * 64,
            "created_at": uow.now,
        }
        uow.session.add(SnapshotRow(**(values | changes)))

    database.write_now(add)


NOTEBOOK = SPEC.model_copy(update={"command": "", "notebook": NotebookRun(snapshot="snap", path="train.ipynb")})


def test_a_recurring_job_is_made_with_its_reading_and_its_next_run(database: Database, cast: Cast) -> None:
    made = recurring(database, cast.member, "0 4 * * mon", timezone="Europe/Berlin")
    assert (made.cron, made.reading, made.user, made.group) == (
        "0 4 * * MON",
        "At 04:00 every Monday",
        "ann",
        "research",
    )
    assert made.next_at is not None
    assert made.next_at.isoformat() == "2026-03-09T03:00:00+00:00"
    assert (made.paused, made.last, made.version) == (False, None, 1)
    assert job_rows(database) == []  # what was tried when it was checked is not there
    assert audited(database)[-1][1] == "schedule.create"


def test_what_could_never_run_is_refused_when_it_is_made(database: Database, cast: Cast) -> None:
    for field, value in (("instance_type", "no-such"), ("image", "no-such"), ("secrets", {"KEY": "no-such"})):
        with pytest.raises(Invalid) as caught:
            recurring(database, cast.member, job=SPEC.model_copy(update={field: value}))
        assert caught.value.errors[0].field.startswith(field)
    with pytest.raises(Invalid, match="notebook_reads_file"):
        recurring(database, cast.member, notebook_reads_file=True)


def test_a_notebook_in_the_groups_volume_may_be_read_at_each_firing(database: Database, cast: Cast) -> None:
    snapshot(database, cast)
    with pytest.raises(Invalid, match="not in the group folder"):
        recurring(database, cast.member, job=NOTEBOOK, notebook_reads_file=True)
    run = NotebookRun(snapshot="snap", path="research/deep/train.ipynb")
    job = NOTEBOOK.model_copy(update={"notebook": run})
    for reads in (True, False):
        made = recurring(database, cast.member, job=job, notebook_reads_file=reads)
        fired = database.write_now(schedules.run, cast.member, made.id, capacity=MACHINE)
        [row] = [row for row in job_rows(database) if row.id == fired]
        assert row.spec["notebook"]["reads_file"] is reads


def test_the_preview_names_the_next_five(database: Database, cast: Cast) -> None:
    found = database.read_now(schedules.preview, cast.member, CronRequest(cron="0 4 * * *", timezone="UTC"))
    assert found.reading == "At 04:00 every day"
    assert [at.isoformat() for at in found.next] == [f"2026-03-0{day}T04:00:00+00:00" for day in range(3, 8)]


def test_who_sees_makes_and_changes_one(database: Database, cast: Cast) -> None:
    made = recurring(database, cast.member)
    new = ScheduleCreate(name="n", cron="0 4 * * *", job=SPEC)
    rename = ScheduleUpdate(version=1, name="other")
    assert outcomes(database, cast, schedules.get, made.id) == expected("ok") | HIDDEN
    assert outcomes(database, cast, schedules.firings_of, made.id, ALL) == expected("ok") | HIDDEN
    assert outcomes(database, cast, schedules.create, new, capacity=MACHINE) == (
        expected("ok", platform_admin="forbidden", notebook="forbidden") | HIDDEN
    )
    editors = expected("ok", notebook="forbidden") | HIDDEN
    assert outcomes(database, cast, schedules.update, made.id, rename, capacity=MACHINE) == editors
    assert outcomes(database, cast, schedules.run, made.id, capacity=MACHINE) == editors
    assert outcomes(database, cast, schedules.delete, made.id) == editors


def test_another_member_sees_it_without_values_and_cannot_change_it(database: Database, cast: Cast) -> None:
    made = recurring(database, cast.member, job=SPEC.model_copy(update={"environment": {"PASS": "hidden"}}))
    assert made.job.environment == {"PASS": "hidden"}
    mia = database.write_now(_member, cast)
    for actor in (mia, cast.group_admin, cast.platform_admin, cast.notebook):
        assert database.read_now(schedules.get, actor, made.id).job.environment == {"PASS": ""}
        assert database.read_now(schedules.list_, actor, ALL).items[0].job.environment == {"PASS": ""}
    with pytest.raises(Forbidden):
        change(database, mia, made, name="mine")
    with pytest.raises(Forbidden):
        database.write_now(schedules.run, mia, made.id, capacity=MACHINE)


def _member(uow: UnitOfWork, cast: Cast) -> Any:
    mia = factories.account(uow, "mia")
    factories.membership(uow, mia, cast.group)
    return factories.actor(uow, mia)


@pytest.mark.parametrize("who", ["group_admin", "platform_admin"])
def test_an_admin_changes_times_but_never_what_runs(database: Database, cast: Cast, who: str) -> None:
    made = recurring(database, cast.member, job=SPEC.model_copy(update={"environment": {"PASS": "hidden"}}))
    admin = getattr(cast, who)
    other = SPEC.model_copy(update={"command": "steal"})
    with pytest.raises(Forbidden, match="Only its owner may change job"):
        change(database, admin, made, job=other)
    seen = database.read_now(schedules.get, admin, made.id)
    changed = change(database, admin, made, job=seen.job, cron="0 5 * * *", name="later", overlap=Overlap.QUEUE)
    assert (changed.cron, changed.name, changed.overlap) == ("0 5 * * *", "later", Overlap.QUEUE)
    assert schedule_row(database, made.id).job["environment"] == {"PASS": "hidden"}


def test_a_run_by_hand_is_the_owners_and_holds_up_nothing(database: Database, cast: Cast, clock: FixedClock) -> None:
    made = recurring(database, cast.member)
    job_id = database.write_now(schedules.run, cast.group_admin, made.id, capacity=MACHINE)
    [job] = job_rows(database)
    assert cast.member.account is not None
    assert (job.id, job.account_id, job.schedule_id, job.scheduled) == (job_id, cast.member.account.id, made.id, False)
    assert job.name == "nightly"
    clock.advance(HOUR)
    assert fire(database, made)
    assert [row.outcome for row in firing_rows(database)] == ["JOB"]


@pytest.mark.parametrize("before", ["nightly", "", "other"])
def test_runs_bear_the_name_that_the_recurring_job_has_now(database: Database, cast: Cast, before: str) -> None:
    made = recurring(database, cast.member, job=SPEC.model_copy(update={"name": before}))

    def as_it_was_kept(uow: UnitOfWork) -> None:
        row = uow.session.get(ScheduleRow, made.id)
        assert row is not None
        row.job = row.job | {"name": before}

    database.write_now(as_it_was_kept)
    kept = "other" if before == "other" else ""
    # a form sends the whole job along, under the old name or the new one
    for number, job in enumerate((None, made.job, made.job.model_copy(update={"name": kept or "renamed 2"}))):
        changes = {} if job is None else {"job": job}
        made = change(database, cast.group_admin, made, name=f"renamed {number}", **changes)
        ran = database.write_now(schedules.run, cast.member, made.id, capacity=MACHINE)
        assert {row.id: row.name for row in job_rows(database)}[ran] == (kept or f"renamed {number}")
    changed = made.job.model_copy(update={"name": made.name, "command": "echo 2"})
    made = change(database, cast.member, made, job=changed)
    assert (made.job.command, made.job.name) == ("echo 2", "")


def test_an_edit_from_an_old_version_is_refused_and_a_firing_makes_none(
    database: Database, cast: Cast, clock: FixedClock
) -> None:
    made = recurring(database, cast.member)
    clock.advance(HOUR)
    fire(database, made)
    new = ScheduleUpdate(version=made.version, name="other")
    assert database.write_now(schedules.update, cast.member, made.id, new, capacity=MACHINE).name == "other"
    with pytest.raises(Conflict) as caught:
        database.write_now(schedules.update, cast.member, made.id, new, capacity=MACHINE)
    assert caught.value.extra["current"]["name"] == "other"


def test_a_pause_accounts_for_nothing_of_its_time(database: Database, cast: Cast, clock: FixedClock) -> None:
    made = recurring(database, cast.member, catch_up=True)
    paused = change(database, cast.member, made, paused=True)
    assert (paused.paused, paused.next_at, paused.pause_reason) == (True, None, "")
    clock.advance(10 * HOUR)
    assert not fire(database, made)
    resumed = change(database, cast.group_admin, made, paused=False)
    assert resumed.next_at is not None
    assert resumed.next_at > clock.now
    assert firing_rows(database) == []


def test_what_was_due_before_the_times_changed_has_its_row(database: Database, cast: Cast, clock: FixedClock) -> None:
    made = recurring(database, cast.member)
    clock.advance(2 * HOUR)
    change(database, cast.member, made, cron="0 * * * *")
    [row] = firing_rows(database)
    assert (row.outcome, row.count, row.job_id) == ("COALESCED", 2, None)
    assert row.message == "The times were changed before it could run."
    assert schedule_row(database, made.id).next_at > clock.now


def test_times_that_are_saved_as_they_were_leave_what_is_due_to_be_fired(
    database: Database, cast: Cast, clock: FixedClock
) -> None:
    made = recurring(database, cast.member, "0 4 * * MON-FRI", overlap=Overlap.QUEUE)
    assert made.next_at is not None
    clock.now = made.next_at + timedelta(seconds=1)
    saved = change(
        database, cast.member, made, cron=" 0 4  * * mon-fri", timezone=made.timezone, paused=False, name="other"
    )
    assert (saved.name, saved.next_at) == ("other", made.next_at)
    assert firing_rows(database) == []
    assert fire(database, made)
    assert [row.outcome for row in firing_rows(database)] == ["JOB"]


def test_one_that_was_made_under_other_rules_is_paused_and_resumed(
    database: Database, cast: Cast, clock: FixedClock
) -> None:
    made = recurring(database, cast.member, "* * * * *")
    database.write_now(settings.save, SystemSettings(recurring_min_interval=3600))
    for paused in (True, False):
        assert change(database, cast.member, made, cron=made.cron, paused=paused).paused is paused
    with pytest.raises(Invalid, match="cron"):
        change(database, cast.member, made, cron="*/2 * * * *")


def test_the_group_of_a_recurring_job_cannot_be_changed(database: Database, cast: Cast) -> None:
    made = recurring(database, cast.member)

    def join(uow: UnitOfWork) -> Any:
        assert cast.member.account is not None
        row = accounts.store.by_name(uow, "ann")
        assert row is not None
        factories.membership(uow, row, cast.other_group)
        return factories.actor(uow, row)

    ann = database.write_now(join)
    with pytest.raises(Invalid, match="stays in its group"):
        change(database, ann, made, job=SPEC.model_copy(update={"group": "other"}))


def leave(database: Database, cast: Cast) -> None:
    database.write_now(members.delete, cast.group_admin, "research", "ann")


def disable(database: Database, cast: Cast) -> None:
    database.write_now(accounts.update, cast.platform_admin, "ann", AccountUpdate(version=1, enabled=False))


def delete_account(database: Database, cast: Cast) -> None:
    database.write_now(accounts.delete, cast.platform_admin, "ann")


@pytest.mark.parametrize("go", [leave, disable, delete_account])
def test_who_leaves_has_it_paused_in_the_same_transaction(
    database: Database, cast: Cast, clock: FixedClock, go: Any
) -> None:
    made = recurring(database, cast.member)
    go(database, cast)
    row = schedule_row(database, made.id)
    assert row.paused
    assert row.pause_reason
    assert row.next_at is None
    clock.advance(HOUR)
    assert not fire(database, made)
    with pytest.raises(Problem):  # it would be paused again at once
        change(database, cast.group_admin, made, paused=False)
    assert job_rows(database) == []


def test_the_end_of_a_group_pauses_its_recurring_jobs(database: Database, cast: Cast) -> None:
    made = recurring(database, cast.member)
    database.write_now(groups.delete, cast.platform_admin, "research")
    assert schedule_row(database, made.id).paused
    with pytest.raises(NotFound):
        database.read_now(schedules.get, cast.platform_admin, made.id)


def test_what_the_owner_may_not_use_any_more_pauses_it_when_it_fires(
    database: Database, cast: Cast, clock: FixedClock
) -> None:
    made = recurring(database, cast.member)

    def remove(uow: UnitOfWork) -> None:
        uow.session.execute(sa.update(ImageRow).values(deleted_at=uow.now))

    database.write_now(remove)
    clock.advance(HOUR)
    assert fire(database, made)
    [row] = firing_rows(database)
    assert (row.outcome, row.job_id) == ("SKIPPED", None)
    assert "There is no image 'base'" in row.message
    schedule = database.read_now(schedules.get, cast.member, made.id)
    assert schedule.paused
    assert "There is no image 'base'" in schedule.pause_reason
    assert job_rows(database) == []


def test_a_machine_that_does_not_see_all_that_it_has_leaves_out_one_run(
    database: Database, cast: Cast, clock: FixedClock
) -> None:
    made = recurring(database, cast.member)
    clock.advance(HOUR)
    small = MachineCapacity(quota=Quota(cpu=Millicores(500)))
    assert database.write_now(firings.fire, made.id, firings.Batch(small, database.clock()))
    [row] = firing_rows(database)
    assert (row.outcome, "this machine has" in row.message) == ("SKIPPED", True)
    assert not schedule_row(database, made.id).paused


def test_a_machine_without_a_sandbox_leaves_out_one_run(database: Database, cast: Cast, clock: FixedClock) -> None:
    made = recurring(database, cast.member)
    clock.advance(HOUR)
    unprotected = MachineCapacity(unprotected=True)
    assert database.write_now(firings.fire, made.id, firings.Batch(unprotected, database.clock()))
    [row] = firing_rows(database)
    assert (row.outcome, "No sandbox can run" in row.message) == ("SKIPPED", True)
    assert not schedule_row(database, made.id).paused


def test_a_full_queue_leaves_out_one_run_and_stops_no_change(database: Database, cast: Cast, clock: FixedClock) -> None:
    database.write_now(settings.save, SystemSettings(queue_limit=1))
    made = recurring(database, cast.member, overlap=Overlap.QUEUE)
    for _ in range(2):
        clock.advance(HOUR)
        assert fire(database, made)
    first, second = firing_rows(database)
    assert (first.outcome, second.outcome, second.job_id) == ("JOB", "SKIPPED", None)
    assert "queue_limit" in second.message
    assert not schedule_row(database, made.id).paused
    with pytest.raises(Refused, match="queue_limit"):
        database.write_now(schedules.run, cast.member, made.id, capacity=MACHINE)
    recurring(database, cast.member)
    change(database, cast.member, made, paused=True)
    changed = change(database, cast.member, made, paused=False, job=SPEC.model_copy(update={"command": "ls"}))
    assert (changed.paused, changed.job.command) == (False, "ls")
    end_jobs(database)
    clock.advance(HOUR)
    assert fire(database, made)
    assert [row.outcome for row in firing_rows(database, made.id)] == ["JOB", "SKIPPED", "JOB"]


def test_an_image_that_is_being_made_leaves_out_one_run(database: Database, cast: Cast, clock: FixedClock) -> None:
    made = recurring(database, cast.member)
    database.write_now(lambda uow: uow.session.execute(sa.update(ImageRow).values(phase="BUILDING")) and None)
    clock.advance(HOUR)
    assert fire(database, made)
    [row] = firing_rows(database)
    assert (row.outcome, "not ready yet" in row.message) == ("SKIPPED", True)
    assert not schedule_row(database, made.id).paused


def test_a_later_run_takes_the_place_of_an_earlier_one(database: Database, cast: Cast, clock: FixedClock) -> None:
    made = recurring(database, cast.member, overlap=Overlap.REPLACE)
    for _ in range(2):
        clock.advance(HOUR)
        assert fire(database, made)
    first, second = job_rows(database)
    assert first.cancel_requested == f"Replaced by {second.id}"
    assert second.cancel_requested is None
    assert [(row.outcome, row.job_id) for row in firing_rows(database)] == [("JOB", first.id), ("REPLACED", second.id)]
    end_jobs(database)
    told = database.read_now(schedules.get, cast.member, made.id).last
    assert told is not None
    assert (told.outcome, told.job, told.phase) == (FiringOutcome.REPLACED, second.id, JobPhase.SUCCEEDED)
    clock.advance(HOUR)
    assert fire(database, made)
    assert firing_rows(database)[-1].outcome == "JOB"


def test_a_notebooks_token_makes_recurring_notebooks_of_its_owner_and_keeps_them_current(
    database: Database, cast: Cast
) -> None:
    snapshot(database, cast)
    made = recurring(database, cast.notebook, job=NOTEBOOK)
    assert (made.user, made.snapshot_digest) == ("ann", "d" * 64)
    snapshot(database, cast, "newer", digest="e" * 64)
    put = ScheduleSnapshot(snapshot="newer")
    changed = database.write_now(schedules.put_snapshot, cast.notebook, made.id, put, capacity=MACHINE)
    assert changed.snapshot_digest == "e" * 64
    assert changed.job.notebook is not None
    assert changed.job.notebook.snapshot == "newer"
    with pytest.raises(Forbidden):
        recurring(database, cast.notebook)
    with pytest.raises(Forbidden, match="secrets"):
        recurring(database, cast.notebook, job=NOTEBOOK.model_copy(update={"secrets": {"A": "b"}}))
    assert outcomes(database, cast, schedules.put_snapshot, made.id, put, capacity=MACHINE) == (
        expected("ok", group_admin="forbidden", platform_admin="forbidden") | HIDDEN
    )


def test_a_notebooks_token_changes_no_notebook_that_runs_with_values(database: Database, cast: Cast) -> None:
    snapshot(database, cast)
    made = recurring(database, cast.member, job=NOTEBOOK.model_copy(update={"environment": {"PASS": "hidden"}}))
    with pytest.raises(Forbidden, match="in the portal"):
        database.write_now(
            schedules.put_snapshot, cast.notebook, made.id, ScheduleSnapshot(snapshot="snap"), capacity=MACHINE
        )


def test_a_notebooks_token_sees_its_owners_alone(database: Database, cast: Cast) -> None:
    mine = recurring(database, cast.member)
    theirs = recurring(database, cast.group_admin)
    assert [s.id for s in database.read_now(schedules.list_, cast.notebook, ALL).items] == [mine.id]
    with pytest.raises(NotFound):
        database.read_now(schedules.get, cast.notebook, theirs.id)
    both = database.read_now(schedules.list_, cast.member, ALL)
    assert both.total == 2
    own = database.read_now(schedules.list_, cast.member, ALL, Filters(user="gil", paused=False))
    assert [s.id for s in own.items] == [theirs.id]
    assert database.read_now(schedules.list_, cast.outsider, ALL).total == 0


def test_a_deleted_one_fires_no_more_and_drops_its_values(database: Database, cast: Cast, clock: FixedClock) -> None:
    made = recurring(database, cast.member, job=SPEC.model_copy(update={"environment": {"PASS": "hidden"}}))
    database.write_now(schedules.delete, cast.group_admin, made.id)
    clock.advance(HOUR)
    assert not fire(database, made)
    assert schedule_row(database, made.id).job == {}
    with pytest.raises(NotFound):
        database.read_now(schedules.get, cast.member, made.id)


def test_values_survive_a_run_and_are_the_owners_in_the_job(database: Database, cast: Cast, clock: FixedClock) -> None:
    recurring_job = recurring(database, cast.member, job=SPEC.model_copy(update={"environment": {"PASS": "hidden"}}))
    clock.advance(timedelta(hours=1).total_seconds())
    assert fire(database, recurring_job)
    [job] = job_rows(database)
    assert JobSpec.model_validate(job.spec).environment == {"PASS": "hidden"}
    assert (job.scheduled, job.schedule_id) == (True, recurring_job.id)
