"""Jobs' rows and their attempts'."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa

from ..domain.jobs import (
    ACTIVE,
    FINAL,
    ArtifactSummary,
    Attempt,
    Job,
    JobCounts,
    JobKind,
    JobPhase,
    JobProgress,
    JobReason,
    JobSpec,
)
from ..domain.paging import PageQuery
from ..domain.resources import Resources
from ..domain.units import Bytes, Millicores
from .lists import matching, page
from .orm import AccountRow, AttemptRow, GroupRow, JobRow, ScheduleRow, SnapshotRow
from .unit_of_work import UnitOfWork

SHOWN = 500
"""Characters of a command that lists show."""
_PEOPLE = 500
"""Whose jobs a search by a part of a person's name finds, at the most."""
_FINAL = [phase.value for phase in FINAL]
_ACTIVE = [phase.value for phase in ACTIVE]
_SORTS = {
    "created_at": JobRow.created_at,
    "started_at": JobRow.started_at,
    "ended_at": JobRow.ended_at,
    "name": JobRow.name,
    "phase": JobRow.phase,
    "user": AccountRow.name,
    "group": GroupRow.slug,
    "instance_type": JobRow.instance_type,
    "image": JobRow.image,
}


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list of jobs is narrowed to; None is not narrowed."""

    user: str | None = None
    group: str | None = None
    phase: JobPhase | None = None
    active: bool | None = None
    """Only those that have not ended, or only those that have."""
    schedule: str | None = None
    kind: JobKind | None = None
    since: datetime | None = None
    """Only those submitted then or later."""


@dataclass(frozen=True, slots=True)
class Visible:
    """Whose jobs may be seen: everybody's in these groups, or one account's alone."""

    groups: Collection[str]
    account_id: str | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """A row with what its ids stand for."""

    row: JobRow
    user: str
    group: str
    group_name: str
    schedule_name: str


def spec_of(row: JobRow) -> JobSpec:
    """What the job is to do."""
    return JobSpec.of_row(row.spec)


def to_model(named: Named, *, values: bool = False, whole: bool = True, attempts: Sequence[AttemptRow] = ()) -> Job:
    """The row in the domain's words. ``values``: with those of environment variables. ``whole``: the whole command."""
    row, spec = named.row, named.row.spec
    command = spec.get("command", "")
    notebook = spec_of(row).notebook if row.kind == JobKind.NOTEBOOK.value else None
    latest = attempts[-1] if attempts else None
    deadline = None
    if latest is not None and latest.started_at is not None and latest.ended_at is None and row.timeout:
        deadline = latest.started_at + timedelta(seconds=row.timeout)
    return Job.model_construct(
        id=row.id,
        name=row.name,
        kind=JobKind(row.kind),
        user=named.user,
        group=named.group,
        group_name=named.group_name,
        instance_type=row.instance_type,
        image=row.image,
        limits=Resources.model_construct(
            cpu=Millicores(row.cpu_limit), memory=Bytes(row.memory_limit), gpu=row.gpu_limit
        ),
        command=command if whole else command[:SHOWN],
        notebook=notebook,
        environment={k: v if values else None for k, v in spec.get("environment", {}).items()},
        secrets=dict(spec.get("secrets", {})),
        timeout=row.timeout,
        retries=row.retries,
        phase=JobPhase(row.phase),
        reason=row.reason,
        message=row.message,
        exit_code=row.exit_code,
        cancel_requested=row.cancel_requested,
        queue=None,
        progress=None if row.progress is None else JobProgress.model_validate(row.progress),
        attempts=tuple(attempt_model(a) for a in attempts),
        artifacts=ArtifactSummary.model_validate(row.artifacts or {}),
        left_out=() if latest is None else _left_out(latest),
        schedule=row.schedule_id,
        schedule_name=named.schedule_name,
        rerun_of=row.rerun_of,
        created_at=row.created_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        deadline_at=deadline,
        version=row.version,
    )


def _left_out(attempt: AttemptRow) -> tuple[str, ...]:
    """By its plan, and by the engine that could not mount it."""
    found = [*attempt.plan.get("left_out", ()), *(v for ref in attempt.refs for v in ref.get("left_out", ()))]
    return tuple(dict.fromkeys(f"{v['volume']}: {v['reason']}" for v in found))


