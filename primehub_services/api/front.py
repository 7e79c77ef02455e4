"""What answers at the services' port: the application, and before there can be one the reason why not."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import uuid

from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPConnection, HTTPMessageDelegate, HTTPServerConnectionDelegate
from tornado.web import Application, RequestHandler

from ..domain.problems import MEDIA, Unavailable, body_of

MAX_HEADER = 64 * 1024
log = logging.getLogger("primehub")


class Front(HTTPServerConnectionDelegate):
    """The port, from ``away`` or ``serve`` on. Who asks sooner is kept waiting, as a start takes seconds."""

    def __init__(self, sockets: list[socket.socket]) -> None:
        self._sockets = sockets
        self._server = HTTPServer(self, xheaders=True, max_header_size=MAX_HEADER)
        self._application: Application | None = None
        self._began = False

    def away(self, reason: str) -> None:
        """Answer everybody that the services are unavailable. ``reason`` is read by strangers too."""
        self._application = Application([(r".*", _Away, {"reason": reason})], log_function=_silent)
        self._begin()

    def serve(self, application: Application) -> None:
        """From now on requests are the application's."""
        self._application = application
        self._begin()

    def _begin(self) -> None:
        if self._sockets and not self._began:
            self._began = True
            self._server.add_sockets(self._sockets)
            log.info("listening on %s:%d", *self._sockets[0].getsockname()[:2])

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        """Tornado's way in."""
        assert self._application is not None
        return self._application.start_request(server_conn, request_conn)

    async def close(self, in_flight: float) -> None:
        """Take no more requests; those under way have ``in_flight`` seconds."""
        self._server.stop()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._server.close_all_connections(), in_flight)


class _Away(RequestHandler):
    """Unavailable, whatever is asked for."""

    def initialize(self, reason: str) -> None:
        self._reason = reason

    def prepare(self) -> None:
        self.clear_header("Server")
        self.set_status(Unavailable.status)
        self.set_header("Content-Type", MEDIA)
        self.set_header("Cache-Control", "no-store")
        self.set_header("Retry-After", "1")
        self.set_header("Connection", "close")  # a body may come that nobody reads
        self.finish(json.dumps(body_of(Unavailable(self._reason), uuid.uuid4().hex)))


def _silent(_handler: RequestHandler) -> None:
    """The reason is in the log already, and everybody who waits asks again and again."""
