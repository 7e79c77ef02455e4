"""Sign-in of a program through a person's browser: asked for, shown, approved, fetched once.

The token is made at the hub with the person's own token, between the transactions ``reserve`` and ``approve``. It lies
here encrypted until the program fetches it; what nobody fetches is revoked when its time is over, and found by its note
where the end of a process, or of a connection, came before its id was written down.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import SecretStr

from ..domain.identity import Actor
from ..domain.permissions import Scope, require
from ..domain.problems import Conflict, Forbidden, NotFound, TooMany
from ..domain.tokens import (
    LOGIN_REQUEST_LIFETIME,
    LoginApprovalView,
    LoginRequestCreate,
    LoginRequestCreated,
    LoginRequestResult,
    LoginState,
)
from ..store import logins as store
from ..store.crypto import Keyring, KeyringError
from ..store.orm import LoginRequestRow
from ..store.orm.base import new_id
from ..store.secrets import seal
from ..store.unit_of_work import UnitOfWork

LETTERS = "BCDFGHJKLMNPQRSTVWXZ"  # no vowels, so no words; nothing that looks like a digit
MOST = 1000
"""Sign-ins that may wait at once, in the whole platform."""


@dataclass(frozen=True, slots=True)
class Fetchable:
    """A token that was made for a sign-in."""

    token: str
    token_id: str


def create(uow: UnitOfWork, new: LoginRequestCreate, *, path: str) -> LoginRequestCreated:
    """Ask for a sign-in. ``path`` is the portal's page, to which the code is added."""
    # who asks for many of them is to keep nobody else from signing in: the oldest that nobody approved makes room
    if store.count(uow) >= MOST and not store.delete_oldest(uow):
        msg = "Too many sign-ins wait for approval. Try again in a minute."
        raise TooMany(msg, retry_after_s=60)
    secret = secrets.token_urlsafe(32)
    letters = "".join(secrets.choice(LETTERS) for _ in range(8))
    row = LoginRequestRow(
        id=new_id(),
        secret_digest=_digest(secret),
        code=f"{letters[:4]}-{letters[4:]}",
        client=new.client,
        host=new.host,
        scopes=[scope.value for scope in new.scopes],
        token_lifetime=new.expires_in,
        created_at=uow.now,
        expires_at=uow.now + timedelta(seconds=LOGIN_REQUEST_LIFETIME),
    )
    store.add(uow, row)
    return LoginRequestCreated(
        id=row.id,
        code=row.code,
        secret=SecretStr(secret),
        verification_path=f"{path}?code={row.code}",
        expires_at=row.expires_at,
    )


def view(uow: UnitOfWork, actor: Actor, code: str) -> LoginApprovalView:
    """What the person is asked to approve. Raises ``NotFound`` for a code that is wrong or too old."""
    require(actor, "self.tokens")
    return _view(_by_code(uow, code))


def reserve(uow: UnitOfWork, actor: Actor, code: str) -> LoginApprovalView:
    """The person approves; whoever comes second raises ``Conflict``, unless it is the same person again."""
    require(actor, "self.tokens")
    row = _by_code(uow, code)
    lacking = sorted(set(row.scopes) - actor.scopes)
    if lacking:
        msg = f"This session lacks {', '.join(lacking)}, so it cannot give that to a program."
        raise Forbidden(msg)
    if row.denied or row.ciphertext is not None or row.decided_by not in (None, actor.name):
        msg = "This sign-in was answered already. Start it again if that was a mistake."
        raise Conflict(msg)
    row.decided_by = actor.name
    return _view(row)


def approve(uow: UnitOfWork, actor: Actor, code: str, made: Fetchable, *, keyring: Keyring) -> LoginApprovalView:
    """Put the token where the program fetches it. Raises ``Conflict`` where there is one already."""
    row = _by_code(uow, code)
    if row.denied or row.ciphertext is not None or row.decided_by != actor.name:
        msg = "This sign-in was answered already. Start it again if that was a mistake."
        raise Conflict(msg)
    sealed = json.dumps({"token": made.token, "token_id": made.token_id})
    row.key_id, row.ciphertext = seal(uow, keyring, sealed, row_id=row.id)
    uow.audit(actor, "token.create", actor.name, client=row.client, host=row.host, scopes=row.scopes)
    return _view(row)


