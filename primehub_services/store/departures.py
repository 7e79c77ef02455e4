"""People who left, until everything that was open of theirs has ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from .orm import AccountRow, GroupRow, MembershipRow
from .unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Departure:
    """An account that was disabled or deleted."""

    account_id: str
    name: str
    left_at: datetime
    for_good: bool
    """It is still disabled or deleted; an account may have been enabled again meanwhile."""


def pending(uow: UnitOfWork) -> Sequence[Departure]:
    """Those whose departure is not finished, the first who left first."""
    rows = uow.session.scalars(
        sa.select(AccountRow).where(AccountRow.left_at.is_not(None)).order_by(AccountRow.left_at)
    )
    return [
        Departure(row.id, row.name, row.left_at, for_good=not row.enabled or row.deleted_at is not None)
        for row in rows
        if row.left_at is not None
    ]


def done(uow: UnitOfWork, departure: Departure) -> None:
    """Everything has ended; unless the account left once more since."""
    # not the version: an administrator's edit must not fail because of this
    uow.session.execute(
        sa.update(AccountRow)
        .where(AccountRow.id == departure.account_id, AccountRow.left_at == departure.left_at)
        .values(left_at=None)
        .execution_options(synchronize_session=False)
    )


@dataclass(frozen=True, slots=True)
class Projection:
    """What JupyterHub should know of people and groups."""

    users: frozenset[str]
    """Who may sign in."""
    groups: dict[str, frozenset[str]]
    """By slug, with members' hub names."""
    gone: frozenset[str]
    """Slugs of groups that were deleted."""


def projection(uow: UnitOfWork) -> Projection:
    """Accounts that may sign in, and the groups they are in by any origin."""
    live = sa.and_(AccountRow.enabled, AccountRow.deleted_at.is_(None))
    people = uow.session.execute(sa.select(AccountRow.name).where(live)).scalars()
    groups = uow.session.execute(sa.select(GroupRow.slug, GroupRow.deleted_at)).all()
    members: dict[str, set[str]] = {slug: set() for slug, deleted in groups if deleted is None}
    for slug, name in uow.session.execute(
        sa.select(GroupRow.slug, AccountRow.name)
        .join(MembershipRow, MembershipRow.group_id == GroupRow.id)
        .join(AccountRow, AccountRow.id == MembershipRow.account_id)
        .where(live, GroupRow.deleted_at.is_(None))
    ):
        members[slug].add(name)
    return Projection(
        users=frozenset(people),
        groups={slug: frozenset(names) for slug, names in members.items()},
        gone=frozenset(slug for slug, deleted in groups if deleted is not None),
    )
