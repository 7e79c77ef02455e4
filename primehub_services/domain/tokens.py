"""Personal API tokens, and the sign-in of the ``primehub`` command through the browser."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, field_validator

from .model import Model, Timestamp, Transmitted
from .permissions import PERSON_SCOPES, Scope
from .wrong import WrongValue

DAY = 86_400
TOKEN_LIFETIME_MAX = 366 * DAY
LOGIN_REQUEST_LIFETIME = 600
"""Seconds that a person has to approve a sign-in and the command has to fetch its token."""
TokenLifetime = Annotated[int, Field(ge=60, le=TOKEN_LIFETIME_MAX, description="seconds")]


def check_person_scopes(scopes: tuple[Scope, ...]) -> tuple[Scope, ...]:
    """The scopes, each once. Raises ``ValueError`` for one that no person's token can carry."""
    for scope in scopes:
        if scope not in PERSON_SCOPES:
            msg, fix = (
                f"{scope.value} is not for people's tokens",
                f"choose from {', '.join(s.value for s in PERSON_SCOPES)}",
            )
            raise WrongValue(msg, fix)
    return tuple(dict.fromkeys(scopes))


class TokenCreate(Model):
    """What a person gives to make an API token."""

    note: str = Field(min_length=1, max_length=200)
    scopes: tuple[Scope, ...] = Field(default=(Scope.READ,), min_length=1)
    expires_in: TokenLifetime = 30 * DAY

    _scopes = field_validator("scopes")(check_person_scopes)


class Token(Model):
    """An API token as it can be listed."""

    id: str
    note: str
    scopes: tuple[str, ...]
    created_at: Timestamp
    expires_at: Timestamp | None
    last_used_at: Timestamp | None


class TokenCreated(Token):
    """A new API token. ``token`` is shown this once."""

    token: Transmitted


class LoginRequestCreate(Model):
    """The ``primehub`` command asks a person to let it act for them."""

    client: str = Field(default="primehub", min_length=1, max_length=100)
    """What asks, for the person to recognise."""
    host: str = Field(default="", max_length=253)
    """The machine it runs on, as it says itself."""
    scopes: tuple[Scope, ...] = Field(default=(Scope.READ, Scope.WRITE), min_length=1)
    expires_in: TokenLifetime = 30 * DAY
    """How long the token is to be good for."""

    _scopes = field_validator("scopes")(check_person_scopes)


class LoginRequestCreated(Model):
    """What the command needs: ``code`` to show, ``secret`` to poll with, ``verification_path`` to open."""

    id: str
    code: str
    secret: Transmitted
    verification_path: str
    expires_at: Timestamp


class LoginState(StrEnum):
    """How far a sign-in is."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"


class LoginRequestPoll(Model):
    """The query of a poll."""

    secret: Transmitted = Field(min_length=1, max_length=200)


class LoginRequestResult(Model):
    """The answer to a poll. ``token`` is there once, after the approval."""

    state: LoginState
    user: str | None = None
    token: Transmitted | None = None


class LoginApprovalView(Model):
    """What the person is asked to approve."""

    code: str
    client: str
    host: str
    scopes: tuple[Scope, ...]
    expires_in: int
    """Seconds that the token will be good for."""
    created_at: Timestamp
    expires_at: Timestamp
    state: LoginState


class LoginApproval(Model):
    """The person's answer."""

    approve: bool