def deny(uow: UnitOfWork, actor: Actor, code: str) -> LoginApprovalView:
    """The person does not approve."""
    require(actor, "self.tokens")
    row = _by_code(uow, code)
    if row.ciphertext is not None or row.decided_by not in (None, actor.name):
        msg = "This sign-in was answered already. Revoke its token under API tokens if that was a mistake."
        raise Conflict(msg)
    row.denied, row.decided_by = True, actor.name
    return _view(row)


def poll(uow: UnitOfWork, request_id: str, secret: SecretStr, *, keyring: Keyring) -> LoginRequestResult:
    """How far it is; the token once, after which the sign-in is forgotten.

    Raises ``NotFound`` for a wrong id or secret, and when the time is over.
    """
    row = store.by_id(uow, request_id)
    if row is None or not hmac.compare_digest(row.secret_digest, _digest(secret.get_secret_value())):
        msg = "This sign-in is not known or took too long. Start it again."
        raise NotFound(msg)
    if row.denied:
        return LoginRequestResult(state=LoginState.DENIED)
    if row.ciphertext is None:
        return LoginRequestResult(state=LoginState.PENDING)
    made = _open(row, keyring)
    user = row.decided_by
    store.delete(uow, row.id)
    if made is None:
        msg = "The keys that this sign-in's token was kept with are gone. Start it again."
        raise NotFound(msg)
    return LoginRequestResult(state=LoginState.APPROVED, user=user, token=SecretStr(made.token))


@dataclass(frozen=True, slots=True)
class Expired:
    """A sign-in whose time is over."""

    id: str
    user: str | None
    """Whose token there may be that nobody fetched; None where there is none."""
    token_id: str | None
    """The token's id, where it is known; else it is found by its note."""
    note: str


def note_of(asked: LoginApprovalView) -> str:
    """What the hub is told of a sign-in's token: people know it by that, and so does the sweep, by the code in it."""
    program = f"{asked.client} on {asked.host}" if asked.host else asked.client
    return f"{program} ({asked.code})"


def expired(uow: UnitOfWork, *, keyring: Keyring, limit: int = MOST) -> tuple[Expired, ...]:
    """Sign-ins whose time is over: all of them, so that none whose token cannot be revoked is in another's way."""
    return tuple(_expired(uow, row, keyring) for row in store.expired(uow, limit))


def _expired(uow: UnitOfWork, row: LoginRequestRow, keyring: Keyring) -> Expired:
    made = _open(row, keyring)
    # a token is gone by itself once its own time is over
    alive = not row.denied and row.expires_at + timedelta(seconds=row.token_lifetime) > uow.now
    return Expired(row.id, row.decided_by if alive else None, made.token_id if made else None, note_of(_view(row)))


def forget(uow: UnitOfWork, request_id: str) -> None:
    """Remove a sign-in whose time is over."""
    store.delete(uow, request_id)


def _open(row: LoginRequestRow, keyring: Keyring) -> Fetchable | None:
    if row.ciphertext is None or row.key_id is None:
        return None
    try:
        return Fetchable(**json.loads(keyring.decrypt(row.key_id, row.ciphertext, row_id=row.id)))
    except KeyringError:
        return None


def _by_code(uow: UnitOfWork, code: str) -> LoginRequestRow:
    letters = "".join(c for c in code.upper() if c.isalpha())
    row = store.by_code(uow, f"{letters[:4]}-{letters[4:]}")
    if row is None:
        msg = f"There is no sign-in with the code {code[:20]!r}; it may have taken too long."
        raise NotFound(msg)
    return row


def _view(row: LoginRequestRow) -> LoginApprovalView:
    if row.denied:
        state = LoginState.DENIED
    else:
        state = LoginState.APPROVED if row.ciphertext is not None else LoginState.PENDING
    return LoginApprovalView(
        code=row.code,
        client=row.client,
        host=row.host,
        scopes=tuple(Scope(s) for s in row.scopes),
        expires_in=row.token_lifetime,
        created_at=row.created_at,
        expires_at=row.expires_at,
        state=state,
    )


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def record(uow: UnitOfWork, actor: Actor, /, action: str, **details: Any) -> None:
    """Audit what was done to the actor's API tokens at the hub."""
    require(actor, "self.tokens")
    uow.audit(actor, action, actor.name, **details)
