"""People whom an OpenID Connect provider vouches for: their account, and the memberships that the provider gives."""

from __future__ import annotations

import hashlib
import re
import unicodedata

from ..domain.handshake import AccountState, ProviderRefusal, ProviderSignIn
from ..domain.identity import LOCAL_ISSUER, Actor, Origin, Role
from ..domain.names import check_display_name
from ..domain.permissions import require
from ..domain.problems import Conflict, Forbidden, Invalid, NotFound
from ..store import accounts as store
from ..store import groups as group_store
from ..store import invitations as invitation_store
from ..store import members as member_store
from ..store.orm import AccountRow, GroupRow
from ..store.unit_of_work import UnitOfWork
from . import members

REFUSED = "the identity provider does not vouch for its owner any more"


def provider_sign_in(uow: UnitOfWork, actor: Actor, request: ProviderSignIn) -> AccountState:
    """The account of somebody a provider vouches for, made at the first sign-in.

    The provider's (issuer, subject) is the person, whatever the login is now. A new person whose login is, or is like,
    the name of an account is refused (``Conflict``): accounts are never shared. ``Forbidden`` where the account is
    disabled or deleted, ``NotFound`` for a renewal of somebody who has none. The memberships of origin provider become exactly the claimed groups that exist.
    """
    require(actor, "accounts")
    _check_issuer(request.issuer)
    if request.platform_admin is False:
        uow.lock(store.ADMINS)
    if store.by_subject(uow, request.issuer, request.subject) is None:
        if request.renewal:
            raise NotFound.of("user", request.username)
        uow.lock(store.NAMES)
        # somebody may have been faster with the same person's first sign-in
        if store.by_subject(uow, request.issuer, request.subject) is None:
            _newcomer(uow, actor, request)
    claimed = None if request.groups is None else _locked_groups(uow, request.groups)
    row = store.by_subject(uow, request.issuer, request.subject, lock=True)
    if row is None or row.deleted_at is not None or not row.enabled:
        raise disabled()
    row.email = row.email or request.email
    _follow_admin_claim(uow, actor, row, request.platform_admin)
    uow.session.flush()
    if claimed is not None:
        _follow_groups(uow, actor, row, claimed)
    if not request.renewal:
        store.signed_in(uow, row.id)
    return state_of(uow, row.name)


def provider_refusal(uow: UnitOfWork, actor: Actor, request: ProviderRefusal) -> None:
    """A provider does not vouch for somebody any more: what they run stops, and what it gave them ends.

    Not their account: when they sign in again, they have what the provider gives them then. Who has no account here
    has nothing to lose.
    """
    require(actor, "accounts")
    _check_issuer(request.issuer)
    row = store.by_subject(uow, request.issuer, request.subject, lock=True)
    if row is None:
        return
    store.ask_to_stop(uow, [notebook for notebook, _ in store.running(uow, row.id, lock=True)], REFUSED)
    invitation_store.withdraw(uow, row.name)
    _follow_groups(uow, actor, row, {})
    uow.audit(actor, "account.refused", row.name, issuer=row.issuer)


def _check_issuer(issuer: str) -> None:
    if issuer == LOCAL_ISSUER:  # a provider of that name could claim a local account by its id
        raise Invalid.field("issuer", f"{LOCAL_ISSUER!r} stands for PrimeHub's own accounts", "give the provider's URL")


def disabled() -> Forbidden:
    """The problem of a person who is who they say, and may not go on."""
    return Forbidden("This account is disabled. Ask a platform admin.")


def state_of(uow: UnitOfWork, name: str) -> AccountState:
    """How things stand with an account. Raises ``NotFound`` where there is none that is not deleted."""
    found = store.with_memberships(uow, name)
    if found is None:
        raise NotFound.of("user", name)
    row, places = found
    return AccountState(
        name=row.name,
        display_name=row.display_name,
        enabled=row.enabled,
        platform_admin=row.platform_admin and row.enabled,
        must_change_password=row.must_change_password,
        groups=tuple(sorted({group.slug for group, _ in places})) if row.enabled else (),
        issuer=row.issuer,
    )


def hub_name_of(login: str) -> str:
    """A provider's login as a hub name: itself in lower case where it can be one, else its nearest form."""
    ascii_form = unicodedata.normalize("NFKD", login).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9._@-]+", "-", ascii_form)[:63].strip("-_.@")
    return name or f"user-{hashlib.sha256(login.encode()).hexdigest()[:8]}"


def _newcomer(uow: UnitOfWork, actor: Actor, request: ProviderSignIn) -> None:
    name = hub_name_of(request.username)
    other = store.like(uow, name)
    if other is not None:
        msg = (
            f"Your login {request.username!r} would make the username {name!r}, which belongs to another account or "
            "is too like its name. Accounts are never shared: ask a platform admin, or for another login."
        )
        raise Conflict(msg)
    row = store.add(
        uow,
        name,
        issuer=request.issuer,
        subject=request.subject,
        display_name=_printable(request.display_name),
        email=request.email,
    )
    uow.audit(actor, "account.create", row.name, issuer=request.issuer)
    uow.changed("account", row.id, "create", account_id=row.id)


def _printable(text: str) -> str:
    return check_display_name("".join(c for c in text if c.isprintable())[:100])


def _follow_admin_claim(uow: UnitOfWork, actor: Actor, row: AccountRow, claim: bool | None) -> None:
    if claim is None or claim == row.platform_admin:
        return
    if not claim and not store.other_admins(uow, row.id):
        return  # a provider's mistake must not leave the platform without anybody who can mend it
    row.platform_admin = claim
    if not claim:
        # a link to an account that was made before would still let them in as that account
        invitation_store.withdraw(uow, row.name)
    uow.audit(actor, "account.update", row.name, changes={"platform_admin": {"from": not claim, "to": claim}})
    uow.changed("account", row.id, "update", account_id=row.id)


def _locked_groups(uow: UnitOfWork, claimed: tuple[str, ...]) -> dict[str, GroupRow]:
    """The groups that a claim names, by id, locked, so that none is deleted before its member is in."""
    # Keycloak writes groups as paths
    names = {unicodedata.normalize("NFC", name.removeprefix("/")) for name in claimed}
    ids = sorted(group.id for group in group_store.by_references(uow, names).values())
    return {group_id: group for group_id in ids if (group := group_store.by_id(uow, group_id, lock=True))}


def _follow_groups(uow: UnitOfWork, actor: Actor, account: AccountRow, wanted: dict[str, GroupRow]) -> None:
    held = {
        membership.group_id: membership
        for membership in member_store.of_account(uow, account.id)
        if membership.origin == Origin.PROVIDER.value
    }
    for group_id in sorted(wanted.keys() - held.keys()):
        member_store.add(uow, account.id, group_id, Role.MEMBER, Origin.PROVIDER)
        _audit(uow, actor, "membership.create", account, wanted[group_id])
        uow.changed("membership", account.id, "create", group_id=group_id, account_id=account.id)
    for group in group_store.by_ids(uow, held.keys() - wanted.keys()):
        member_store.remove(uow, held[group.id])
        _audit(uow, actor, "membership.delete", account, group)
        members.ended(uow, account, group)


def _audit(uow: UnitOfWork, actor: Actor, action: str, account: AccountRow, group: GroupRow) -> None:
    origin = Origin.PROVIDER.value
    uow.audit(actor, action, account.name, group_id=group.id, group=group.slug, origin=origin)
