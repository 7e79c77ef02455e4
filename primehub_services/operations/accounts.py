"""Accounts, as platform admins keep them. Names, once given, are never given to anybody else."""

from __future__ import annotations

from ..domain.identity import (
    LOCAL_ISSUER,
    Account,
    AccountCreate,
    AccountCreated,
    AccountUpdate,
    Actor,
    Membership,
    Origin,
    Role,
    RunningThing,
    TemporaryPassword,
)
from ..domain.launch import WorkloadKind
from ..domain.paging import Page, PageQuery
from ..domain.permissions import require
from ..domain.problems import Conflict, Invalid, NotFound
from ..domain.system import InvitationKind
from ..store import accounts as store
from ..store import groups as group_store
from ..store import invitations as invitation_store
from ..store import jobs as job_store
from ..store import members as member_store
from ..store.orm import AccountRow
from ..store.unit_of_work import UnitOfWork
from . import firings, job_departures
from ._editing import check_version, given, page_of
from .actors import require_admin
from .invitations import ACCOUNT_LINK_LIFETIME, mail_to
from .passwords import check_kept

_PLAIN_FIELDS = ("email", "enabled", "platform_admin", "volume_capacity")
_NULLABLE = frozenset({"display_name", "volume_capacity"})


def list_(uow: UnitOfWork, actor: Actor, query: PageQuery) -> Page[Account]:
    """Everybody who is not deleted."""
    require(actor, "platform.admin")
    rows, total = store.list_(uow, query)
    return page_of([store.to_model(row) for row in rows], total, query)


def get(uow: UnitOfWork, actor: Actor, user: str) -> Account:
    """One account."""
    return store.to_model(_find(uow, actor, user))


def create(
    uow: UnitOfWork, actor: Actor, new: AccountCreate, *, local_accounts: bool = True, email_available: bool = False
) -> AccountCreated:
    """Make a local account without a password, and a link with which its person sets one.

    Where it is to be sent, the caller does that, as ``invitations.create`` says.
    """
    require_admin(uow, actor)
    check_kept(local_accounts, field="name")
    mail = mail_to(new.email, available=email_available, field="email") if new.send else None
    uow.lock(store.NAMES)
    check_free(uow, new.name)
    groups = group_store.by_references(uow, new.groups)
    unknown = sorted(set(new.groups) - groups.keys())
    if unknown:
        raise Invalid.field("groups", f"there is no group {unknown[0]!r}", "name groups by their slug")
    row = store.add(uow, new.name, display_name=new.display_name, email=new.email)
    row.platform_admin = new.platform_admin
    uow.session.flush()
    uow.audit(actor, "account.create", row.name, platform_admin=row.platform_admin)
    uow.changed("account", row.id, "create", account_id=row.id)
    for group in {group.id: group for group in groups.values()}.values():
        member_store.add(uow, row.id, group.id, Role.MEMBER, Origin.LOCAL)
        uow.audit(actor, "membership.create", row.name, group_id=group.id, group=group.slug, role=Role.MEMBER.value)
        uow.changed("membership", row.id, "create", group_id=group.id, account_id=row.id)
    link, token = invitation_store.add(
        uow, InvitationKind.ACCOUNT, created_by=actor.name, lifetime=ACCOUNT_LINK_LIFETIME, account_id=row.id
    )
    uow.audit(actor, "invitation.create", link.id, kind=link.kind, user=row.name)
    return AccountCreated.model_validate(
        {"account": store.to_model(row), "token": token, "expires_at": link.expires_at, "mail": mail}
    )


def check_free(uow: UnitOfWork, name: str, *, field: str = "name") -> None:
    """Raises ``Invalid`` for ``field`` where the name is, was, or could be taken for somebody's.

    The caller holds the lock ``store.accounts.NAMES``, so that the answer stays true until it has used it.
    """
    other = store.like(uow, name)
    if other is None:
        return
    if other.deleted_at is not None:
        problem = f"{name!r} was the name of an account that is deleted; names are never given again"
    elif other.name == name:
        problem = f"{name!r} is taken"
    else:
        problem = f"{name!r} differs from a name that is taken only by '-', '_' or '.'"
    raise Invalid.field(field, problem, "choose another name")


def update(uow: UnitOfWork, actor: Actor, user: str, update: AccountUpdate) -> Account:
    """Change an account. One that is disabled loses its sessions, its tokens and all that it runs."""
    require_admin(uow, actor)
    row = _find(uow, actor, user, lock=True)
    before = store.to_model(row)
    check_version(update.version, row.version, before)
    fields = given(update, nullable=_NULLABLE)
    _check_admins_remain(uow, actor, row, update)
    for field in fields.intersection(_PLAIN_FIELDS):
        setattr(row, field, getattr(update, field))
    if "display_name" in fields:
        row.display_name = update.display_name or row.name
    if before.enabled and not row.enabled:
        row.left_at = uow.now
        _stop_everything(uow, row, "the account was disabled")
    if (before.platform_admin and not row.platform_admin) or not row.enabled:
        invitation_store.withdraw(uow, row.name)
    uow.session.flush()
    after = store.to_model(row)
    if after != before:
        old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
        differing = {
            field: {"from": old[field], "to": new[field]} for field in sorted(fields) if old[field] != new[field]
        }
        uow.audit(actor, "account.update", row.name, changes=differing)
        uow.changed("account", row.id, "update", account_id=row.id)
    return after


