"""The portal: its built files, and the sign-in through the hub."""

from __future__ import annotations

import html
import logging
import mimetypes
import re
from pathlib import Path
from typing import Any

from jupyterhub.services.auth import HubOAuthCallbackHandler
from tornado.web import HTTPError

from ..domain.problems import Problem, Unauthenticated
from ..operations import actors
from .base import BaseHandler
from .codings import accepts_coding
from .problems import internal, of_status

log = logging.getLogger("primehub.pages")
_HASHED = re.compile(r"[-.][A-Za-z0-9_-]{8,}\.[a-z0-9]+$")
_BASE = re.compile(rb'<base href="[^"]*"\s*/?>')
_CHANGE = b'<meta name="primehub-change" content="'
_CODINGS = {"br": ".br", "gzip": ".gz"}
"""The smallest first; the portal's build leaves these beside the files that are text."""
_CSP = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",  # the component library writes its styles into the page
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)


class PageHandler(BaseHandler):
    """What all pages have: headers, and errors that a person can read."""

    def set_default_headers(self) -> None:
        """Nothing but our own scripts, in nobody's frame."""
        super().set_default_headers()
        self.set_header("Content-Security-Policy", _CSP)
        self.set_header("Cross-Origin-Opener-Policy", "same-origin")
        self.set_header("Permissions-Policy", "camera=(), microphone=(), geolocation=()")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """A page in place of problem+json."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, HTTPError):
            problem = of_status(error.status_code)
        else:
            problem = error if isinstance(error, Problem) else internal(self.request_id)
        self.message(problem.status, problem.title, problem.detail)

    def message(self, status: int, title: str, *lines: str) -> None:
        """A plain page that says something."""
        self.clear()
        self.set_status(status)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        text = "".join(f"<p>{html.escape(line)}</p>" for line in lines)
        self.finish(
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{html.escape(title)} - PrimeHub</title>"
            "<style>body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem}"
            "@media(prefers-color-scheme:dark){body{background:#141414;color:#ddd}a{color:#69b1ff}}</style></head>"
            f"<body><h1>{html.escape(title)}</h1>{text}"
            f'<p><a href="{html.escape(self.context.prefix)}">To the start page</a></p></body></html>'
        )


class PortalHandler(PageHandler):
    """Every path of the portal is the same page; what it shows is decided in the browser."""

    async def get(self, *_path: str) -> None:
        """The page, for a person who is signed in; else the hub's sign-in."""
        identity = await self.context.authenticator.identify(self)
        if identity is None:
            self.redirect(self.get_login_url())
            return
        if identity.model.get("kind") != "user":
            self.message(403, "Not for services", "The portal is for people. Services use the API.")
            return
        try:
            await self.context.database.read(actors.actor_for, identity.model)
        except Unauthenticated as problem:
            self.message(403, "You cannot use PrimeHub", problem.detail, "Nothing else was lost by this.")
            return
        index = self.context.static / "index.html"
        if not index.is_file():
            self.message(
                503,
                "The portal is not built",
                "Its files are not where they belong. In a checkout run: make portal",
                "The API and the primehub command work without it.",
            )
            return
        _ = self.xsrf_token  # sets the cookie that the page's requests repeat in a header
        self.set_header("Content-Type", "text/html; charset=utf-8")
        base = f'<base href="{html.escape(self.context.prefix)}" />'.encode()
        page = _BASE.sub(lambda _match: base, index.read_bytes(), count=1)
        # the page's event stream begins here: what it asks for from now on is no older
        self.finish(page.replace(_CHANGE, b"%s%d" % (_CHANGE, self.context.feed.resume_from), 1))

    async def head(self, *path: str) -> None:
        """As ``get``."""
        await self.get(*path)


class AssetHandler(PageHandler):
    """Built files. Anyone may read them: they hold nothing but the program."""

    async def get(self, name: str) -> None:
        """One file."""
        path = find_asset(self.context.static, name)
        if path is None:
            raise HTTPError(404)
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        self.set_header("Content-Type", f"{kind}; charset=utf-8" if kind.startswith("text/") else kind)
        lasting = _HASHED.search(path.name) is not None
        self.set_header("Cache-Control", "public, max-age=31536000, immutable" if lasting else "no-cache")
        self.set_header("Vary", "Accept-Encoding")
        coding, path = find_coding(path, self.request.headers.get("Accept-Encoding", ""))
        if coding is not None:
            self.set_header("Content-Encoding", coding)
        self.finish(path.read_bytes())

    head = get


def find_asset(static: Path, name: str) -> Path | None:
    """The built file of this name; None for one that is not there, or that lies elsewhere."""
    if "\0" in name:
        return None
    path = (static / name).resolve()
    return path if path.is_relative_to(static.resolve()) and path.is_file() else None


def find_coding(path: Path, accepted: str) -> tuple[str | None, Path]:
    """The content coding to send a built file in, and where that is: the smallest that was built and is accepted.

    ``accepted`` is the request's ``Accept-Encoding`` (RFC 9110, section 12.5.3). None and the file itself where no coding fits.
    """
    for coding, suffix in _CODINGS.items():
        made = path.with_name(path.name + suffix)
        if accepts_coding(accepted, coding) and made.is_file():
            return coding, made
    return None, path


class CallbackHandler(PageHandler, HubOAuthCallbackHandler):
    """Where the hub sends people back to after their sign-in."""

    async def get(self) -> None:
        """Take the session; a sign-in that was done already goes on to its page."""
        if self.hub_auth is None:
            raise HTTPError(404)
        # HubOAuth asks for current_user, which would otherwise block on a question to the hub
        await self.hub_auth.get_user(self, sync=False)
        await HubOAuthCallbackHandler.get(self)


class SignOutHandler(PageHandler):
    """Ends the portal's session, then the hub's."""

    async def get(self) -> None:
        """Forget the session's cookie and go on to the hub's sign-out."""
        if self.hub_auth is None:
            raise HTTPError(404)
        self.hub_auth.clear_cookie(self)
        self.redirect(f"{self.hub_auth.hub_prefix}logout")


class UnknownHandler(BaseHandler):
    """Anything that is not ours."""

    def prepare(self) -> None:
        """There is nothing."""
        raise HTTPError(404)
