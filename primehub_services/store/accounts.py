"""Accounts: finding them, and the marks that sign-ins leave on them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa

from ..domain.identity import LOCAL_ISSUER, Account
from ..domain.names import make_slug, normalized
from ..domain.notebooks import FINAL
from ..domain.paging import PageQuery
from . import notifications
from .lists import findable, matching, page
from .orm import (
    AccountRow,
    GroupRow,
    InvitationRow,
    LaunchPreferenceRow,
    LoginRequestRow,
    MembershipRow,
    NotebookRow,
    SecretRow,
)
from .orm.base import new_id
from .unit_of_work import UnitOfWork

Places = tuple[AccountRow, list[tuple[GroupRow, MembershipRow]]]
"""An account and its places in groups."""
NAMES = "account-names"
"""Lock: a new account's name and slug are compared with everybody's."""
ADMINS = "platform-admins"
"""Lock: whoever takes away a platform admin counts those that remain."""
_SORTS = {
    "name": AccountRow.name,
    "display_name": AccountRow.display_name,
    "email": AccountRow.email,
    "created_at": AccountRow.created_at,
    "last_seen_at": AccountRow.last_seen_at,
    "enabled": AccountRow.enabled,
    "platform_admin": AccountRow.platform_admin,
}


def to_model(row: AccountRow) -> Account:
    """The row in the domain's words."""
    return Account.model_construct(
        id=row.id,
        issuer=row.issuer,
        subject=row.subject,
        name=row.name,
        slug=row.slug,
        display_name=row.display_name,
        email=row.email,
        enabled=row.enabled and row.deleted_at is None,
        platform_admin=row.platform_admin,
        must_change_password=row.must_change_password,
        volume_capacity=row.volume_capacity,
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
        version=row.version,
    )


def by_name(uow: UnitOfWork, name: str, *, lock: bool = False) -> AccountRow | None:
    """The account that is not deleted, if there is one. ``lock`` makes other writers of it wait."""
    if not findable(name):
        return None
    statement = sa.select(AccountRow).where(AccountRow.name == name, AccountRow.deleted_at.is_(None))
    if lock:
        statement = statement.with_for_update(key_share=True).execution_options(populate_existing=True)
    return uow.session.scalar(statement)


def by_id(uow: UnitOfWork, account_id: str, *, lock: bool = False) -> AccountRow | None:
    """The account that is not deleted, if there is one."""
    statement = sa.select(AccountRow).where(AccountRow.id == account_id, AccountRow.deleted_at.is_(None))
    if lock:
        statement = statement.with_for_update(key_share=True).execution_options(populate_existing=True)
    return uow.session.scalar(statement)


def by_subject(uow: UnitOfWork, issuer: str, subject: str, *, lock: bool = False) -> AccountRow | None:
    """The account of a provider's person, deleted ones too: a subject never gets a second one."""
    statement = sa.select(AccountRow).where(AccountRow.issuer == issuer, AccountRow.subject == subject)
    if lock:
        statement = statement.with_for_update(key_share=True).execution_options(populate_existing=True)
    return uow.session.scalar(statement)


def like(uow: UnitOfWork, name: str) -> AccountRow | None:
    """The account, deleted ones too, whose name a person could take for this one."""
    return uow.session.scalar(sa.select(AccountRow).where(AccountRow.normalized_name == normalized(name)))


def any_at_all(uow: UnitOfWork) -> bool:
    """Whether there was ever an account."""
    return bool(uow.session.scalar(sa.select(sa.exists().select_from(AccountRow))))


def admin_has_signed_in(uow: UnitOfWork) -> bool:
    """Whether any platform admin ever did."""
    found = sa.exists().where(AccountRow.platform_admin, AccountRow.last_seen_at.is_not(None))
    return bool(uow.session.scalar(sa.select(found)))


def other_admins(uow: UnitOfWork, account_id: str) -> int:
    """How many enabled platform admins there are beside this account."""
    return (
        uow.session.scalar(
            sa.select(sa.func.count()).where(
                AccountRow.platform_admin,
                AccountRow.enabled,
                AccountRow.deleted_at.is_(None),
                AccountRow.id != account_id,
            )
        )
        or 0
    )


def add(
    uow: UnitOfWork,
    name: str,
    *,
    issuer: str = LOCAL_ISSUER,
    subject: str = "",
    display_name: str = "",
    email: str = "",
) -> AccountRow:
    """A new enabled account without a password. The caller holds ``NAMES`` and found the name free."""
    account_id = new_id()
    row = AccountRow(
        id=account_id,
        issuer=issuer,
        subject=subject or account_id,
        name=name,
        normalized_name=normalized(name),
        slug=make_slug(name, lambda slug: _slug_taken(uow, slug)),
        display_name=display_name or name,
        email=email,
        created_at=uow.now,
    )
    uow.session.add(row)
    uow.session.flush()
    return row


def _slug_taken(uow: UnitOfWork, slug: str) -> bool:
    return bool(uow.session.scalar(sa.select(sa.exists().where(AccountRow.slug == slug))))


def list_(uow: UnitOfWork, query: PageQuery) -> tuple[Sequence[AccountRow], int]:
    """A page of those that are not deleted."""
    statement = sa.select(AccountRow).where(
        AccountRow.deleted_at.is_(None),
        matching(query.search, AccountRow.name, AccountRow.display_name, AccountRow.email),
    )
    return page(uow, statement, query, sorts=_SORTS, default="name", key=AccountRow.id)


