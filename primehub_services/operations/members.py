"""Who is in a group. Every membership knows its origin; this module writes only PrimeHub's own."""

from __future__ import annotations

from ..domain.identity import Actor, Membership, MembershipPut, Origin, Role
from ..domain.paging import Page, PageQuery
from ..domain.permissions import require
from ..domain.problems import Conflict, NotFound
from ..store import accounts as account_store
from ..store import invitations as invitation_store
from ..store import members as store
from ..store.orm import AccountRow, GroupRow
from ..store.unit_of_work import UnitOfWork
from . import firings, job_departures
from ._editing import page_of
from .actors import again
from .groups import resolve_group

LEFT = "left the group"


def list_(uow: UnitOfWork, actor: Actor, ref: str, query: PageQuery) -> Page[Membership]:
    """A group's people, each once, with the strongest role and all origins."""
    group = resolve_group(uow, actor, ref)
    require(actor, "group.members", group_id=group.id, visible=True)
    items, total = store.list_(uow, group, query)
    return page_of(items, total, query)


def put(uow: UnitOfWork, actor: Actor, ref: str, user: str, new: MembershipPut) -> Membership:
    """Take a person into the group, or change their role there.

    Raises ``Conflict`` where a provider gives the person a stronger role than asked.
    """
    group, account = _both(uow, actor, ref, user)
    rows = {row.origin: row for row in store.of(uow, account.id, group.id, lock=True)}
    provider = rows.get(Origin.PROVIDER.value)
    if provider is not None and provider.role == Role.ADMIN.value and new.role is not Role.ADMIN:
        msg = f"{user!r} is an admin of this group by the identity provider. Change it there."
        raise Conflict(msg)
    own = rows.get(Origin.LOCAL.value)
    if own is None:
        own = store.add(uow, account.id, group.id, new.role, Origin.LOCAL)
        action = "create"
    elif own.role != new.role.value:
        own.role = new.role.value
        action = "update"
        if new.role is Role.MEMBER:
            invitation_store.withdraw(uow, account.name, group_id=group.id)
    else:
        return store.to_model(account, group, list(rows.values()))
    uow.session.flush()
    uow.audit(actor, f"membership.{action}", account.name, group_id=group.id, group=group.slug, role=new.role.value)
    uow.changed("membership", account.id, action, group_id=group.id, account_id=account.id)
    return store.to_model(account, group, store.of(uow, account.id, group.id))


def delete(uow: UnitOfWork, actor: Actor, ref: str, user: str) -> None:
    """Take a person out of the group; their notebooks there stop.

    Where a provider gives a membership too, PrimeHub's own is taken away and the person stays, by the provider.
    Raises ``Conflict`` where the membership is the provider's alone.
    """
    group, account = _both(uow, actor, ref, user)
    rows = {row.origin: row for row in store.of(uow, account.id, group.id, lock=True)}
    if not rows:
        raise NotFound.of("member", user)
    own = rows.get(Origin.LOCAL.value)
    if own is None:
        msg = f"{user!r} is in this group by the identity provider. Take them out of the group there."
        raise Conflict(msg)
    store.remove(uow, own)
    uow.audit(actor, "membership.delete", account.name, group_id=group.id, group=group.slug, origin=own.origin)
    ended(uow, account, group)


def ended(uow: UnitOfWork, account: AccountRow, group: GroupRow) -> None:
    """What follows, in the same transaction, when one of a person's memberships in a group is gone."""
    left = store.of(uow, account.id, group.id)
    if store.strongest([row.role for row in left]) is not Role.ADMIN:
        invitation_store.withdraw(uow, account.name, group_id=group.id)
    if left:
        uow.changed("membership", account.id, "update", group_id=group.id, account_id=account.id)
        return
    # first: a job that is fired meanwhile is then seen by what ends jobs
    firings.pause_all(uow, f"{account.name} {LEFT}", account_id=account.id, group_id=group.id)
    job_departures.left_group(uow, account, group)
    account_store.ask_to_stop(uow, store.touching(uow, group, account_id=account.id), LEFT)
    uow.changed("membership", account.id, "delete", group_id=group.id, account_id=account.id)


def _both(uow: UnitOfWork, actor: Actor, ref: str, user: str) -> tuple[GroupRow, AccountRow]:
    # the group's row is locked, so that a member cannot come in while the group is being deleted
    group = resolve_group(uow, actor, ref, lock=True)
    require(again(uow, actor), "group.members.edit", group_id=group.id, visible=True)
    account = account_store.by_name(uow, user, lock=True)
    if account is None:
        raise NotFound.of("user", user)
    return group, account
