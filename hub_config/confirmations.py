"""Whether the provider still vouches for those who signed in through it, asked again and again without a new sign-in.

A sign-in leaves a ``Grant`` in the hub's encrypted auth state. With it the provider is asked for the person's claims of
now: at most every few minutes for somebody who does something, and once an hour for everybody else. What it answers goes
the way of a sign-in, so that a group or a right that it takes away is gone here too.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from cryptography.fernet import InvalidToken
from jupyterhub import orm
from jupyterhub.crypto import decrypt, encrypt
from tornado.httpclient import HTTPClientError

from primehub_services.client import ApiProblem
from primehub_services.client.accounts import AccountsClient
from primehub_services.domain.handshake import ProviderRefusal, ProviderSignIn

RETRY = 30
"""Seconds after which a provider that did not answer is asked again."""
EVERYBODY = 3600
"""Seconds within which everybody is asked about, also who does nothing: their schedules go on without them."""
LOOK_EVERY = 60
"""Seconds between two looks for those."""


class Refused(Exception):
    """The provider does not vouch for the person any more; the text says how it said so, for the log."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a sign-in leaves behind: with it the provider is asked about somebody without them."""

    issuer: str
    subject: str
    refresh_token: str
    """Empty where the provider gave none."""
    lasting: bool
    """Whether it outlives the person's session at the provider, so that its refusal says that they are out."""
    confirmed_at: float
    """When the provider last vouched for them, in seconds of the clock."""

    @classmethod
    def of(cls, request: ProviderSignIn, tokens: dict[str, Any], asked: list[str]) -> Grant:
        """Of the answer to a sign-in that asked for these scopes."""
        refresh_token = str(tokens.get("refresh_token") or "")
        # the answer may leave out what is as it was asked (RFC 6749, 5.1)
        scopes = str(tokens["scope"]).split() if tokens.get("scope") else asked
        lasting = bool(refresh_token) and "offline_access" in scopes
        return cls(request.issuer, request.subject, refresh_token, lasting, time.time())

    async def sealed(self) -> dict[str, str]:
        """As auth state. Encrypted in itself: templates and platform admins can read what the hub keeps there."""
        return {"sealed": (await encrypt(asdict(self))).decode()}

    @classmethod
    async def unsealed(cls, auth_state: Any) -> Grant | None:
        """What ``sealed`` made. None where there is none, or the key is another one: they sign in again."""
        text = auth_state.get("sealed") if isinstance(auth_state, dict) else None
        if not isinstance(text, str):
            return None
        try:
            return cls(**await decrypt(text.encode()))
        except (InvalidToken, TypeError, ValueError):
            return None


class Provider(Protocol):
    """What is asked of a provider. Everything but ``Refused`` that these raise is taken for "cannot be asked now"."""

    issuer: str

    def renewed(self, grant: Grant) -> Awaitable[dict[str, Any]]:
        """A new access token, and perhaps a new refresh token. Raises ``Refused``."""

    def person(self, tokens: dict[str, Any], grant: Grant) -> Awaitable[ProviderSignIn]:
        """What the provider says of the person now. Raises ``Refused``."""


@dataclass(frozen=True, slots=True)
class _Known:
    """Moments of the monotonic clock."""

    ask_at: float
    good_until: float


OUT = _Known(ask_at=float("inf"), good_until=float("-inf"))
"""Nobody vouches: only a sign-in changes that."""