def attempt_model(row: AttemptRow) -> Attempt:
    """An attempt in the domain's words."""
    return Attempt.model_construct(
        id=row.id,
        number=row.number,
        phase=JobPhase(row.phase),
        reason=row.reason,
        message=row.message,
        exit_code=row.exit_code,
        created_at=row.created_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
    )


def _joined() -> sa.Select[JobRow, str, str, str, str]:
    return (
        sa.select(JobRow, AccountRow.name, GroupRow.slug, GroupRow.name, ScheduleRow.name)
        .join(AccountRow, AccountRow.id == JobRow.account_id)
        .join(GroupRow, GroupRow.id == JobRow.group_id)
        .outerjoin(ScheduleRow, ScheduleRow.id == JobRow.schedule_id)
    )


def _named(found: Any) -> Named:
    row, user, group, group_name, schedule_name = found
    return Named(row, user, group, group_name, schedule_name or "")


def find(uow: UnitOfWork, job_id: str) -> Named | None:
    """A row with its names."""
    found = uow.session.execute(_joined().where(JobRow.id == job_id)).one_or_none()
    return None if found is None else _named(found)


def exists(uow: UnitOfWork, job_id: str) -> bool:
    """Whether there is a job of that id."""
    return uow.session.scalar(sa.select(JobRow.id).where(JobRow.id == job_id)) is not None


def locked(uow: UnitOfWork, job_id: str) -> JobRow | None:
    """A row that nobody else changes before this transaction ends."""
    return uow.session.scalar(
        sa.select(JobRow).where(JobRow.id == job_id).with_for_update().execution_options(populate_existing=True)
    )


def list_(uow: UnitOfWork, query: PageQuery, filters: Filters, visible: Visible | None) -> tuple[list[Named], int]:
    """A page, the newest first. ``visible`` None is everybody's."""
    # of the job's own columns alone: ten thousand rows are counted without what they are joined to
    conditions = [*_narrowed(uow, filters), *_searched(uow, query.search), *_seen(visible)]
    counted = sa.select(sa.func.count(JobRow.id)).where(*conditions)
    statement = _joined().where(*conditions)
    rows, total = page(uow, statement, query, sorts=_SORTS, default="-created_at", key=JobRow.id, counted=counted)
    return [_named(row) for row in rows], total


def counts(uow: UnitOfWork, search: str, filters: Filters, visible: Visible | None, account_id: str) -> JobCounts:
    """How many jobs each view of a list has, in one look at the table; ``account_id`` is the asker's."""
    conditions = [*_narrowed(uow, filters), *_searched(uow, search), *_seen(visible)]
    mine = sa.func.sum(sa.case((JobRow.account_id == account_id, 1), else_=0))
    statement = sa.select(JobRow.phase, sa.func.count(JobRow.id), mine).where(*conditions).group_by(JobRow.phase)
    found = {JobPhase(phase): (number, int(own or 0)) for phase, number, own in uow.session.execute(statement)}
    return JobCounts(
        all=sum(number for number, _ in found.values()),
        active=sum(number for phase, (number, _) in found.items() if phase not in FINAL),
        mine=sum(own for _, own in found.values()),
        phases={phase: number for phase, (number, _) in found.items()},
    )


def _seen(visible: Visible | None) -> list[sa.ColumnElement[bool]]:
    if visible is None:
        return []
    conditions: list[sa.ColumnElement[bool]] = [JobRow.group_id.in_(list(visible.groups))]
    if visible.account_id is not None:
        conditions.append(JobRow.account_id == visible.account_id)
    return conditions


def _searched(uow: UnitOfWork, search: str) -> list[sa.ColumnElement[bool]]:
    if not search:
        return []
    people = uow.session.scalars(sa.select(AccountRow.id).where(matching(search, AccountRow.name)).limit(_PEOPLE))
    return [sa.or_(matching(search, JobRow.name, JobRow.id, JobRow.image), JobRow.account_id.in_(list(people)))]


