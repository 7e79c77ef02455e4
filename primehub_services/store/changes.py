"""The stream of changes: reading on from a number, without missing what was committed out of order.

On PostgreSQL a transaction takes its numbers before it commits, so a smaller number can appear after a larger one. A
reader therefore remembers the numbers that it has not seen and looks for them again, until they are so old that their
transaction must have been rolled back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa

from ..domain.system import Change
from .orm import ChangeRow
from .unit_of_work import UnitOfWork

PATIENCE = timedelta(seconds=60)
"""How long a number may stay away before its transaction counts as rolled back."""
_LOOK_BACK = 1000
"""Numbers before the last one seen by a reader that comes back, among which it looks for missing ones."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a reader is: everything up to ``seq`` was read but the numbers in ``missing``."""

    seq: int
    missing: dict[int, datetime] = field(default_factory=dict)
    """By number, until when it is looked for."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """A reader that came back. ``lost`` says that changes it has not seen are gone: it has to load everything anew."""

    cursor: Cursor
    lost: bool


def newest(uow: UnitOfWork) -> Cursor:
    """A reader that wants only what comes from now on."""
    return _at(uow, uow.session.scalar(sa.select(sa.func.max(ChangeRow.seq))) or 0)


def resume(uow: UnitOfWork, seq: int) -> Resumed:
    """A reader that has seen everything up to ``seq``, the number of the last change it got."""
    oldest, last = uow.session.execute(sa.select(sa.func.min(ChangeRow.seq), sa.func.max(ChangeRow.seq))).one()
    if last is None or seq > last or seq < oldest - 1:
        # swept, or another database: nothing can be said of what lies between
        return Resumed(newest(uow), lost=seq != (last or 0))
    return Resumed(_at(uow, seq), lost=False)


def read(uow: UnitOfWork, cursor: Cursor, *, limit: int = 500) -> tuple[list[Change], Cursor]:
    """What has become visible since, in the order of the numbers, and where the reader is then."""
    wanted = sa.or_(ChangeRow.seq > cursor.seq, ChangeRow.seq.in_(cursor.missing))
    rows = uow.session.scalars(sa.select(ChangeRow).where(wanted).order_by(ChangeRow.seq).limit(limit)).all()
    found = {row.seq for row in rows}
    last = max(found, default=cursor.seq)
    missing = {seq: until for seq, until in cursor.missing.items() if seq not in found and until > uow.now}
    if uow.dialect != "sqlite":  # which has one writer at a time
        begin = max(cursor.seq + 1, last - _LOOK_BACK)
        missing |= {seq: uow.now + PATIENCE for seq in range(begin, last) if seq not in found}
    return [_to_model(row) for row in rows], Cursor(max(last, cursor.seq), missing)


def sweep(uow: UnitOfWork, before: datetime, *, limit: int = 5000) -> int:
    """Delete what is older, the first ``limit`` of it; the newest stays, since its number is where the next reader
    begins. How many."""
    last = uow.session.scalar(sa.select(sa.func.max(ChangeRow.seq))) or 0
    old = sa.select(ChangeRow.seq).where(ChangeRow.at < before, ChangeRow.seq < last)
    deleted = uow.session.execute(
        sa.delete(ChangeRow)
        .where(ChangeRow.seq.in_(old.order_by(ChangeRow.seq).limit(limit)))
        .execution_options(synchronize_session=False)
        .returning(ChangeRow.seq)
    )
    return len(deleted.all())


def _at(uow: UnitOfWork, seq: int) -> Cursor:
    """At a number, looking for those shortly before it that are not there (yet)."""
    if uow.dialect == "sqlite":
        return Cursor(seq)
    there = set(
        uow.session.scalars(sa.select(ChangeRow.seq).where(ChangeRow.seq > seq - _LOOK_BACK, ChangeRow.seq <= seq))
    )
    # swept numbers are among them: looking for those too, for a while, costs little
    begin = max(1, seq - _LOOK_BACK + 1)
    return Cursor(seq, {n: uow.now + PATIENCE for n in range(begin, seq) if n not in there})


def _to_model(row: ChangeRow) -> Change:
    return Change(
        seq=row.seq,
        kind=row.kind,
        id=row.target_id,
        action=row.action,
        group_id=row.group_id,
        account_id=row.account_id,
    )
