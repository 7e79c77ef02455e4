"""The weeks before: jobs that ended long ago, as rows; running work is moved back to have begun a while ago."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from benchmarks.support.stores import job_row
from primehub_services.blobs.logs import attempt_folder
from primehub_services.blobs.usage import FolderUsageStore
from primehub_services.domain.results import UsagePoint
from primehub_services.domain.units import GIB
from primehub_services.store.database import Database
from primehub_services.store.orm import AccountRow, AttemptRow, FiringRow, GroupRow, JobRow, NotebookRow
from primehub_services.store.unit_of_work import UnitOfWork

from .world import GROUP, World

NAMES = ("train defect-detector", "evaluate baseline", "prepare {day:%Y-%m-%d}", "export to ONNX", "resize-all-images")
ENDS: tuple[dict[str, Any], ...] = (
    {"phase": "SUCCEEDED", "reason": "", "exit_code": 0},
    {"phase": "SUCCEEDED", "reason": "", "exit_code": 0},
    {"phase": "SUCCEEDED", "reason": "", "exit_code": 0},
    {"phase": "FAILED", "reason": "Exited", "exit_code": 1},
    {"phase": "CANCELLED", "reason": "Cancelled", "exit_code": None},
    {"phase": "FAILED", "reason": "OOMKilled", "exit_code": 137},
    {"phase": "SUCCEEDED", "reason": "", "exit_code": 0},
)
BEGAN = timedelta(minutes=24)
"""How long what runs has run, in the pictures."""


def make(world: World, jobs: int = 312) -> None:
    """Write so many jobs of the weeks before, and move the beginning of the running one back."""
    database = Database(f"sqlite:///{world.platform.data / 'primehub.sqlite'}", read_threads=1)
    try:
        database.write_now(lambda uow: _jobs(uow, world, jobs))
        database.write_now(lambda uow: _notebooks(uow, world.ids["past"]))
        database.write_now(lambda uow: _nights(uow, world.ids["nightly evaluation"], world.ids["evaluated"]))
        database.write_now(lambda uow: _began_earlier(uow, world.ids["running"]))
    finally:
        database.close()
    used(world, world.ids["running"])


def _jobs(uow: UnitOfWork, world: World, count: int) -> None:
    group = uow.session.scalars(sa.select(GroupRow).where(GroupRow.slug == GROUP)).one()
    people = [
        uow.session.scalars(sa.select(AccountRow.id).where(AccountRow.name == name)).one()
        for name in ("ann", "bo", "chen", "dana")
    ]
    rows = []
    for number in range(count):
        at = uow.now - timedelta(hours=2 + number * 2, minutes=(number * 37) % 60)
        end, seconds = ENDS[(number * 5) % len(ENDS)], 90 + (number * 389) % 5000
        whose = (group.id, group.slug, people[number % len(people)])
        row = job_row(whose, number, at, instance_type=("cpu-1", "cpu-4")[number % 2], memory=4 * GIB, **end)
        name = NAMES[number % len(NAMES)].format(day=at)
        times = {"started_at": at + timedelta(seconds=8), "ended_at": at + timedelta(seconds=8 + seconds)}
        row |= {"name": name, "image": "python-3.11", "attempts": 1, **times}
        row["spec"] |= {"image": world.image, "name": name}
        rows.append(row)
    uow.session.execute(sa.insert(JobRow), rows)


def _notebooks(uow: UnitOfWork, ended: str) -> None:
    """Notebooks that ``bo`` had on other days, like this one that has ended."""
    like = uow.session.get_one(NotebookRow, ended)
    known = {column.name: getattr(like, column.name) for column in NotebookRow.__table__.columns}
    bo = uow.session.scalars(sa.select(AccountRow.id).where(AccountRow.name == "bo")).one()
    ends = (
        ("stopped by bo", 95, "cpu-4"),
        ("idle", 310, "cpu-1"),
        ("stopped by bo", 42, "cpu-1"),
        ("idle", 205, "cpu-4"),
    )
    for number, (reason, minutes, size) in enumerate(ends):
        at = uow.now - timedelta(days=number * 2 + 1, hours=number)
        times = {"created_at": at, "adopted_at": at, "ready_at": at + timedelta(seconds=9 + number)}
        whose = {"id": f"{ended[:-2]}-{number}", "account_id": bo, "instance_type": size, "reason": reason}
        uow.session.add(NotebookRow(**known | times | whose | {"ended_at": at + timedelta(minutes=minutes)}))


def _nights(uow: UnitOfWork, schedule: str, job: str) -> None:
    """What became of a recurring job's last instants; the newest one has its job."""
    two = uow.now.replace(hour=1, minute=30, second=0, microsecond=0)
    for night in range(1, 8):
        at = two - timedelta(days=night - 1)
        told: dict[str, Any] = {"outcome": "JOB", "job_id": job if night == 1 else f"job-{at:%Y%m%d0130}-k3x9qa"}
        if night == 4:
            told = {"outcome": "SKIPPED", "job_id": None, "message": "the job before had not ended"}
        uow.session.add(FiringRow(schedule_id=schedule, instant=at, decided_at=at, **told))


def _began_earlier(uow: UnitOfWork, job: str) -> None:
    rows: list[JobRow | AttemptRow] = [uow.session.get_one(JobRow, job)]
    rows += uow.session.scalars(sa.select(AttemptRow).where(AttemptRow.job_id == job))
    for row in rows:
        row.created_at -= BEGAN
        assert row.started_at is not None
        row.started_at -= BEGAN


def used(world: World, job: str) -> None:
    """What it used until now, in place of what little there is; the platform itself samples on."""
    blobs, now, whole = world.platform.data / "blobs", datetime.now(UTC), int(BEGAN.total_seconds())
    (blobs / attempt_folder(job, 1) / "usage").unlink(missing_ok=True)
    store = FolderUsageStore(blobs)
    for second in range(whole, 0, -10):
        part = second / 47
        cpu = int(480 + 90 * math.sin(part) + 60 * math.sin(part * 3.7))
        memory = int((1.75 - 0.3 * second / whole + 0.05 * math.sin(part * 2)) * GIB)
        store.append(job, 1, UsagePoint(at=now - timedelta(seconds=second), cpu=cpu, memory=memory))
