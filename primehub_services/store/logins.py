"""Sign-ins of the ``primehub`` command that wait for approval."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa

from .orm import LoginRequestRow
from .unit_of_work import UnitOfWork

IN_THE_MAKING = timedelta(minutes=1)
"""How long a hub may take to make a token, and a little."""


def add(uow: UnitOfWork, row: LoginRequestRow) -> None:
    """Keep a new one."""
    uow.session.add(row)
    uow.session.flush()


def count(uow: UnitOfWork) -> int:
    """How many there are, expired ones that are not swept yet too."""
    return uow.session.scalar(sa.select(sa.func.count()).select_from(LoginRequestRow)) or 0


def delete_oldest(uow: UnitOfWork) -> bool:
    """Forget the oldest that nobody has approved; whether there was one."""
    oldest = uow.session.scalar(
        sa.select(LoginRequestRow.id)
        .where(sa.or_(LoginRequestRow.decided_by.is_(None), LoginRequestRow.denied))
        .order_by(LoginRequestRow.created_at, LoginRequestRow.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if oldest is not None:
        delete(uow, oldest)
    return oldest is not None


def by_id(uow: UnitOfWork, request_id: str) -> LoginRequestRow | None:
    """The one with this id, locked, unless it has expired."""
    return uow.session.scalar(
        sa.select(LoginRequestRow)
        .where(LoginRequestRow.id == request_id, LoginRequestRow.expires_at > uow.now)
        .with_for_update()
    )


def by_code(uow: UnitOfWork, code: str) -> LoginRequestRow | None:
    """The one with this code, locked, unless it has expired."""
    return uow.session.scalar(
        sa.select(LoginRequestRow)
        .where(LoginRequestRow.code == code, LoginRequestRow.expires_at > uow.now)
        .with_for_update()
    )


def expired(uow: UnitOfWork, limit: int) -> Sequence[LoginRequestRow]:
    """Those whose time is over, the longest first; for a minute not those whose token may just be made."""
    in_the_making = sa.and_(LoginRequestRow.decided_by.is_not(None), LoginRequestRow.ciphertext.is_(None))
    over = sa.or_(sa.not_(in_the_making), LoginRequestRow.expires_at <= uow.now - IN_THE_MAKING)
    return uow.session.scalars(
        sa.select(LoginRequestRow)
        .where(LoginRequestRow.expires_at <= uow.now, over)
        .order_by(LoginRequestRow.expires_at)
        .limit(limit)
    ).all()


def delete(uow: UnitOfWork, request_id: str) -> None:
    """Forget one."""
    uow.session.execute(sa.delete(LoginRequestRow).where(LoginRequestRow.id == request_id))
