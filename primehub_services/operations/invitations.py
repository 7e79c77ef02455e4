"""Links that work once: into a group for somebody without an account, or to an account without a password."""

from __future__ import annotations

from datetime import timedelta

from ..domain.handshake import InvitationView, TokenInspection
from ..domain.identity import LOCAL_ISSUER, PLATFORM, Actor, LinkSent, Role
from ..domain.letters import LinkFor
from ..domain.model import Model
from ..domain.names import check_hub_name
from ..domain.paging import Page, PageQuery
from ..domain.permissions import allowed, require
from ..domain.problems import Conflict, Invalid, NotFound
from ..domain.system import Invitation, InvitationCreate, InvitationCreated, InvitationKind
from ..store import accounts as account_store
from ..store import groups as group_store
from ..store import invitations as store
from ..store import settings
from ..store.orm import AccountRow, GroupRow, InvitationRow
from ..store.unit_of_work import UnitOfWork
from ._editing import page_of
from .actors import again, require_admin
from .groups import resolve_group
from .passwords import check_kept

ACCOUNT_LINK_LIFETIME = timedelta(hours=24)


def may_invite(uow: UnitOfWork, actor: Actor, group_id: str) -> bool:
    """Whether the actor may make links into the group: its admins, and its members where the settings say so."""
    if allowed(actor, "group.invite", group_id=group_id):
        return True
    return allowed(actor, "notebook.start", group_id=group_id) and settings.load(uow).members_may_invite


def list_(uow: UnitOfWork, actor: Actor, query: PageQuery, *, group: str | None = None) -> Page[Invitation]:
    """Links: all for platform admins, else those into groups one administers and those one made. Without tokens."""
    require(actor, "self.read")
    everything = allowed(actor, "platform.admin")
    chosen = None if everything else {g for g in actor.roles if allowed(actor, "group.invite", group_id=g)}
    # a notebook's token is for its launch group, whatever links its owner made elsewhere
    created_by = None if everything or actor.is_notebook else actor.name
    if group is not None:
        row = resolve_group(uow, actor, group)
        if not everything and row.id not in (chosen or ()):
            require(actor, "group.invite", group_id=row.id, visible=True)
        chosen, created_by = {row.id}, None
    items, total = store.list_(uow, query, group_ids=chosen, created_by=created_by)
    return page_of([store.to_model(*item) for item in items], total, query)


def create(
    uow: UnitOfWork,
    actor: Actor,
    new: InvitationCreate,
    *,
    local_accounts: bool = True,
    email_available: bool = False,
) -> InvitationCreated:
    """Make a link. Its token is in the answer and nowhere else, but for the letter that is asked for with ``send``.

    ``local_accounts``: whether people have passwords; ``email_available``: whether the platform can send e-mail. The
    caller sends (``mail`` is not sent yet): a mail server may take its time, and a transaction waits for nobody.
    """
    if (new.group is None) == (new.user is None):
        fix = "group is for a new person, user for an account that exists"
        raise Invalid.field("group", "either group or user must be given, not both", fix)
    lifetime = timedelta(seconds=new.expires_in)
    if new.group is not None:
        return _create_join(uow, actor, new, lifetime, email_available=email_available)
    require_admin(uow, actor)
    check_kept(local_accounts, field="user")
    account = account_store.by_name(uow, new.user or "", lock=True)
    if account is None:
        raise Invalid.field("user", f"there is no user {new.user!r}")
    if account.issuer != LOCAL_ISSUER:
        raise Invalid.field("user", f"{new.user!r} signs in through an identity provider and has no password here")
    mail = mail_to(account.email, available=email_available) if new.send else None
    row, token = store.add(uow, InvitationKind.ACCOUNT, created_by=actor.name, lifetime=lifetime, account_id=account.id)
    return _created(uow, actor, row, token, mail, account=account)


def _create_join(
    uow: UnitOfWork, actor: Actor, new: InvitationCreate, lifetime: timedelta, *, email_available: bool
) -> InvitationCreated:
    group = resolve_group(uow, actor, new.group or "", lock=True)
    actor = again(uow, actor)  # or what they make would outlast their leaving
    if new.role is Role.ADMIN or not may_invite(uow, actor, group.id):
        require(actor, "group.invite", group_id=group.id, visible=True)
    mail = None
    if new.send:
        # to any address, in the platform's name
        require(actor, "platform.admin")
        mail = mail_to(new.address, available=email_available, field="address")
    row, token = store.add(
        uow, InvitationKind.JOIN, created_by=actor.name, lifetime=lifetime, group_id=group.id, role=new.role
    )
    return _created(uow, actor, row, token, mail, group=group)


def mail_to(address: str, *, available: bool, field: str = "send") -> LinkSent:
    """A letter to the address that is still to be sent. Raises ``Invalid`` where there can be none."""
    if not available:
        fix = "hand the link over yourself, or set notifications.smtp in the settings file"
        raise Invalid.field("send", "this platform sends no e-mail", fix)
    if not address:
        problem = "the account has no e-mail address" if field == "send" else "an e-mail address is needed"
        raise Invalid.field(field, problem, "give one, or hand the link over yourself")
    return LinkSent(to=address, sent=False)


