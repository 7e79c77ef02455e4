"""Whose request it is: JupyterHub says, by token or by the portal's session."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from tornado.web import HTTPError

from ..domain.problems import Unavailable
from .problems import CrossSite

if TYPE_CHECKING:
    from jupyterhub.services.auth import HubOAuth

    from .base import BaseHandler

ANSWERS_KEPT = 5
"""Seconds that an answer of the hub is good for."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What the hub says of a request's token."""

    model: Mapping[str, Any]
    """The hub's ``GET /user`` with that token."""
    token: str
    """The token itself, to ask the hub as the person; never logged, never answered."""
    session: bool = False
    """Whether it is that of the portal's session, which a browser alone has."""

    @property
    def name(self) -> str:
        """The person's hub name, or the service's."""
        return str(self.model.get("name", ""))


class Authenticator(Protocol):
    """The seam between the API and the hub's sign-in."""

    hub_auth: HubOAuth | None
    """For the portal's pages; None where only tokens are taken."""

    async def identify(self, handler: BaseHandler) -> Identity | None:
        """Whose request it is, None for nobody's. Raises ``CrossSite``, and ``Unavailable`` without the hub."""


@dataclass(frozen=True, slots=True)
class ServiceToken:
    """A token that both sides read from the same file: whose it is, and with what scopes."""

    service: str
    token: str
    scopes: Collection[str]


class HubAuthenticator:
    """Tokens in the Authorization header, and the cookie that HubOAuth keeps the person's OAuth token in.

    The hub is not asked about ``services``. It asks us, with their tokens, while it answers who a person is: were it
    asked in turn, as many people at once as there are connections to it would wait for each other.
    """

    def __init__(
        self,
        prefix: str,
        services: Collection[ServiceToken] = (),
        *,
        secret: bytes = b"",
        disk_is_full: Callable[[], bool] = lambda: False,
    ) -> None:
        """``secret`` is what seals sign-ins under way: the same in every process that people may come back to."""
        # imported here: it loads aiohttp, which the OpenAPI command has no use for
        from .oauth import SealedOAuth

        sealed = SealedOAuth(base_url=prefix, cache_max_age=ANSWERS_KEPT)
        self.hub_auth: HubOAuth | None = sealed.seal_with(secret)
        self._disk_is_full = disk_is_full
        self._services = {
            _digest(s.token): Identity({"kind": "service", "name": s.service, "scopes": sorted(s.scopes)}, s.token)
            for s in services
        }

    async def identify(self, handler: BaseHandler) -> Identity | None:
        """See ``Authenticator``."""
        auth = self.hub_auth
        if auth is None:
            return None
        known = self._services.get(_digest(auth.get_token(handler, in_cookie=False) or ""))
        if known is not None:
            return known
        try:
            model = await auth.get_user(handler, sync=False)
        except HTTPError as error:
            msg = "JupyterHub does not answer just now, so nobody can be recognised. Try again in a moment."
            raise Unavailable(msg) from error
        if model is None:
            if handler.xsrf_failed:
                msg = "The request carries a session but no valid X-XSRFToken. Reload the page."
                raise CrossSite(msg)
            if auth.get_token(handler) and self._disk_is_full():  # the hub then takes every token for a wrong one
                msg = (
                    "The disk of the data folder is full, so nobody can be recognised. Make room there, then try again."
                )
                raise Unavailable(msg)
            return None
        by_header = getattr(handler, "_token_authenticated", False)
        token = auth.get_token(handler, in_cookie=not by_header)
        return Identity(model=model, token=token, session=not by_header)


def _digest(token: str) -> bytes:
    # looked up by its digest, a guess learns nothing from how long it took
    return hashlib.sha256(token.encode()).digest()
