"""Composition root of what is done on the platform's own machine without a sign-in: whoever may read the data may."""

from __future__ import annotations

from .domain.identity import LOCAL_ISSUER
from .domain.problems import Conflict, NotFound
from .domain.system import InvitationKind
from .operations.invitations import ACCOUNT_LINK_LIFETIME, PLATFORM
from .store import accounts, invitations
from .store.database import Database
from .store.unit_of_work import UnitOfWork


def sign_in_link(database_url: str, name: str) -> str:
    """The token of a new one-time link with which a local account sets a password. The change is in the audit log.

    Raises ``NotFound`` where there is no such account, ``Conflict`` where it could not sign in with a password.
    """
    database = Database(database_url)
    try:
        return database.write_now(_sign_in_link, name)
    finally:
        database.close()


def _sign_in_link(uow: UnitOfWork, name: str) -> str:
    account = accounts.by_name(uow, name, lock=True)
    if account is None:
        raise NotFound.of("user", name)
    if account.issuer != LOCAL_ISSUER:
        msg = f"{name} signs in through an identity provider and has no password here."
        raise Conflict(msg)
    if not account.enabled:
        msg = f"{name} is disabled. A platform admin can enable the account."
        raise Conflict(msg)
    row, token = invitations.add(
        uow,
        InvitationKind.ACCOUNT,
        created_by=PLATFORM.name,
        lifetime=ACCOUNT_LINK_LIFETIME,
        account_id=account.id,
    )
    uow.audit(PLATFORM, "invitation.create", row.id, kind=row.kind, user=name)
    uow.changed("invitation", row.id, "create", account_id=account.id)
    return token
