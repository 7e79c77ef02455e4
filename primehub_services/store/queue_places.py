"""The queue's rows as they are shown: with names, and with what says how long things take."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ..domain.jobs import JobPhase, JobReason
from ..domain.launch import WorkloadKind
from ..domain.paging import PageQuery
from ..domain.queue import Order, Waiting, amounts
from ..domain.queue_estimate import PastRun, usual_seconds
from ..domain.resources import Resources
from ..domain.units import Bytes, Millicores
from .lists import matching
from .orm import AccountRow, AttemptRow, ClaimRow, JobRow
from .queue import Moment
from .unit_of_work import UnitOfWork

PAST_RUNS = 300
"""The latest jobs of a group that say how long its jobs take."""
_PENDING = JobRow.phase == JobPhase.PENDING.value
_COLUMNS = (
    JobRow.id,
    JobRow.name,
    AccountRow.name,
    JobRow.account_id,
    JobRow.group_id,
    JobRow.instance_type,
    JobRow.timeout,
    JobRow.queued_at,
    JobRow.not_before,
    JobRow.reason,
    JobRow.message,
    JobRow.cpu_limit,
    JobRow.memory_limit,
    JobRow.gpu_limit,
    JobRow.cpu_request,
    JobRow.memory_request,
)


@dataclass(frozen=True, slots=True)
class InQueue:
    """A job that waits."""

    id: str
    name: str
    user: str
    account_id: str
    group_id: str
    instance_type: str
    timeout: int
    queued_at: datetime
    not_before: datetime | None
    reason: str
    message: str
    limits: Resources
    requests: Resources

    @property
    def order(self) -> Order:
        """Its place in the queue."""
        return self.queued_at, self.id

    def rests(self, now: datetime) -> bool:
        """Whether it backs off."""
        return self.not_before is not None and self.not_before > now

    def waiting(self, moment: Moment) -> Waiting:
        """As the decision sees it."""
        rests = self.rests(moment.now)
        return Waiting(
            id=self.id,
            group_id=self.group_id,
            account_id=self.account_id,
            limits=amounts(self.limits),
            requests=amounts(self.requests),
            queued_at=self.queued_at,
            rests=rests,
            kept=self.queued_at <= moment.kept_since and not rests and self.reason != JobReason.NOT_PLACED.value,
        )


def _select() -> sa.Select[*tuple[Any, ...]]:
    return sa.select(*_COLUMNS).join(AccountRow, AccountRow.id == JobRow.account_id).where(_PENDING)


def _in_queue(row: Sequence[Any]) -> InQueue:
    *plain, cpu, memory, gpu, cpu_request, memory_request = row
    limits = Resources(cpu=Millicores(cpu), memory=Bytes(memory), gpu=gpu)
    requests = Resources(cpu=Millicores(cpu_request), memory=Bytes(memory_request), gpu=gpu)
    values: tuple[Any, ...] = (*plain, limits, requests)
    return InQueue(*values)


def entry(uow: UnitOfWork, job_id: str) -> InQueue | None:
    """The job, if it waits."""
    row = uow.session.execute(_select().where(JobRow.id == job_id)).one_or_none()
    return None if row is None else _in_queue(row)


def front(uow: UnitOfWork, group_id: str, most: int) -> list[InQueue]:
    """The first so many of a group's queue."""
    statement = _select().where(JobRow.group_id == group_id).order_by(JobRow.queued_at, JobRow.id).limit(most)
    return [_in_queue(row) for row in uow.session.execute(statement)]


