"""Rows of uploaded notebooks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa

from ..domain.snapshots import Snapshot, SnapshotFormat
from .orm import AccountRow, GroupRow, JobRow, ScheduleRow, SnapshotRow
from .unit_of_work import UnitOfWork

LOCK = "snapshots"
"""Held by who begins to refer to a snapshot and by who deletes unused ones."""
_UNUSED = (
    ~sa.exists().where(JobRow.snapshot_id == SnapshotRow.id),
    ~sa.exists().where(ScheduleRow.snapshot_id == SnapshotRow.id, ScheduleRow.deleted_at.is_(None)),
)


def add(uow: UnitOfWork, row: SnapshotRow) -> None:
    """A new one."""
    uow.session.add(row)
    uow.session.flush()


def get(uow: UnitOfWork, snapshot: str) -> SnapshotRow | None:
    """One row."""
    return uow.session.get(SnapshotRow, snapshot)


def to_model(uow: UnitOfWork, row: SnapshotRow) -> Snapshot:
    """The row in the domain's words."""
    user, group = uow.session.get_one(AccountRow, row.account_id), uow.session.get_one(GroupRow, row.group_id)
    return Snapshot(
        id=row.id,
        user=user.name,
        group=group.slug,
        format=SnapshotFormat(row.format),
        name=row.name,
        size=row.size,
        digest=row.digest,
        created_at=row.created_at,
    )


def run_in(uow: UnitOfWork, snapshot: str, group_id: str, account_id: str | None = None) -> bool:
    """Whether a job or a recurring job of the group has it; with ``account_id``, one of that account's."""
    for row in (JobRow, ScheduleRow):
        query = sa.select(sa.literal(1)).where(row.snapshot_id == snapshot, row.group_id == group_id)
        if account_id is not None:
            query = query.where(row.account_id == account_id)
        if uow.session.execute(query.limit(1)).first() is not None:
            return True
    return False


def known(uow: UnitOfWork, snapshots: Iterable[str]) -> set[str]:
    """Those of them that have a row."""
    return set(uow.session.scalars(sa.select(SnapshotRow.id).where(SnapshotRow.id.in_(list(snapshots)))))


def unused_of(uow: UnitOfWork, account_id: str) -> tuple[int, int]:
    """How many the account has uploaded that nothing refers to, and their bytes in all."""
    query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(SnapshotRow.size), 0))
    count, size = uow.session.execute(query.where(SnapshotRow.account_id == account_id, *_UNUSED)).one()
    return int(count), int(size)


def delete_unused(uow: UnitOfWork, before: datetime, *, limit: int) -> Sequence[str]:
    """Delete rows from before that moment that nothing refers to, and return their ids."""
    uow.lock(LOCK)
    unused = (
        sa.select(SnapshotRow.id)
        .where(SnapshotRow.created_at < before, *_UNUSED)
        .order_by(SnapshotRow.created_at)
        .limit(limit)
    )
    found = list(uow.session.scalars(unused))
    if found:
        uow.session.execute(sa.delete(SnapshotRow).where(SnapshotRow.id.in_(found)))
    return found
