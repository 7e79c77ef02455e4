"""Recurring jobs as rows, and the rows of what became of their due instants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from ..domain.cron_words import reading
from ..domain.jobs import FINAL, JobPhase, JobSpec
from ..domain.paging import PageQuery
from ..domain.schedules import Firing, FiringOutcome, Overlap, Schedule
from ..domain.snapshots import SnapshotFormat
from .lists import findable, matching, page
from .orm import AccountRow, FiringRow, GroupRow, JobRow, ScheduleRow, SnapshotRow
from .unit_of_work import UnitOfWork

_FINAL = [phase.value for phase in FINAL]
_SORTS = {
    "name": ScheduleRow.name,
    "created_at": ScheduleRow.created_at,
    "next_at": ScheduleRow.next_at,
    "user": AccountRow.name,
    "group": GroupRow.slug,
    "paused": ScheduleRow.paused,
}
_FIRING_SORTS = {"instant": FiringRow.instant}
Found = tuple[ScheduleRow, str, str]
"""A row with its person's hub name and its group's slug."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list of recurring jobs is narrowed to; None is not narrowed."""

    user: str | None = None
    group: str | None = None
    paused: bool | None = None
    own_of: str | None = None
    """Id of the account whose they must be."""


def to_models(uow: UnitOfWork, found: Sequence[Found], *, values_for: str | None) -> list[Schedule]:
    """The rows in the domain's words. Values of environment variables are left to the account ``values_for`` alone."""
    last = _last_firings(uow, [row.id for row, _, _ in found])
    snapshots = _snapshots(uow, [row.snapshot_id for row, _, _ in found if row.snapshot_id])
    return [
        Schedule.model_construct(
            id=row.id,
            name=row.name,
            user=user,
            group=group,
            cron=row.cron,
            timezone=row.timezone,
            reading=reading(row.cron),
            job=_job(row, group, shown=row.account_id == values_for),
            overlap=Overlap(row.overlap),
            catch_up=row.catch_up,
            paused=row.paused,
            pause_reason=row.pause_reason,
            notebook_reads_file=row.notebook_reads_file,
            snapshot_at=kept.created_at if (kept := snapshots.get(row.snapshot_id or "")) else None,
            snapshot_digest=kept.digest if kept else "",
            snapshot_format=SnapshotFormat(kept.format) if kept else None,
            next_at=row.next_at,
            last=last.get(row.id),
            created_at=row.created_at,
            version=row.version,
        )
        for row, user, group in found
    ]


def _job(row: ScheduleRow, group: str, *, shown: bool) -> JobSpec:
    spec = JobSpec.of_row(row.job)
    changes: dict[str, object] = {"group": group}
    if not shown:
        changes["environment"] = dict.fromkeys(spec.environment, "")
    return spec.model_copy(update=changes)


def _to_firings(uow: UnitOfWork, rows: Sequence[FiringRow]) -> dict[str, Firing]:
    """By id, in the order of the rows: they in the domain's words."""
    ids = [row.job_id for row in rows if row.job_id is not None]
    found = uow.session.execute(sa.select(JobRow.id, JobRow.phase).where(JobRow.id.in_(ids)))
    phases = {job_id: JobPhase(phase) for job_id, phase in found}
    return {row.id: _to_firing(row, phases.get(row.job_id or "")) for row in rows}


def _to_firing(row: FiringRow, phase: JobPhase | None) -> Firing:
    return Firing.model_construct(
        id=row.id,
        instant=row.instant,
        until=row.until,
        count=row.count,
        outcome=FiringOutcome(row.outcome),
        job=row.job_id,
        phase=phase,
        message=row.message,
        decided_at=row.decided_at,
    )


