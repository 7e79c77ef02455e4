"""Links that work once. Tokens are random enough that a plain digest of them keeps them secret."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Sequence
from datetime import timedelta

import sqlalchemy as sa

from ..domain.identity import Role
from ..domain.paging import PageQuery
from ..domain.system import Invitation, InvitationKind
from .lists import findable, matching, page
from .orm import AccountRow, GroupRow, InvitationRow
from .unit_of_work import UnitOfWork

_SORTS = {
    "created_at": InvitationRow.created_at,
    "expires_at": InvitationRow.expires_at,
    "used_at": InvitationRow.used_at,
    "created_by": InvitationRow.created_by,
}
Listed = tuple[InvitationRow, str | None, str | None]
"""An invitation, its group's slug, its account's name."""


def digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def to_model(row: InvitationRow, group: str | None, user: str | None) -> Invitation:
    """The row in the domain's words."""
    return Invitation(
        id=row.id,
        kind=InvitationKind(row.kind),
        group=group,
        role=Role(row.role),
        user=user,
        created_by=row.created_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        used_at=row.used_at,
        used_by=row.used_by,
    )


def add(
    uow: UnitOfWork,
    kind: InvitationKind,
    *,
    created_by: str,
    lifetime: timedelta,
    group_id: str | None = None,
    account_id: str | None = None,
    role: Role = Role.MEMBER,
) -> tuple[InvitationRow, str]:
    """A new invitation and its token, which is not kept. An account's earlier unused links die."""
    if account_id is not None:
        withdraw_for(uow, account_id)
    token = secrets.token_urlsafe(32)
    row = InvitationRow(
        token_digest=digest(token),
        kind=kind.value,
        group_id=group_id,
        account_id=account_id,
        role=role.value,
        created_by=created_by,
        created_at=uow.now,
        expires_at=uow.now + lifetime,
    )
    uow.session.add(row)
    uow.session.flush()
    return row, token


def by_token(uow: UnitOfWork, token: str) -> InvitationRow | None:
    """The invitation with this token, used and expired ones too."""
    return uow.session.scalar(sa.select(InvitationRow).where(InvitationRow.token_digest == digest(token)))


def use(uow: UnitOfWork, row: InvitationRow, used_by: str) -> bool:
    """Mark it used; False where somebody else was first, or its time is over. Only one caller ever gets True."""
    found = uow.session.execute(
        sa.update(InvitationRow)
        .where(InvitationRow.id == row.id, InvitationRow.used_at.is_(None), InvitationRow.expires_at > uow.now)
        .values(used_at=uow.now, used_by=used_by)
        .returning(InvitationRow.id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    return found is not None


def unused_by(uow: UnitOfWork, created_by: str) -> AccountRow | None:
    """The account of the newest unused account link that was made in this name, expired ones too."""
    return uow.session.scalar(
        sa.select(AccountRow)
        .join(InvitationRow, AccountRow.id == InvitationRow.account_id)
        .where(
            InvitationRow.created_by == created_by,
            InvitationRow.used_at.is_(None),
            AccountRow.enabled,
            AccountRow.deleted_at.is_(None),
        )
        .order_by(InvitationRow.created_at.desc())
        .limit(1)
    )


def withdraw(uow: UnitOfWork, created_by: str, *, group_id: str | None = None) -> None:
    """Delete the unused links that somebody made who may not make them any more; of one group where given."""
    statement = sa.delete(InvitationRow).where(InvitationRow.created_by == created_by, InvitationRow.used_at.is_(None))
    if group_id is not None:
        statement = statement.where(InvitationRow.group_id == group_id)
    uow.session.execute(statement)


def withdraw_for(uow: UnitOfWork, account_id: str) -> None:
    """Delete the unused links to an account."""
    uow.session.execute(
        sa.delete(InvitationRow).where(InvitationRow.account_id == account_id, InvitationRow.used_at.is_(None))
    )


def _listed() -> sa.Select[InvitationRow, str, str]:
    return (
        sa.select(InvitationRow, GroupRow.slug, AccountRow.name)
        .outerjoin(GroupRow, GroupRow.id == InvitationRow.group_id)
        .outerjoin(AccountRow, AccountRow.id == InvitationRow.account_id)
    )


def get(uow: UnitOfWork, invitation_id: str) -> Listed | None:
    """The invitation with this id."""
    if not findable(invitation_id):
        return None
    row = uow.session.execute(_listed().where(InvitationRow.id == invitation_id)).one_or_none()
    return None if row is None else (row[0], row[1], row[2])


def list_(
    uow: UnitOfWork,
    query: PageQuery,
    *,
    group_ids: Collection[str] | None = None,
    created_by: str | None = None,
) -> tuple[Sequence[Listed], int]:
    """A page of all; where ``group_ids`` is given, of those into these groups and those made by ``created_by``."""
    statement = _listed().where(
        matching(query.search, GroupRow.slug, AccountRow.name, InvitationRow.created_by, InvitationRow.used_by)
    )
    if group_ids is not None:
        mine = InvitationRow.created_by == created_by if created_by is not None else sa.false()
        statement = statement.where(sa.or_(InvitationRow.group_id.in_(group_ids), mine))
    rows, total = page(uow, statement, query, sorts=_SORTS, default="-created_at", key=InvitationRow.id)
    return [(row, group, user) for row, group, user in rows], total


def delete(uow: UnitOfWork, row: InvitationRow) -> None:
    """Revoke it."""
    uow.session.delete(row)
    uow.session.flush()