class Confirmations:
    """What is known of each person, and the questions under way: one at a time for each."""

    def __init__(
        self, provider: Provider, accounts: AccountsClient, *, every: float, at_most: float, log: logging.Logger
    ) -> None:
        self._provider = provider
        self._accounts = accounts
        self._every = every
        self._at_most = at_most
        self._log = log
        self._known: dict[str, _Known] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._away_until = float("-inf")

    def signed_in(self, name: str, grant: Grant) -> None:
        """The provider vouched for them just now."""
        self._known[name] = self._from(grant)

    def is_out(self, name: str) -> bool:
        """Whether they were found out, and have not signed in since."""
        known = self._known.get(name)
        return known is not None and time.monotonic() >= known.good_until

    async def hold(self, user: Any) -> bool:
        """Whether somebody may go on; the provider is asked where it is time to."""
        known = self._known.get(user.name)
        if known is None or time.monotonic() >= known.ask_at:
            # whose request this is may go away; the answer is for the others that wait for it too
            await asyncio.shield(self._question(user))
        return not self.is_out(user.name)

    async def look(self, app: Any) -> None:
        """Ask about everybody of whom nobody asked for ``EVERYBODY`` seconds."""
        wait = max(0.0, EVERYBODY - self._every)
        ids = [row.id for row in app.db.query(orm.User.id).filter(orm.User.encrypted_auth_state.is_not(None))]
        for user_id in ids:
            user = app.users.get(user_id)
            known = self._known.get(user.name) if user is not None else OUT
            if user is not None and (known is None or time.monotonic() >= known.ask_at + wait):
                await self._question(user)

    def _question(self, user: Any) -> asyncio.Task[None]:
        name = user.name
        if name not in self._asking:
            self._asking[name] = asyncio.create_task(self._ask(user))
            self._asking[name].add_done_callback(lambda _: self._asking.pop(name, None))
        return self._asking[name]

    def _from(self, grant: Grant) -> _Known:
        """What a grant says by itself."""
        age = max(0.0, time.time() - grant.confirmed_at)
        now = time.monotonic()
        ask_at = now + self._every - age if grant.refresh_token else float("inf")
        return _Known(ask_at, now + self._at_most - age)

    async def _ask(self, user: Any) -> None:
        grant = await Grant.unsealed(await user.get_auth_state())
        if grant is None or grant.issuer != self._provider.issuer:
            self._known[user.name] = OUT
            return
        known = self._known[user.name] = self._from(grant)
        if time.monotonic() < max(known.ask_at, self._away_until):
            return
        try:
            learned = self._from(await self._renew(user, grant))
        except Refused as refused:
            self._log.warning("OpenID Connect: %s is out: %s", user.name, refused)
            learned = OUT
        except Exception as error:
            self._log.warning("OpenID Connect: nothing was learned of %s: %s", user.name, error)
            if isinstance(error, OSError) or getattr(error, "code", 0) == 599:  # it is away, for everybody
                self._away_until = time.monotonic() + RETRY
            learned = replace(known, ask_at=time.monotonic() + RETRY)
        if self._known[user.name] is not known:  # they signed in meanwhile
            return
        self._known[user.name] = learned
        if learned is OUT:
            await self._end(user, grant)

    async def _renew(self, user: Any, grant: Grant) -> Grant:
        tokens = await self._provider.renewed(grant)
        grant = replace(grant, refresh_token=str(tokens.get("refresh_token") or grant.refresh_token))
        # first of all: the one that it was got with may be worthless now
        await user.save_auth_state(await grant.sealed())
        request = await self._provider.person(tokens, grant)
        try:
            state = await self._accounts.provider_sign_in(request)
        except ApiProblem as problem:
            if problem.status in (403, 404, 409):
                raise Refused(problem.detail) from problem
            raise
        if state.name != user.name:
            msg = f"it vouches for {state.name!r}"
            raise Refused(msg)
        grant = replace(grant, confirmed_at=time.time())
        await user.save_auth_state(await grant.sealed())
        return grant

    async def _end(self, user: Any, grant: Grant) -> None:
        """End what they have. In this order: a crash at any line is followed by the same question and answer."""
        if grant.lasting:
            try:
                await self._accounts.provider_refusal(ProviderRefusal(issuer=grant.issuer, subject=grant.subject))
            except ApiProblem as problem:
                self._log.error("PrimeHub's API could not be told that %s is out: %s", user.name, problem)
                self._known[user.name] = replace(OUT, ask_at=time.monotonic() + RETRY)
                return
        if self._known[user.name] is OUT:
            end_sessions(user)
            await user.save_auth_state(None)


def end_sessions(user: Any) -> None:
    """Sign somebody out of every browser. Their API tokens stay."""
    user.orm_user.cookie_id = orm.new_token()
    for token in user.db.query(orm.APIToken).filter_by(user_id=user.orm_user.id):
        if token.session_id:
            user.db.delete(token)
    user.db.commit()


def error_of(error: HTTPClientError) -> str:
    """The code in a provider's refusal, like ``invalid_grant``."""
    try:
        told = json.loads(error.response.body) if error.response is not None else {}
    except ValueError:
        return ""
    return str(told.get("error", "")) if isinstance(told, dict) else ""