def _last_firings(uow: UnitOfWork, ids: Sequence[str]) -> Mapping[str, Firing]:
    newest = (
        sa.select(FiringRow.schedule_id, sa.func.max(FiringRow.instant).label("instant"))
        .where(FiringRow.schedule_id.in_(list(ids)))
        .group_by(FiringRow.schedule_id)
        .subquery()
    )
    same = sa.and_(FiringRow.schedule_id == newest.c.schedule_id, FiringRow.instant == newest.c.instant)
    rows = uow.session.scalars(sa.select(FiringRow).join(newest, same)).all()
    found = _to_firings(uow, rows)
    return {row.schedule_id: found[row.id] for row in rows}


def _snapshots(uow: UnitOfWork, ids: Iterable[str]) -> dict[str, SnapshotRow]:
    rows = uow.session.scalars(sa.select(SnapshotRow).where(SnapshotRow.id.in_(list(ids))))
    return {row.id: row for row in rows}


def _joined() -> sa.Select[ScheduleRow, str, str]:
    return (
        sa.select(ScheduleRow, AccountRow.name, GroupRow.slug)
        .join(AccountRow, AccountRow.id == ScheduleRow.account_id)
        .join(GroupRow, GroupRow.id == ScheduleRow.group_id)
        .where(ScheduleRow.deleted_at.is_(None), GroupRow.deleted_at.is_(None))
    )


def find(uow: UnitOfWork, schedule_id: str, *, lock: bool = False) -> Found | None:
    """A recurring job that is not deleted. ``lock`` makes other writers, and its firing, wait."""
    if not findable(schedule_id):
        return None
    if lock:
        locked(uow, schedule_id)
    row = uow.session.execute(_joined().where(ScheduleRow.id == schedule_id)).one_or_none()
    return None if row is None else (row[0], row[1], row[2])


def by_id(uow: UnitOfWork, schedule_id: str) -> ScheduleRow | None:
    """The row, deleted ones too."""
    return uow.session.get(ScheduleRow, schedule_id)


def locked(uow: UnitOfWork, schedule_id: str, *, skip: bool = False) -> ScheduleRow | None:
    """A row that nobody else changes before this transaction ends; with ``skip`` None where somebody else has it."""
    return uow.session.scalar(
        sa.select(ScheduleRow)
        .where(ScheduleRow.id == schedule_id, ScheduleRow.deleted_at.is_(None))
        .with_for_update(key_share=True, skip_locked=skip)
        .execution_options(populate_existing=True)
    )


def list_(
    uow: UnitOfWork, query: PageQuery, filters: Filters, *, groups: Iterable[str] | None, values_for: str | None
) -> tuple[list[Schedule], int]:
    """A page, the newest first, of these groups; None is all."""
    statement = _joined().where(matching(query.search, ScheduleRow.name, AccountRow.name))
    if groups is not None:
        statement = statement.where(ScheduleRow.group_id.in_(list(groups)))
    if filters.user is not None:
        statement = statement.where(AccountRow.name == filters.user)
    if filters.own_of is not None:
        statement = statement.where(ScheduleRow.account_id == filters.own_of)
    if filters.group is not None:
        statement = statement.where(sa.or_(GroupRow.slug == filters.group, GroupRow.name == filters.group))
    if filters.paused is not None:
        statement = statement.where(ScheduleRow.paused.is_(filters.paused))
    rows, total = page(uow, statement, query, sorts=_SORTS, default="-created_at", key=ScheduleRow.id)
    return to_models(uow, [(row, user, group) for row, user, group in rows], values_for=values_for), total


def firings(uow: UnitOfWork, schedule_id: str, query: PageQuery) -> tuple[list[Firing], int]:
    """What became of due instants, the newest first."""
    statement = sa.select(FiringRow).where(FiringRow.schedule_id == schedule_id)
    if query.search:
        statement = statement.where(sa.or_(FiringRow.outcome == query.search.upper(), FiringRow.job_id == query.search))
    rows, total = page(uow, statement, query, sorts=_FIRING_SORTS, default="-instant", key=FiringRow.id)
    return list(_to_firings(uow, rows).values()), total


