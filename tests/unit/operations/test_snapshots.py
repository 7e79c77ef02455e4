"""Whose uploaded notebooks may be run, and which are forgotten, on every database."""

from __future__ import annotations

from datetime import timedelta

import pytest

from primehub_services.domain.identity import Actor
from primehub_services.domain.problems import Invalid, NotFound, TooMany
from primehub_services.domain.snapshots import SnapshotFormat, SnapshotQuery
from primehub_services.operations import snapshots
from primehub_services.store import snapshots as store
from primehub_services.store.database import Database
from primehub_services.store.orm import JobRow, ScheduleRow
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support.clock import FixedClock
from tests.support.factories import Cast


def upload(database: Database, cast: Cast, size: int = 2) -> str:
    query = SnapshotQuery(group="research", name="train.ipynb")
    facts = {"format": SnapshotFormat.NOTEBOOK, "size": size, "digest": "0" * 64}
    made = database.write_now(lambda uow: snapshots.create(uow, cast.member, query, **facts))
    assert (made.user, made.group) == ("ann", "research")
    return made.id


def job(uow: UnitOfWork, cast: Cast, snapshot: str) -> None:
    assert cast.member.account is not None
    numbers = {"cpu_limit": 1, "memory_limit": 1, "gpu_limit": 0, "cpu_request": 1, "memory_request": 1}
    texts = {"name": "train", "kind": "notebook", "instance_type": "cpu-1", "image": "base", "phase": "SUCCEEDED"}
    times = {"queued_at": uow.now, "created_at": uow.now, "timeout": 0, "retries": 0}
    row = JobRow(id="job-202611221200-abcdef", snapshot_id=snapshot, spec={}, **numbers, **texts, **times)
    row.account_id, row.group_id = cast.member.account.id, cast.group.id
    uow.session.add(row)


def schedule(uow: UnitOfWork, cast: Cast, snapshot: str) -> None:
    assert cast.member.account is not None
    row = ScheduleRow(name="nightly", cron="0 4 * * *", timezone="UTC", job={}, overlap="skip", snapshot_id=snapshot)
    row.account_id, row.group_id = cast.member.account.id, cast.group.id
    row.catch_up, row.paused, row.created_at, row.accounted_until = False, False, uow.now, uow.now
    uow.session.add(row)


def test_a_colleague_may_run_what_a_job_of_the_group_ran(database: Database, cast: Cast) -> None:
    made, group = upload(database, cast), cast.group.id
    assert database.write_now(lambda uow: snapshots.usable(uow, cast.member, group, made).id) == made
    assert database.write_now(lambda uow: snapshots.usable(uow, cast.notebook, group, made).id) == made
    for actor, in_group in ((cast.group_admin, group), (cast.member, cast.other_group.id), (cast.outsider, group)):
        with pytest.raises(Invalid, match="no such snapshot"):
            database.write_now(snapshots.usable, actor, in_group, made)
    database.write_now(job, cast, made)
    assert database.write_now(lambda uow: snapshots.usable(uow, cast.group_admin, group, made).id) == made
    with pytest.raises(Invalid):
        database.write_now(snapshots.usable, cast.outsider, group, made)


def test_those_that_nothing_refers_to_are_forgotten(database: Database, cast: Cast, clock: FixedClock) -> None:
    of_job, of_schedule, of_nothing = (upload(database, cast) for _ in range(3))
    database.write_now(job, cast, of_job)
    database.write_now(schedule, cast, of_schedule)
    before = clock() + timedelta(seconds=1)
    assert list(database.write_now(store.delete_unused, clock(), limit=10)) == []
    assert list(database.write_now(store.delete_unused, before, limit=10)) == [of_nothing]
    assert database.read_now(store.known, [of_job, of_schedule, of_nothing]) == {of_job, of_schedule}


def test_what_nothing_runs_is_bounded_for_each_person(database: Database, cast: Cast) -> None:
    query = SnapshotQuery(group="research", name="train.ipynb")

    def limit(actor: Actor) -> snapshots.Allowed:
        return database.read_now(snapshots.limit, actor, query)

    used = upload(database, cast, 460_000_000)
    allowed = limit(cast.member)
    assert (allowed.setting, allowed.left) == (50_000_000, 40_000_000)
    assert "100 uploaded notebooks and 500 MB" in allowed.why
    with pytest.raises(TooMany, match="500 MB"):  # what came meanwhile counts too
        upload(database, cast, 41_000_000)
    assert limit(cast.group_admin) == snapshots.Allowed(50_000_000, 50_000_000, "")
    database.write_now(job, cast, used)
    assert limit(cast.member).why == ""
    for _ in range(snapshots.UNUSED_FILES):
        upload(database, cast)
    with pytest.raises(TooMany, match="100 uploaded notebooks"):
        limit(cast.member)


def test_a_job_without_a_snapshot_is_said_so(database: Database, cast: Cast) -> None:
    with pytest.raises(NotFound, match="no job 'job-1'"):
        database.read_now(snapshots.of_job, cast.member, "job-1")
    database.write_now(job, cast, "gone")
    with pytest.raises(NotFound, match="no snapshot"):
        database.read_now(snapshots.of_job, cast.member, "job-202611221200-abcdef")
    with pytest.raises(NotFound, match="no job"):
        database.read_now(snapshots.of_job, cast.outsider, "job-202611221200-abcdef")