def delete(uow: UnitOfWork, actor: Actor, user: str) -> None:
    """Delete an account: all that it has ends, its own secrets go, and its name stays taken for ever."""
    require_admin(uow, actor)
    row = _find(uow, actor, user, lock=True)
    _check_not_last(uow, actor, row, "delete")
    _stop_everything(uow, row, "the account was deleted")
    for group_id in {membership.group_id for membership in member_store.of_account(uow, row.id)}:
        uow.changed("membership", row.id, "delete", group_id=group_id, account_id=row.id)
    invitation_store.withdraw(uow, row.name)
    store.forget(uow, row)
    row.enabled = False
    row.left_at = row.deleted_at = uow.now
    uow.session.flush()
    uow.audit(actor, "account.delete", row.name)
    uow.changed("account", row.id, "delete", account_id=row.id)


def running(uow: UnitOfWork, actor: Actor, user: str) -> tuple[RunningThing, ...]:
    """What would be stopped if the account were disabled or deleted now."""
    row = _find(uow, actor, user)
    notebooks = (
        RunningThing(
            kind=WorkloadKind.NOTEBOOK.value,
            id=notebook.id,
            name=notebook.server_name,
            group=group,
            phase=notebook.phase,
            since=notebook.created_at,
        )
        for notebook, group in store.running(uow, row.id)
    )
    jobs = (
        RunningThing(
            kind=WorkloadKind.JOB.value, id=job.id, name=job.name, group=group, phase=job.phase, since=job.created_at
        )
        for job, group in job_store.running(uow, row.id)
    )
    return (*notebooks, *jobs)


def memberships(uow: UnitOfWork, actor: Actor, user: str) -> tuple[Membership, ...]:
    """Every group that the person is in, by name."""
    return tuple(member_store.places_of(uow, _find(uow, actor, user)))


def check_has_password(uow: UnitOfWork, actor: Actor, user: str, *, local_accounts: bool = True) -> None:
    """Raises unless the actor may give the account a temporary password."""
    row = _find(uow, actor, user)
    check_kept(local_accounts, field="user")
    if row.issuer != LOCAL_ISSUER:
        msg = f"{user!r} signs in through an identity provider and has no password here."
        raise Conflict(msg)


def set_temporary_password(
    uow: UnitOfWork, actor: Actor, user: str, password: str, password_hash: str
) -> TemporaryPassword:
    """Keep the hash of ``password``, to be changed at the next sign-in; a lockout and earlier links end.

    ``SignIn.reset_password`` is what calls this, with the slow hashing done before the transaction.
    """
    require_admin(uow, actor)
    check_has_password(uow, actor, user)
    row = _find(uow, actor, user, lock=True)
    store.set_password(uow, row, password_hash, temporary=True)
    invitation_store.withdraw_for(uow, row.id)
    uow.audit(actor, "account.password-reset", row.name)
    uow.changed("account", row.id, "update", account_id=row.id)
    return TemporaryPassword.model_validate({"user": row.name, "password": password})


def _stop_everything(uow: UnitOfWork, row: AccountRow, reason: str) -> None:
    firings.pause_all(uow, reason, account_id=row.id)
    job_departures.account_left(uow, row, reason)
    store.ask_to_stop(uow, [notebook for notebook, _ in store.running(uow, row.id, lock=True)], reason)


def _find(uow: UnitOfWork, actor: Actor, user: str, *, lock: bool = False) -> AccountRow:
    require(actor, "platform.admin")
    row = store.by_name(uow, user, lock=lock)
    if row is None:
        raise NotFound.of("user", user)
    return row


def _check_admins_remain(uow: UnitOfWork, actor: Actor, row: AccountRow, update: AccountUpdate) -> None:
    if update.enabled is False and row.enabled:
        _check_not_last(uow, actor, row, "disable")
    elif update.platform_admin is False and row.platform_admin and row.enabled and not store.other_admins(uow, row.id):
        msg = f"{row.name!r} is the last enabled platform admin. Make somebody else one first."
        raise Conflict(msg)


def _check_not_last(uow: UnitOfWork, actor: Actor, row: AccountRow, verb: str) -> None:
    if actor.account is not None and actor.account.id == row.id:
        msg = f"You cannot {verb} your own account. Ask another platform admin."
        raise Conflict(msg)
    if row.platform_admin and row.enabled and not store.other_admins(uow, row.id):
        msg = f"{row.name!r} is the last enabled platform admin. Make somebody else one first."
        raise Conflict(msg)