def add_firing(uow: UnitOfWork, row: FiringRow) -> None:
    """Account for an instant; a second row for the same one is refused by the database."""
    uow.session.add(row)
    uow.session.flush()


def due(uow: UnitOfWork, now: datetime, *, limit: int) -> list[str]:
    """Ids of those that have a due instant up to now, the longest due first."""
    statement = (
        sa.select(ScheduleRow.id)
        .where(ScheduleRow.next_at <= now, ScheduleRow.deleted_at.is_(None))
        .order_by(ScheduleRow.next_at, ScheduleRow.id)
    )
    return list(uow.session.scalars(statement.limit(limit)))


def next_due(uow: UnitOfWork) -> datetime | None:
    """The earliest due instant of all."""
    return uow.session.scalar(sa.select(sa.func.min(ScheduleRow.next_at)).where(ScheduleRow.deleted_at.is_(None)))


def account_until(uow: UnitOfWork, schedule_id: str, until: datetime, next_at: datetime | None) -> None:
    """Note how far due instants are accounted for. Not a new version: nobody edits this."""
    uow.session.execute(
        sa.update(ScheduleRow)
        .where(ScheduleRow.id == schedule_id)
        .values(accounted_until=until, next_at=next_at)
        .execution_options(synchronize_session="fetch")
    )


def running_ids(uow: UnitOfWork) -> list[str]:
    """Ids of all that are not paused."""
    return list(
        uow.session.scalars(
            sa.select(ScheduleRow.id).where(ScheduleRow.paused.is_(False), ScheduleRow.deleted_at.is_(None))
        )
    )


def unfinished(uow: UnitOfWork, schedule_id: str, *, lock: bool = False) -> list[JobRow]:
    """Jobs of the schedule's due instants that have not ended, the oldest first; not those started by hand."""
    statement = (
        sa.select(JobRow)
        .where(JobRow.schedule_id == schedule_id, JobRow.scheduled, JobRow.phase.not_in(_FINAL))
        .order_by(JobRow.created_at, JobRow.id)
    )
    if lock:
        statement = statement.with_for_update(key_share=True).execution_options(populate_existing=True)
    return list(uow.session.scalars(statement))


def of_person(uow: UnitOfWork, *, account_id: str | None = None, group_id: str | None = None) -> Sequence[ScheduleRow]:
    """Those that may fire, of a person, of a group, or of a person in a group; locked."""
    statement = sa.select(ScheduleRow).where(ScheduleRow.deleted_at.is_(None), ScheduleRow.paused.is_(False))
    if account_id is not None:
        statement = statement.where(ScheduleRow.account_id == account_id)
    if group_id is not None:
        statement = statement.where(ScheduleRow.group_id == group_id)
    locking = statement.order_by(ScheduleRow.id).with_for_update(key_share=True)
    return uow.session.scalars(locking.execution_options(populate_existing=True)).all()


def sweep_firings(uow: UnitOfWork, before: datetime, *, limit: int) -> int:
    """Delete old rows but the newest of each recurring job. How many."""
    later = aliased(FiringRow)
    newer = sa.exists().where(later.schedule_id == FiringRow.schedule_id, later.instant > FiringRow.instant)
    old = sa.select(FiringRow.id).where(FiringRow.decided_at < before, newer).limit(limit)
    deleted = uow.session.execute(
        sa.delete(FiringRow)
        .where(FiringRow.id.in_(old))
        .execution_options(synchronize_session=False)
        .returning(FiringRow.id)
    )
    return len(deleted.all())


def sweep_deleted(uow: UnitOfWork, before: datetime, *, limit: int) -> int:
    """Forget recurring jobs that were deleted long ago, with what became of their instants. How many."""
    old = sa.select(ScheduleRow.id).where(ScheduleRow.deleted_at < before).limit(limit)
    deleted = uow.session.execute(
        sa.delete(ScheduleRow)
        .where(ScheduleRow.id.in_(old))
        .execution_options(synchronize_session=False)
        .returning(ScheduleRow.id)
    )
    return len(deleted.all())
