"""What every handler of the gateway has: a request id, who asks, and problems or small pages for errors."""

from __future__ import annotations

import html
import json
import logging
import re
import uuid
from dataclasses import dataclass
from typing import Any

from tornado.web import HTTPError, RequestHandler

from ..domain.problems import MEDIA, Problem, Unauthenticated, body_of
from .access import Gate
from .headers import Visitor, visitor, wants_page
from .metrics import Metrics
from .sign_in import SignIn
from .table import TableKeeper
from .upstream import Upstreams

log = logging.getLogger("primehub.gateway")
_REQUEST_ID = re.compile(r"^[A-Za-z0-9_.-]{1,64}\Z")
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; font-family: system-ui, sans-serif; line-height: 1.5 }}
body {{ max-width: 34rem; margin: 15vh auto; padding: 0 1rem }}
small {{ opacity: .7 }}
</style>
<h1>{title}</h1>
<p>{detail}</p>
<p><a href="/services/primehub/">To PrimeHub</a></p>
<p><small>{status}, request {request_id}</small></p>
</html>
"""


class Internal(Problem):
    """A mistake of ours; what it is stands in the log, not in the answer."""

    code, status, title = "internal", 500, "Something went wrong in PrimeHub"


class Malformed(Problem):
    """The request is not what HTTP says it is."""

    code, status, title = "malformed", 400, "The request cannot be read"


@dataclass(frozen=True)
class Context:
    """The parts of one gateway."""

    prefix: str
    """Where everything is served, with slashes at both ends: ``/services/primehub-gateway/``."""
    table: TableKeeper
    gate: Gate
    upstreams: Upstreams
    sign_in: SignIn
    metrics: Metrics
    metrics_token: str
    """What Prometheus sends; empty is nobody's."""
    recheck: float
    """Seconds between two looks whether who has a connection open may still have it."""

    @property
    def root(self) -> str:
        """The prefix without the slash at its end: what a route's own prefix follows."""
        return self.prefix.rstrip("/")


class BaseHandler(RequestHandler):
    """The common ground."""

    context: Context
    request_id: str
    visitor: Visitor
    _closes = False

    def initialize(self, context: Context) -> None:
        """Take the parts that were made at the start."""
        self.context = context
        given = self.request.headers.get("X-Request-Id", "")
        self.request_id = given if _REQUEST_ID.match(given) else uuid.uuid4().hex
        self.visitor = visitor(self.request.headers, self.request.remote_ip or "")
        self.set_header("X-Request-Id", self.request_id)

    @property
    def is_https(self) -> bool:
        """Whether the visitor came by TLS."""
        return self.visitor.scheme == "https"

    def set_default_headers(self) -> None:
        """Headers of our own answers, errors too."""
        self.clear_header("Server")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "same-origin")
        self.set_header(
            "Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
        )
        if hasattr(self, "request_id"):  # kept when an error clears the headers
            self.set_header("X-Request-Id", self.request_id)
        if self._closes:
            self.set_header("Connection", "close")

    def close_after(self) -> None:
        """Say with the answer that it is the last one of its connection."""
        self._closes = True
        self.set_header("Connection", "close")

    def compute_etag(self) -> str | None:
        """None: what a workload says of its answer is passed on as it is."""
        return None

    def problem(self, problem: Problem) -> None:
        """Answer with a problem, or a page that says the same."""
        self.clear()
        self.set_status(problem.status)
        if isinstance(problem, Unauthenticated):
            self.set_header("WWW-Authenticate", 'Bearer realm="PrimeHub"')
        if wants_page(self.request.headers, self.request.method):
            self.set_header("Content-Type", "text/html; charset=utf-8")
            words = {"title": problem.title, "detail": problem.detail, "request_id": self.request_id}
            escaped = {name: html.escape(text) for name, text in words.items()}
            self.finish(PAGE.format(status=problem.status, **escaped))
        else:
            self.set_header("Content-Type", MEDIA)
            self.finish(json.dumps(body_of(problem, self.request_id)))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Problems as they are; anything else without its insides, which the log has under the request id."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, Problem):
            self.problem(error)
        elif isinstance(error, HTTPError) and status_code < 500:
            malformed = Malformed(f"{self._reason}.")
            malformed.status = status_code
            self.problem(malformed)
        else:
            self.problem(Internal(f"This is a mistake in PrimeHub. Its log has the details under {self.request_id}."))

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Only what nobody foresaw is worth a traceback."""
        if not isinstance(value, Problem | HTTPError):
            log.error("%s (%s)", self.request.method, self.request_id, exc_info=(typ, value, tb))
