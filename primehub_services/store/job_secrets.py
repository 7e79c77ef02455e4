"""The secrets that a job may be given: its person's, and its group's."""

from __future__ import annotations

import sqlalchemy as sa

from ..domain.names import as_reference
from ..domain.secrets import SecretKind
from .lists import findable
from .orm import SecretRow
from .unit_of_work import UnitOfWork


def find(uow: UnitOfWork, reference: str, *, account_id: str, group_id: str) -> str | None:
    """Id of the ``env`` secret with this slug, else with this name: the person's own before the group's."""
    if not findable(reference):
        return None
    name = as_reference(reference)
    theirs = sa.or_(
        SecretRow.account_id == account_id,
        sa.and_(SecretRow.account_id.is_(None), SecretRow.owner_group_id == group_id),
    )
    return uow.session.scalar(
        sa.select(SecretRow.id)
        .where(
            SecretRow.deleted_at.is_(None),
            SecretRow.kind == SecretKind.ENV.value,
            theirs,
            sa.or_(SecretRow.slug == name, SecretRow.name == name),
        )
        .order_by(sa.case((SecretRow.slug == name, 0), else_=1), SecretRow.account_id.is_(None))
        .limit(1)
    )
