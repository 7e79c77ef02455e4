"""Which attempts there are, for what is kept of them outside the database."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from ..domain.jobs import ACTIVE, FINAL, JobPhase
from ..domain.resources import Resources
from ..domain.units import Bytes, Millicores
from .orm import AttemptRow, JobRow
from .unit_of_work import UnitOfWork

_FINAL = [phase.value for phase in FINAL]
_ACTIVE = [phase.value for phase in ACTIVE]


@dataclass(frozen=True, slots=True)
class AttemptOf:
    """An attempt with what decides about who may see its results."""

    id: str
    """The workload's key."""
    job: str
    number: int
    account_id: str
    group_id: str
    limits: Resources
    created_at: datetime
    ended: bool
    """Whether it is over, its results kept."""
    job_ended: bool
    latest: bool
    """Whether it is the job's last so far."""


@dataclass(frozen=True, slots=True)
class JobOf:
    """A job, with or without attempts."""

    id: str
    account_id: str
    group_id: str
    attempts: int
    ended: bool


def find_job(uow: UnitOfWork, job_id: str) -> JobOf | None:
    """A job by its id."""
    row = uow.session.get(JobRow, job_id)
    if row is None:
        return None
    return JobOf(row.id, row.account_id, row.group_id, row.attempts, row.phase in _FINAL)


def find_attempt(uow: UnitOfWork, job_id: str, number: int | None) -> AttemptOf | None:
    """An attempt of a job by its number; None is the latest."""
    query = sa.select(AttemptRow, JobRow).join(JobRow, JobRow.id == AttemptRow.job_id).where(JobRow.id == job_id)
    if number is not None:
        query = query.where(AttemptRow.number == number)
    found = uow.session.execute(query.order_by(AttemptRow.number.desc()).limit(1)).first()
    return _attempt(*found) if found is not None else None


def running_attempts(uow: UnitOfWork) -> list[tuple[str, str, int, datetime]]:
    """Those whose workload runs, or did when it was last seen: the workload's key, the job, its number, when it was made.

    No more than that: it is asked every few seconds, of all of them.
    """
    phases = [JobPhase.RUNNING.value, JobPhase.UNKNOWN.value]
    query = sa.select(AttemptRow.id, AttemptRow.job_id, AttemptRow.number, AttemptRow.created_at)
    return [
        (key, job, number, at)
        for key, job, number, at in uow.session.execute(query.where(AttemptRow.phase.in_(phases)))
    ]


def _attempt(row: AttemptRow, job: JobRow) -> AttemptOf:
    return AttemptOf(
        id=row.id,
        job=row.job_id,
        number=row.number,
        account_id=job.account_id,
        group_id=job.group_id,
        limits=Resources(cpu=Millicores(job.cpu_limit), memory=Bytes(job.memory_limit), gpu=job.gpu_limit),
        created_at=row.created_at,
        ended=row.ended_at is not None,
        job_ended=job.phase in _FINAL,
        latest=row.number == job.attempts,
    )


def ends(uow: UnitOfWork, job_ids: Collection[str]) -> Mapping[str, datetime | None]:
    """When each of these jobs ended (null: not yet); those that are not there are left out."""
    query = sa.select(JobRow.id, JobRow.phase, JobRow.ended_at).where(JobRow.id.in_(job_ids))
    return {job: ended_at if phase in _FINAL else None for job, phase, ended_at in uow.session.execute(query)}


@dataclass(frozen=True, slots=True)
class Surplus:
    """How many ended jobs are remembered of those that ended before a moment."""

    keep: int
    before: datetime


def outlived(uow: UnitOfWork, before: datetime | None, surplus: Surplus | None, *, limit: int) -> list[str]:
    """The next jobs to forget: the oldest that ended before a moment; where there is none, those that are too many,
    each time the oldest of whoever has the most, so that nobody's many push out what others have."""
    oldest = sa.select(JobRow.id).where(JobRow.phase.in_(_FINAL)).order_by(JobRow.ended_at, JobRow.id)
    if before is not None and (old := list(uow.session.scalars(oldest.where(JobRow.ended_at < before).limit(limit)))):
        return old
    if surplus is None:
        return []
    counted = (JobRow.phase.in_(_FINAL), JobRow.ended_at < surplus.before)
    query = sa.select(JobRow.account_id, sa.func.count()).where(*counted).group_by(JobRow.account_id)
    counts = {account: count for account, count in uow.session.execute(query)}
    found: list[str] = []
    for account, many in _from_the_most(counts, min(limit, sum(counts.values()) - surplus.keep)).items():
        found += uow.session.scalars(oldest.where(JobRow.account_id == account).limit(many))
    return found


def _from_the_most(counts: Mapping[str, int], excess: int) -> Counter[str]:
    """How many to take from each, one after the other from whoever has the most then."""
    left = [(-count, whose) for whose, count in counts.items()]
    heapq.heapify(left)
    taken: Counter[str] = Counter()
    for _ in range(excess):
        count, whose = left[0]
        taken[whose] += 1
        heapq.heapreplace(left, (count + 1, whose))
    return taken


def delete_jobs(uow: UnitOfWork, job_ids: Collection[str]) -> int:
    """Drop the rows of ended jobs; what is kept of them is found without an owner, and swept."""
    jobs = uow.session.execute(
        sa.select(JobRow).where(JobRow.id.in_(job_ids), JobRow.phase.in_(_FINAL)).with_for_update()
    ).scalars()
    deleted = 0
    for row in list(jobs):
        uow.session.execute(sa.delete(AttemptRow).where(AttemptRow.job_id == row.id))
        uow.changed("job", row.id, "delete", group_id=row.group_id, account_id=row.account_id)
        uow.session.delete(row)
        deleted += 1
    uow.session.flush()
    return deleted