def about(uow: UnitOfWork, actor: Actor, token: str) -> LinkFor:
    """Whom the link of a token is for, for the letter that brings it."""
    require(actor, "platform.admin")
    row = usable(uow, token)
    group = group_store.by_id(uow, row.group_id) if row.group_id else None
    account = account_store.by_id(uow, row.account_id) if row.account_id else None
    return LinkFor(
        id=row.id,
        until=row.expires_at,
        by=actor.name,
        platform=settings.load(uow).name,
        user=account.name if account else None,
        group=group.display_name if group else None,
    )


def sent(uow: UnitOfWork, actor: Actor, invitation_id: str, mail: LinkSent) -> None:
    """Keep in the audit log to which address a link went, or that it did not get there."""
    require(actor, "platform.admin")
    found = store.get(uow, invitation_id)
    group_id = found[0].group_id if found is not None else None
    uow.audit(actor, "invitation.send", invitation_id, group_id=group_id, to=mail.to, sent=mail.sent)


def _created(
    uow: UnitOfWork,
    actor: Actor,
    row: InvitationRow,
    token: str,
    mail: LinkSent | None,
    *,
    group: GroupRow | None = None,
    account: AccountRow | None = None,
) -> InvitationCreated:
    slug, user = group.slug if group else None, account.name if account else None
    uow.audit(actor, "invitation.create", row.id, group_id=row.group_id, kind=row.kind, group=slug, user=user)
    uow.changed("invitation", row.id, "create", group_id=row.group_id, account_id=row.account_id)
    return InvitationCreated.model_validate({**_fields(store.to_model(row, slug, user)), "token": token, "mail": mail})


def _fields(model: Model) -> dict[str, object]:
    return {name: getattr(model, name) for name in type(model).model_fields}


def revoke(uow: UnitOfWork, actor: Actor, invitation_id: str) -> None:
    """Make a link worthless: whoever made it may, and whoever may make the like."""
    require(actor, "self.read")
    found = store.get(uow, invitation_id)
    if found is None:
        raise NotFound.of("invitation", invitation_id)
    row = found[0]
    mine = row.created_by == actor.name and allowed(actor, "self.write")
    into = row.group_id is not None and allowed(actor, "group.invite", group_id=row.group_id)
    if not (mine or into or allowed(actor, "platform.admin")):
        raise NotFound.of("invitation", invitation_id)
    if row.used_at is not None:
        msg = f"{row.used_by!r} has used this link already. It is worthless now; delete the account instead."
        raise Conflict(msg)
    store.delete(uow, row)
    uow.audit(actor, "invitation.delete", row.id, group_id=row.group_id, kind=row.kind)
    uow.changed("invitation", row.id, "delete", group_id=row.group_id, account_id=row.account_id)


def usable(uow: UnitOfWork, token: str) -> InvitationRow:
    """The invitation of a token. Raises ``NotFound`` saying whether it is unknown, used or too late."""
    row = store.by_token(uow, token)
    if row is None:
        msg = "This link is not valid: it is incomplete, or was withdrawn. Ask for a new one."
        raise NotFound(msg, reason="unknown")
    if row.used_at is not None:
        msg = "This link was used already; it works once. Ask for a new one."
        raise NotFound(msg, reason="used")
    if row.expires_at <= uow.now:
        msg = f"This link was good until {row.expires_at:%Y-%m-%d %H:%M} UTC. Ask for a new one."
        raise NotFound(msg, reason="expired")
    return row


def inspect(uow: UnitOfWork, actor: Actor, request: TokenInspection) -> InvitationView:
    """What the holder of a link may see before using it."""
    require(actor, "accounts")
    row = usable(uow, request.token.get_secret_value())
    group = group_store.by_id(uow, row.group_id) if row.group_id else None
    account = account_store.by_id(uow, row.account_id) if row.account_id else None
    return InvitationView(
        kind="join" if row.kind == InvitationKind.JOIN.value else "account",
        group=group.display_name if group else None,
        username=account.name if account else None,
    )


def bootstrap_admin(uow: UnitOfWork, name: str = "admin") -> str | None:
    """The token of a one-time link for the first platform admin, who is made where the store has no account at all.

    Called again while no platform admin has ever signed in and that link was not used, expired or not: a fresh
    token, and the earlier one dies. Otherwise None. ``name`` is a hub name.
    """
    uow.lock(account_store.NAMES)
    if not account_store.any_at_all(uow):
        account = account_store.add(uow, check_hub_name(name))
        account.platform_admin = True
        uow.session.flush()
        uow.audit(PLATFORM, "account.create", account.name, platform_admin=True)
        uow.changed("account", account.id, "create", account_id=account.id)
    elif account_store.admin_has_signed_in(uow):
        return None
    else:
        pending = store.unused_by(uow, PLATFORM.name)
        if pending is None:
            return None
        account = pending
    row, token = store.add(
        uow,
        InvitationKind.ACCOUNT,
        created_by=PLATFORM.name,
        lifetime=ACCOUNT_LINK_LIFETIME,
        account_id=account.id,
    )
    uow.audit(PLATFORM, "invitation.create", row.id, kind=row.kind, user=account.name)
    return token
