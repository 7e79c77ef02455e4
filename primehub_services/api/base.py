"""What every handler has: a request id, an identity, headers, and problems for errors."""

from __future__ import annotations

import json
import logging
import re
import uuid
from typing import Any

from jupyterhub.services.auth import HubOAuthenticated
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, RequestHandler

from ..domain.problems import MEDIA, Problem, TooMany, Unauthenticated, body_of
from .context import ApiContext
from .problems import internal, of_status

log = logging.getLogger("primehub.api")
_REQUEST_ID = re.compile(r"^[A-Za-z0-9_.-]{1,64}\Z")


class BaseHandler(HubOAuthenticated, RequestHandler):
    """The common ground of API and pages."""

    context: ApiContext
    request_id: str
    xsrf_failed = False
    closes = False
    """Whether the connection is closed after a refusal."""

    def initialize(self, context: ApiContext) -> None:
        """Take the parts that the composition root made."""
        self.context = context
        self.hub_auth = context.authenticator.hub_auth
        given = self.request.headers.get("X-Request-Id", "")
        self.request_id = given if _REQUEST_ID.match(given) else uuid.uuid4().hex
        self.set_header("X-Request-Id", self.request_id)

    def set_default_headers(self) -> None:
        """Headers of every answer, errors too."""
        self.clear_header("Server")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("X-Frame-Options", "DENY")
        self.set_header("Referrer-Policy", "same-origin")
        self.set_header("Cross-Origin-Resource-Policy", "same-origin")
        self.set_header("Cache-Control", "no-store")
        if hasattr(self, "request_id"):  # kept when an error clears the headers
            self.set_header("X-Request-Id", self.request_id)

    def compute_etag(self) -> str | None:
        """None: an answer is made for one actor at one moment."""
        return None

    def check_xsrf_cookie(self) -> None:
        """Tornado's own call does nothing; HubOAuth calls this while it looks for the session."""
        if self.hub_auth is None:
            return
        try:
            self.hub_auth.check_xsrf_cookie(self)
        except HTTPError:
            self.xsrf_failed = True
            raise

    def problem(self, problem: Problem) -> None:
        """Answer with a problem."""
        self.clear()
        self.set_status(problem.status)
        self.set_header("Content-Type", MEDIA)
        if isinstance(problem, Unauthenticated):
            self.set_header("WWW-Authenticate", 'Bearer realm="PrimeHub"')
        if self.closes:
            self.set_header("Connection", "close")
        if "allow" in problem.extra:
            self.set_header("Allow", problem.extra["allow"])
        if isinstance(problem, TooMany) and "retry_after_s" in problem.extra:
            self.set_header("Retry-After", str(problem.extra["retry_after_s"]))
        self.finish(json.dumps(body_of(problem, self.request_id)))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Problems as they are; anything else without its insides, which the log has under the request id."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, Problem):
            self.problem(error)
        elif isinstance(error, HTTPError):
            self.problem(of_status(error.status_code))
        else:
            self.problem(internal(self.request_id))

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """A problem; nothing to a client that has gone in the middle of an answer."""
        if not isinstance(kwargs.get("exc_info", (None, None))[1], StreamClosedError):
            super().send_error(status_code, **kwargs)
        elif not self._finished:
            self.finish()

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Only what nobody foresaw is worth a traceback."""
        if isinstance(value, Problem | HTTPError):
            return
        if isinstance(value, StreamClosedError):
            log.debug("%s %s (%s): the client has gone", self.request.method, self.request.path, self.request_id)
            return
        log.error("%s %s (%s)", self.request.method, self.request.path, self.request_id, exc_info=(typ, value, tb))