def with_memberships(uow: UnitOfWork, name: str, *, hold: bool = False) -> Places | None:
    """An account and its places in groups that exist, by group name, in one query.

    ``hold`` makes other writers of the account wait until the transaction ends, and reads anew what it has read before.
    """
    if not findable(name):
        return None
    if hold:
        uow.session.execute(sa.select(AccountRow.id).where(AccountRow.name == name).with_for_update(read=True))
    return _places(uow, AccountRow.name == name, anew=hold).get(name)


def all_with_memberships(uow: UnitOfWork, names: Collection[str]) -> dict[str, Places]:
    """``with_memberships`` of those that there are, by name; one query for each 500."""
    wanted = sorted(filter(findable, names))
    found: dict[str, Places] = {}
    for first in range(0, len(wanted), 500):
        found |= _places(uow, AccountRow.name.in_(wanted[first : first + 500]))
    return found


def _places(uow: UnitOfWork, which: sa.ColumnElement[bool], *, anew: bool = False) -> dict[str, Places]:
    rows = uow.session.execute(
        sa.select(AccountRow, GroupRow, MembershipRow)
        .outerjoin(MembershipRow, MembershipRow.account_id == AccountRow.id)
        .outerjoin(GroupRow, sa.and_(GroupRow.id == MembershipRow.group_id, GroupRow.deleted_at.is_(None)))
        .where(which, AccountRow.deleted_at.is_(None))
        .order_by(GroupRow.name)
        .execution_options(populate_existing=anew)
    )
    found: dict[str, Places] = {}
    for account, group, membership in rows:
        places = found.setdefault(account.name, (account, []))[1]
        if group is not None:
            places.append((group, membership))
    return found


def running(uow: UnitOfWork, account_id: str, *, lock: bool = False) -> Sequence[tuple[NotebookRow, str]]:
    """The account's notebooks that have not ended, the oldest first, each with its group's slug.

    ``lock`` makes other writers of the notebooks wait, so that asking them to stop meets no later version.
    """
    statement = (
        sa.select(NotebookRow, GroupRow.slug)
        .join(GroupRow, GroupRow.id == NotebookRow.group_id)
        .where(NotebookRow.account_id == account_id, NotebookRow.phase.not_in([phase.value for phase in FINAL]))
        .order_by(NotebookRow.created_at, NotebookRow.id)
    )
    if lock:
        statement = statement.with_for_update(key_share=True, of=NotebookRow)
        statement = statement.execution_options(populate_existing=True)
    return [(notebook, slug) for notebook, slug in uow.session.execute(statement)]


def ask_to_stop(uow: UnitOfWork, notebooks: Iterable[NotebookRow], reason: str) -> None:
    """Set the target of notebooks that do not have one yet; a controller makes it so."""
    for notebook in notebooks:
        if notebook.stop_requested is None:
            notebook.stop_requested = reason
            uow.changed("notebook", notebook.id, "update", group_id=notebook.group_id, account_id=notebook.account_id)


def forget(uow: UnitOfWork, row: AccountRow) -> None:
    """Delete what was the person's alone; the tombstone keeps the name, the slug and the provider's subject."""
    for table in (MembershipRow, SecretRow, LaunchPreferenceRow, InvitationRow):
        uow.session.execute(sa.delete(table).where(table.account_id == row.id))
    uow.session.execute(sa.delete(LoginRequestRow).where(LoginRequestRow.decided_by == row.name))
    notifications.forget(uow, row.id)
    row.email = ""
    row.password_hash = None
    row.platform_admin = False


# What sign-ins write does not touch the version: else anybody could make an administrator's edit fail by
# signing in, rightly or wrongly, at the same moment.


def count_failure(uow: UnitOfWork, account_id: str) -> int:
    """One more failed sign-in; how many there are now in a row. 0 where there is no such account."""
    failures = uow.session.execute(
        sa.update(AccountRow)
        .where(AccountRow.id == account_id)
        .values(failed_sign_ins=AccountRow.failed_sign_ins + 1)
        .returning(AccountRow.failed_sign_ins)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    return failures or 0


def lock_until(uow: UnitOfWork, account_id: str, until: datetime) -> None:
    """Refuse sign-ins until then."""
    uow.session.execute(
        sa.update(AccountRow)
        .where(AccountRow.id == account_id)
        .values(locked_until=until)
        .execution_options(synchronize_session=False)
    )


def signed_in(uow: UnitOfWork, account_id: str, *, rehashed: tuple[str, str] | None = None) -> None:
    """Forget the failures and note the moment. ``rehashed`` is (old, new): written only where the old one stands."""
    uow.session.execute(
        sa.update(AccountRow)
        .where(AccountRow.id == account_id)
        .values(failed_sign_ins=0, locked_until=None, last_seen_at=uow.now)
        .execution_options(synchronize_session=False)
    )
    if rehashed is not None:
        uow.session.execute(
            sa.update(AccountRow)
            .where(AccountRow.id == account_id, AccountRow.password_hash == rehashed[0])
            .values(password_hash=rehashed[1])
            .execution_options(synchronize_session=False)
        )


def set_password(uow: UnitOfWork, row: AccountRow, password_hash: str, *, temporary: bool = False) -> None:
    """Replace the password; a lockout ends with it."""
    row.password_hash = password_hash
    row.must_change_password = temporary
    row.failed_sign_ins = 0
    row.locked_until = None
    uow.session.flush()