def entries(
    uow: UnitOfWork, group_id: str, query: PageQuery, *, account_id: str | None = None
) -> tuple[list[tuple[int, InQueue]], int]:
    """A page of a group's queue, each with its position in the whole of it; of one account alone where given."""
    place = sa.func.row_number().over(order_by=(JobRow.queued_at, JobRow.id)).label("place")
    numbered = sa.select(JobRow.id.label("job_id"), place).where(_PENDING, JobRow.group_id == group_id).subquery()
    narrowed = [matching(query.search, JobRow.name, JobRow.id, AccountRow.name)]
    if account_id is not None:
        narrowed.append(JobRow.account_id == account_id)
    of = sa.select(sa.func.count()).select_from(JobRow).join(AccountRow, AccountRow.id == JobRow.account_id)
    total = uow.session.scalar(of.where(_PENDING, JobRow.group_id == group_id, *narrowed)) or 0
    rows = uow.session.execute(
        _select()
        .add_columns(numbered.c.place)
        .join(numbered, numbered.c.job_id == JobRow.id)
        .where(*narrowed)
        .order_by(numbered.c.place)
        .limit(query.page_size)
        .offset(query.offset)
    )
    return [(int(row[-1]), _in_queue(row[:-1])) for row in rows], total


def length(uow: UnitOfWork, group_id: str) -> int:
    """How many jobs wait in a group."""
    return uow.session.scalar(sa.select(sa.func.count(JobRow.id)).where(_PENDING, JobRow.group_id == group_id)) or 0


def ahead(uow: UnitOfWork, group_id: str, order: Order) -> int:
    """How many jobs of a group are before a place in its queue."""
    before = sa.or_(JobRow.queued_at < order[0], sa.and_(JobRow.queued_at == order[0], JobRow.id < order[1]))
    return (
        uow.session.scalar(sa.select(sa.func.count(JobRow.id)).where(_PENDING, JobRow.group_id == group_id, before))
        or 0
    )


def past_runs(uow: UnitOfWork, group_id: str) -> list[PastRun]:
    """The latest jobs of a group that succeeded, the newest first."""
    rows = uow.session.execute(
        sa.select(
            JobRow.account_id, JobRow.name, JobRow.instance_type, JobRow.phase, JobRow.started_at, JobRow.ended_at
        )
        .where(JobRow.group_id == group_id, JobRow.ended_at.is_not(None))
        .order_by(JobRow.created_at.desc())
        .limit(PAST_RUNS)
    )
    return [
        PastRun(account_id, name, kind, (ended_at - started_at).total_seconds())
        for account_id, name, kind, phase, started_at, ended_at in rows
        if phase == JobPhase.SUCCEEDED.value and started_at is not None and ended_at is not None
    ]


def latest_ends(uow: UnitOfWork, claim_ids: Collection[str]) -> dict[str, datetime]:
    """By claim of a job that runs: when its timeout ends it. Those without one are absent."""
    statement = (
        sa.select(AttemptRow.id, AttemptRow.started_at, JobRow.timeout)
        .join(JobRow, JobRow.id == AttemptRow.job_id)
        .where(AttemptRow.id.in_(list(claim_ids)), JobRow.timeout > 0)
    )
    found = uow.session.execute(statement)
    return {claim: begun + timedelta(seconds=timeout) for claim, begun, timeout in found if begun is not None}


def expected_ends(uow: UnitOfWork, past: Sequence[PastRun], group_id: str | None) -> dict[str, datetime]:
    """By claim of a job of the group, or of anybody: when it may end. Those of which nothing can be said are absent."""
    statement = (
        sa.select(
            ClaimRow.id,
            ClaimRow.created_at,
            AttemptRow.started_at,
            JobRow.account_id,
            JobRow.name,
            JobRow.instance_type,
            JobRow.timeout,
        )
        .join(AttemptRow, AttemptRow.id == ClaimRow.id)
        .join(JobRow, JobRow.id == AttemptRow.job_id)
        .where(ClaimRow.kind == WorkloadKind.JOB.value)
    )
    if group_id is not None:
        statement = statement.where(ClaimRow.group_id == group_id)
    found = {}
    for claim_id, created_at, started_at, account_id, name, kind, timeout in uow.session.execute(statement):
        begun = started_at or created_at
        usual = usual_seconds(past, account_id, name, kind, timeout)
        ends = [begun + timedelta(seconds=seconds) for seconds in (usual, timeout or None) if seconds is not None]
        # one that takes longer than usual takes up to its timeout
        coming = [at for at in ends if at > uow.now]
        if coming:
            found[claim_id] = coming[0]
    return found
