"""Who is in which group, by which origin, and what is running there of somebody who leaves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from ..domain.identity import Membership, Origin, Role
from ..domain.launch import MountKind
from ..domain.notebooks import FINAL
from ..domain.paging import PageQuery
from .lists import matching, page
from .orm import AccountRow, GroupRow, GroupVolumeRow, MembershipRow, NotebookRow, VolumeRow
from .unit_of_work import UnitOfWork

_SORTS = {"user": AccountRow.name, "display_name": AccountRow.display_name}


def strongest(roles: Collection[str]) -> Role:
    """The role that counts where several origins give one."""
    return Role.ADMIN if Role.ADMIN.value in roles else Role.MEMBER


def to_model(account: AccountRow, group: GroupRow, rows: Sequence[MembershipRow]) -> Membership:
    """A person's place in a group; ``rows`` are all of their memberships there."""
    return Membership(
        user=account.name,
        display_name=account.display_name,
        group=group.slug,
        role=strongest([row.role for row in rows]),
        origins=tuple(sorted(Origin(row.origin) for row in rows)),
    )


def of(uow: UnitOfWork, account_id: str, group_id: str, *, lock: bool = False) -> Sequence[MembershipRow]:
    """One account's memberships in one group: none, or one for each origin."""
    statement = sa.select(MembershipRow).where(
        MembershipRow.account_id == account_id, MembershipRow.group_id == group_id
    )
    if lock:
        statement = statement.with_for_update(key_share=True).execution_options(populate_existing=True)
    return uow.session.scalars(statement).all()


def of_account(uow: UnitOfWork, account_id: str) -> Sequence[MembershipRow]:
    """All of an account's memberships."""
    return uow.session.scalars(sa.select(MembershipRow).where(MembershipRow.account_id == account_id)).all()


def accounts_in(uow: UnitOfWork, group_id: str) -> Sequence[str]:
    """Ids of everybody in a group."""
    return uow.session.scalars(
        sa.select(MembershipRow.account_id).where(MembershipRow.group_id == group_id).distinct()
    ).all()


def list_(uow: UnitOfWork, group: GroupRow, query: PageQuery) -> tuple[list[Membership], int]:
    """A page of a group's people, each once."""
    inside = sa.exists().where(MembershipRow.account_id == AccountRow.id, MembershipRow.group_id == group.id)
    statement = sa.select(AccountRow).where(
        inside, AccountRow.deleted_at.is_(None), matching(query.search, AccountRow.name, AccountRow.display_name)
    )
    accounts, total = page(uow, statement, query, sorts=_SORTS, default="user", key=AccountRow.id)
    places = defaultdict(list)
    ids = [account.id for account in accounts]
    for row in uow.session.scalars(
        sa.select(MembershipRow).where(MembershipRow.group_id == group.id, MembershipRow.account_id.in_(ids))
    ):
        places[row.account_id].append(row)
    return [to_model(account, group, places[account.id]) for account in accounts], total


def places_of(uow: UnitOfWork, account: AccountRow) -> list[Membership]:
    """Every group that the account is in, by name."""
    rows = defaultdict(list)
    for row in of_account(uow, account.id):
        rows[row.group_id].append(row)
    groups = uow.session.scalars(sa.select(GroupRow).where(GroupRow.id.in_(rows)).order_by(GroupRow.name))
    return [to_model(account, group, rows[group.id]) for group in groups]


def add(uow: UnitOfWork, account_id: str, group_id: str, role: Role, origin: Origin) -> MembershipRow:
    """A new membership."""
    row = MembershipRow(
        account_id=account_id, group_id=group_id, role=role.value, origin=origin.value, created_at=uow.now
    )
    uow.session.add(row)
    uow.session.flush()
    return row


def remove(uow: UnitOfWork, row: MembershipRow) -> None:
    """Take one origin's membership away."""
    uow.session.delete(row)
    uow.session.flush()


def touching(
    uow: UnitOfWork, group: GroupRow, *, account_id: str | None = None, lock: bool = True
) -> list[NotebookRow]:
    """Notebooks that have not ended and are in the group, or were started elsewhere with the group's folders.

    Of one account alone where ``account_id`` is given. Without ``lock`` to be looked at, in a read transaction.
    """
    statement = sa.select(NotebookRow).where(NotebookRow.phase.not_in([phase.value for phase in FINAL]))
    if account_id is not None:
        statement = statement.where(NotebookRow.account_id == account_id)
    else:
        # the folders of a group are mounted for its people alone; all others' notebooks need not be read
        people = sa.select(MembershipRow.account_id).where(MembershipRow.group_id == group.id)
        statement = statement.where(sa.or_(NotebookRow.group_id == group.id, NotebookRow.account_id.in_(people)))
    reaches_in = reaching_in(uow, group)
    if lock:
        statement = statement.with_for_update(key_share=True).execution_options(populate_existing=True)
    found = uow.session.scalars(statement)
    return [row for row in found if row.group_id == group.id or reaches_in(row.plan, row.group_id)]


def reaching_in(uow: UnitOfWork, group: GroupRow) -> Callable[[Mapping[str, Any], str], bool]:
    """Says of a plan of a launch in the group of that id whether it has folders by way of ``group``."""
    holders = _holders_of_datasets(uow, group)

    def reaches_in(plan: Mapping[str, Any], group_id: str) -> bool:
        mounts = {(m["kind"], m["slug"]) for m in plan.get("mounts", ())}
        datasets = {slug for kind, slug in mounts if kind == MountKind.DATASET.value} & holders.keys()
        # what its own group has too does not come from this one
        return (MountKind.PROJECT.value, group.slug) in mounts or any(group_id not in holders[d] for d in datasets)

    return reaches_in


def _holders_of_datasets(uow: UnitOfWork, group: GroupRow) -> dict[str, set[str]]:
    """Slugs of the volumes that the group was given, each with the ids of all groups that were."""
    given = sa.select(GroupVolumeRow.volume_id).where(GroupVolumeRow.group_id == group.id)
    holders = defaultdict(set)
    for slug, group_id in uow.session.execute(
        sa.select(VolumeRow.slug, GroupVolumeRow.group_id)
        .join(GroupVolumeRow, GroupVolumeRow.volume_id == VolumeRow.id)
        .where(VolumeRow.id.in_(given), VolumeRow.all_groups.is_(False))
    ):
        holders[slug].add(group_id)
    return holders