def _narrowed(uow: UnitOfWork, filters: Filters) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if filters.user is not None:
        account = uow.session.scalar(sa.select(AccountRow.id).where(AccountRow.name == filters.user))
        conditions.append(JobRow.account_id == (account or ""))
    if filters.group is not None:
        named = sa.or_(GroupRow.slug == filters.group, GroupRow.name == filters.group)
        conditions.append(JobRow.group_id.in_(list(uow.session.scalars(sa.select(GroupRow.id).where(named)))))
    if filters.schedule is not None:
        conditions.append(JobRow.schedule_id == filters.schedule)
    if filters.kind is not None:
        conditions.append(JobRow.kind == filters.kind.value)
    if filters.since is not None:
        conditions.append(JobRow.created_at >= filters.since)
    if filters.active is not None:
        conditions.append(JobRow.phase.not_in(_FINAL) if filters.active else JobRow.phase.in_(_FINAL))
    if filters.phase is not None:
        conditions.append(JobRow.phase == filters.phase.value)
    return conditions


def attempts_of(uow: UnitOfWork, job_id: str) -> Sequence[AttemptRow]:
    """A job's attempts, the first first."""
    return uow.session.scalars(
        sa.select(AttemptRow).where(AttemptRow.job_id == job_id).order_by(AttemptRow.number)
    ).all()


