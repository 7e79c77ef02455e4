"""Who am I: the first thing that the portal and the command ask."""

from __future__ import annotations

from ..domain.identity import LOCAL_ISSUER, Actor, Me, MeUpdate, MyGroup
from ..domain.permissions import PERMISSIONS, Relation, allowed, require
from ..domain.problems import Forbidden, Unauthenticated
from ..store import accounts, groups
from ..store.orm import AccountRow
from ..store.unit_of_work import UnitOfWork
from ._editing import check_version, given
from .invitations import may_invite

_IN_GROUPS = frozenset({Relation.MEMBER, Relation.GROUP_ADMIN})


def me(uow: UnitOfWork, actor: Actor, *, local_accounts: bool = True) -> Me:
    """The actor's account, groups, and what this request's token may do."""
    require(actor, "self.read")
    return _view(uow, actor, _own(uow, actor), local_accounts)


def update_me(
    uow: UnitOfWork, actor: Actor, update: MeUpdate, *, local_accounts: bool = True, session: bool = False
) -> Me:
    """Change one's own display name or e-mail address, the latter in the portal's ``session`` alone.

    Links that let somebody sign in are sent there: with a token that leaked, its finder would have the account.
    """
    require(actor, "self.write")
    row = _own(uow, actor, lock=True)
    check_version(update.version, row.version, _view(uow, actor, row, local_accounts))
    fields = given(update, nullable={"display_name"})
    before = (row.display_name, row.email)
    if "display_name" in fields:
        row.display_name = update.display_name or row.name
    if update.email is not None and update.email != row.email:
        if not session:
            msg = "An API token does not change the e-mail address, to which links for signing in go. Use the portal."
            raise Forbidden(msg)
        row.email = update.email
    uow.session.flush()
    if before != (row.display_name, row.email):
        uow.audit(actor, "account.update", row.name, fields=sorted(fields))
        uow.changed("account", row.id, "update", account_id=row.id)
    return _view(uow, actor, row, local_accounts)


def _own(uow: UnitOfWork, actor: Actor, *, lock: bool = False) -> AccountRow:
    row = accounts.by_id(uow, actor.account.id, lock=lock) if actor.account else None
    if row is None:  # deleted since the actor was made
        msg = "This account does not exist any more."
        raise Unauthenticated(msg)
    return row


def _view(uow: UnitOfWork, actor: Actor, row: AccountRow, local_accounts: bool) -> Me:
    found = groups.by_ids(uow, actor.roles)
    return Me(
        name=row.name,
        slug=row.slug,
        display_name=row.display_name,
        email=row.email,
        local=local_accounts and row.issuer == LOCAL_ISSUER,
        local_accounts=local_accounts,
        must_change_password=row.must_change_password,
        platform_admin=row.platform_admin,
        groups=tuple(
            MyGroup(
                group=group.slug,
                name=group.name,
                display_name=group.display_name,
                role=actor.roles[group.id],
                permissions=_in_group(uow, actor, group.id),
            )
            for group in found
        ),
        scopes=tuple(sorted(actor.scopes)),
        permissions=tuple(name for name in PERMISSIONS if allowed(actor, name)),
        version=row.version,
    )


def _in_group(uow: UnitOfWork, actor: Actor, group_id: str) -> tuple[str, ...]:
    held = {name for name, rule in PERMISSIONS.items() if rule.relations & _IN_GROUPS}
    held = {name for name in held if allowed(actor, name, group_id=group_id)}
    if may_invite(uow, actor, group_id):
        held.add("group.invite")
    return tuple(sorted(held))
