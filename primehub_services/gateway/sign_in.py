"""The sign-in of people who open a route in a browser: OAuth with the hub, nothing of it kept in memory.

JupyterHub's own ``HubOAuth`` does the same, and loads the hub's database code for it: 1 s and 50 MB of a process that is
to be small. What is under way is in a signed cookie, so a sign-in may begin at one gateway and end at another.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import secrets
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx
from tornado.web import RequestHandler

from ..domain.problems import Forbidden, Unavailable

log = logging.getLogger("primehub.gateway")
SESSION = "primehub-gateway-session"
UNDER_WAY = "primehub-gateway-sign-in"
MINUTES = 10
"""For a sign-in."""
DAYS = 7.0
"""Of a session; its token may end sooner."""
LONGEST_NEXT = 1500
FRESH = 10.0
"""Seconds after a sign-in in which another one would bring nothing new."""


def cookie_secret(token: str) -> str:
    """A secret for cookies that every gateway of this platform has, made of its token."""
    return hmac.new(token.encode(), b"primehub: cookies of the gateway", hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Session:
    """Who is signed in: a token of the hub, and when it was given."""

    token: str
    at: float

    @property
    def is_fresh(self) -> bool:
        """Whether it was given just now."""
        return time.time() - self.at < FRESH


class SignIn:
    """The OAuth client ``service-primehub-gateway``."""

    def __init__(self, prefix: str, hub_api: str, token: str, *, http: httpx.AsyncClient) -> None:
        """``prefix`` has slashes at both ends; ``hub_api`` is where the hub's API is for us, not for browsers."""
        self._prefix = prefix
        self._hub_api = hub_api.rstrip("/")
        self._token = token
        self._http = http

    def session(self, handler: RequestHandler) -> Session | None:
        """The session that a request bears."""
        kept = _opened(handler, SESSION, DAYS)
        try:
            return Session(str(kept["token"]), float(kept["at"])) if kept else None
        except (KeyError, TypeError, ValueError):
            return None

    def begin(self, handler: RequestHandler, *, secure: bool) -> None:
        """Send the browser to the hub, and back to where it is now."""
        state, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
        place = handler.request.uri or self._prefix
        kept = {"state": state, "verifier": verifier, "next": place if len(place) <= LONGEST_NEXT else self._prefix}
        self._keep(handler, UNDER_WAY, kept, secure=secure, max_age=MINUTES * 60)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "client_id": self._client,
            "redirect_uri": self._callback,
            "response_type": "code",
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        handler.redirect(f"/hub/api/oauth2/authorize?{urlencode(query)}")

    async def finish(self, handler: RequestHandler, *, secure: bool) -> None:
        """Take what the hub sent the browser back with. Raises ``Forbidden``, ``Unavailable``."""
        kept = _opened(handler, UNDER_WAY, MINUTES / 1440) or {}
        state, code = handler.get_query_argument("state", ""), handler.get_query_argument("code", "")
        if not (state and code and hmac.compare_digest(state.encode(), str(kept.get("state", "")).encode())):
            msg = "This sign-in was not begun in this browser, or too long ago. Open the address again."
            raise Forbidden(msg)
        token = await self._exchange(code, str(kept["verifier"]))
        handler.clear_cookie(UNDER_WAY, path=self._prefix)
        self._keep(handler, SESSION, {"token": token, "at": time.time()}, secure=secure, max_age=int(DAYS * 86400))
        place = str(kept.get("next", ""))
        # signed by us, but what was asked for is what somebody sent
        handler.redirect(place if place.startswith(self._prefix) else self._prefix)

    async def _exchange(self, code: str, verifier: str) -> str:
        form = {
            "client_id": self._client,
            "client_secret": self._token,
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._callback,
            "code_verifier": verifier,
        }
        try:
            answer = await self._http.post(f"{self._hub_api}/oauth2/token", data=form)
        except httpx.HTTPError as error:
            msg = "JupyterHub does not answer just now, so nobody can sign in. Try again in a moment."
            raise Unavailable(msg) from error
        if answer.is_error:
            log.warning("the hub refuses a sign-in: %d", answer.status_code)
            msg = "The sign-in was used already, or took too long. Open the address again."
            raise Forbidden(msg)
        return str(answer.json()["access_token"])

    @property
    def _client(self) -> str:
        return "service-primehub-gateway"

    @property
    def _callback(self) -> str:
        return f"{self._prefix}oauth_callback"

    def _keep(self, handler: RequestHandler, name: str, value: dict[str, Any], *, secure: bool, max_age: int) -> None:
        handler.set_signed_cookie(
            name,
            json.dumps(value),
            expires_days=None,
            path=self._prefix,
            httponly=True,
            secure=secure,
            samesite="Lax",
            max_age=max_age,
        )


def _opened(handler: RequestHandler, name: str, days: float) -> dict[str, Any] | None:
    raw = handler.get_signed_cookie(name, max_age_days=days)
    if raw is None:
        return None
    found = json.loads(raw)
    return found if isinstance(found, dict) else None