def attempt_locked(uow: UnitOfWork, attempt_id: str) -> AttemptRow | None:
    """An attempt that nobody else changes before this transaction ends."""
    return uow.session.scalar(
        sa.select(AttemptRow)
        .where(AttemptRow.id == attempt_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


class AttemptLife(NamedTuple):
    """What the life of an attempt is decided by: plain columns, for every few seconds they are read of all attempts."""

    id: str
    job_id: str
    number: int
    phase: str
    refs: list[Any]
    ending: dict[str, Any] | None
    started_at: datetime | None
    message: str
    cancel_requested: str | None
    timeout: int
    """Of its job, in seconds."""


def _lives() -> sa.Select[Any]:
    columns = [getattr(AttemptRow if hasattr(AttemptRow, name) else JobRow, name) for name in AttemptLife._fields]
    query = sa.select(*columns).join(JobRow, JobRow.id == AttemptRow.job_id)
    return query.where(AttemptRow.phase.in_(_ACTIVE))


def live_attempts(uow: UnitOfWork, *, waiting: bool = False) -> list[AttemptLife]:
    """Every attempt that has not ended; ``waiting`` for something to be done: but those that simply run."""
    query = _lives()
    if waiting:
        runs = AttemptRow.phase == JobPhase.RUNNING.value
        query = query.where(~runs | AttemptRow.ending.is_not(None) | JobRow.cancel_requested.is_not(None))
    return [AttemptLife(*row) for row in uow.session.execute(query.order_by(AttemptRow.created_at, AttemptRow.id))]


def live_attempt(uow: UnitOfWork, attempt_id: str) -> AttemptLife | None:
    """One of ``live_attempts``; None where it has ended."""
    found = uow.session.execute(_lives().where(AttemptRow.id == attempt_id)).one_or_none()
    return None if found is None else AttemptLife(*found)


def live_plan(uow: UnitOfWork, attempt_id: str) -> tuple[str, dict[str, Any]] | None:
    """The job of an attempt and the plan that was made for it; None where it has ended."""
    query = sa.select(AttemptRow.job_id, AttemptRow.plan)
    found = uow.session.execute(query.where(AttemptRow.id == attempt_id, AttemptRow.phase.in_(_ACTIVE))).one_or_none()
    return None if found is None else (found.job_id, found.plan)


def running_notebooks(uow: UnitOfWork) -> Sequence[AttemptRow]:
    """Attempts at notebooks whose workload runs."""
    return uow.session.scalars(
        sa.select(AttemptRow)
        .join(JobRow, JobRow.id == AttemptRow.job_id)
        .where(
            AttemptRow.phase == JobPhase.RUNNING.value,
            AttemptRow.ending.is_(None),
            JobRow.kind == JobKind.NOTEBOOK.value,
        )
    ).all()


def living(uow: UnitOfWork, attempt_ids: Collection[str]) -> frozenset[str]:
    """Those of the attempts that have not ended."""
    if not attempt_ids:
        return frozenset()
    wanted = sa.and_(AttemptRow.id.in_(list(attempt_ids)), AttemptRow.phase.in_(_ACTIVE))
    return frozenset(uow.session.scalars(sa.select(AttemptRow.id).where(wanted)))


def ended_because(uow: UnitOfWork, job_id: str, reasons: Collection[JobReason]) -> int:
    """How many of a job's attempts have ended for one of the reasons."""
    wanted = sa.and_(
        AttemptRow.job_id == job_id,
        AttemptRow.phase.not_in(_ACTIVE),
        AttemptRow.reason.in_([reason.value for reason in reasons]),
    )
    return uow.session.scalar(sa.select(sa.func.count()).select_from(AttemptRow).where(wanted)) or 0


def active_of(
    uow: UnitOfWork, *, account_id: str | None = None, group_id: str | None = None, waiting_only: bool = False
) -> Sequence[JobRow]:
    """Jobs that have not ended, of an account, of a group, or of both; locked. ``waiting_only``: those in the queue."""
    statement = sa.select(JobRow).where(JobRow.phase.not_in(_FINAL))
    if account_id is not None:
        statement = statement.where(JobRow.account_id == account_id)
    if group_id is not None:
        statement = statement.where(JobRow.group_id == group_id)
    if waiting_only:
        statement = statement.where(JobRow.phase == JobPhase.PENDING.value)
    locking = statement.order_by(JobRow.id).with_for_update().execution_options(populate_existing=True)
    return uow.session.scalars(locking).all()


def running_elsewhere(
    uow: UnitOfWork, group_id: str, *, account_id: str | None = None
) -> Sequence[tuple[JobRow, dict[str, Any]]]:
    """Jobs in other groups than this one that hold quota, locked, with the plans of their attempts."""
    statement = (
        sa.select(JobRow, AttemptRow.plan)
        .join(AttemptRow, AttemptRow.job_id == JobRow.id)
        .where(AttemptRow.phase.in_(_ACTIVE), JobRow.group_id != group_id)
    )
    if account_id is not None:
        statement = statement.where(JobRow.account_id == account_id)
    found = uow.session.execute(statement.order_by(JobRow.id).with_for_update(of=JobRow))
    return [(row, plan) for row, plan in found]


def running(uow: UnitOfWork, account_id: str) -> Sequence[tuple[JobRow, str]]:
    """A person's jobs that have not ended, each with its group's slug, the oldest first."""
    found = uow.session.execute(
        sa.select(JobRow, GroupRow.slug)
        .join(GroupRow, GroupRow.id == JobRow.group_id)
        .where(JobRow.account_id == account_id, JobRow.phase.not_in(_FINAL))
        .order_by(JobRow.created_at, JobRow.id)
    )
    return [(row, slug) for row, slug in found]


def names(uow: UnitOfWork, job_ids: Collection[str]) -> dict[str, str]:
    """Jobs' names by their ids."""
    if not job_ids:
        return {}
    found = uow.session.execute(sa.select(JobRow.id, JobRow.name).where(JobRow.id.in_(list(job_ids))))
    return {job_id: name for job_id, name in found}


def waiting(uow: UnitOfWork, account_id: str, group_id: str, *, most: int) -> int:
    """How many jobs of the person wait in the group; no more than ``most`` are counted."""
    theirs = (JobRow.phase == JobPhase.PENDING.value, JobRow.group_id == group_id, JobRow.account_id == account_id)
    some = sa.select(JobRow.id).where(*theirs).limit(most).subquery()
    return uow.session.scalar(sa.select(sa.func.count()).select_from(some)) or 0


def has_schedule(uow: UnitOfWork, schedule_id: str, group_id: str) -> bool:
    """Whether there is a recurring job of that id in the group."""
    wanted = (ScheduleRow.id == schedule_id, ScheduleRow.group_id == group_id, ScheduleRow.deleted_at.is_(None))
    return uow.session.scalar(sa.select(ScheduleRow.id).where(*wanted)) is not None


def snapshot(uow: UnitOfWork, snapshot_id: str) -> SnapshotRow | None:
    """An uploaded notebook."""
    return uow.session.get(SnapshotRow, snapshot_id)


def delete(uow: UnitOfWork, row: JobRow) -> None:
    """Forget a job and its attempts."""
    uow.session.execute(
        sa.delete(AttemptRow).where(AttemptRow.job_id == row.id).execution_options(synchronize_session=False)
    )
    uow.session.delete(row)
    uow.session.flush()
