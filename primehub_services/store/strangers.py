"""Failed sign-ins with names that nobody has: counted as an account's are, or who tries would learn which names there are."""

from __future__ import annotations

import hashlib
from datetime import datetime

import sqlalchemy as sa

from .orm import StrangerRow
from .unit_of_work import UnitOfWork

KEPT = 10_000
"""Names that are remembered, the newest; each costs its asker the hashing of a password."""


def locked_until(uow: UnitOfWork, name: str) -> datetime | None:
    """Until when the next try with this name has to wait, if it has to."""
    return uow.session.scalar(sa.select(StrangerRow.locked_until).where(StrangerRow.digest == _digest(name)))


def count_failure(uow: UnitOfWork, name: str) -> int:
    """One more; how many there are now in a row."""
    uow.lock("strangers")
    mine = StrangerRow.digest == _digest(name)
    before = uow.session.scalar(sa.select(StrangerRow.failures).where(mine)) or 0
    # written anew, as the newest
    uow.session.execute(sa.delete(StrangerRow).where(mine).execution_options(synchronize_session=False))
    row = StrangerRow(digest=_digest(name), failures=before + 1)
    uow.session.add(row)
    uow.session.flush()
    old = sa.delete(StrangerRow).where(StrangerRow.id <= row.id - KEPT)
    uow.session.execute(old.execution_options(synchronize_session=False))
    return row.failures


def lock_until(uow: UnitOfWork, name: str, until: datetime) -> None:
    """Refuse sign-ins until then."""
    locked = sa.update(StrangerRow).where(StrangerRow.digest == _digest(name)).values(locked_until=until)
    uow.session.execute(locked.execution_options(synchronize_session=False))


def _digest(name: str) -> str:
    # what somebody types there by mistake may be their password
    return hashlib.sha256(name.encode()).hexdigest()
