"""What a group might deploy: a real server, which says what it was asked."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler, stream_request_body
from tornado.websocket import WebSocketHandler


@dataclass
class Workload:
    """One server."""

    url: str = ""
    more: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    """What ``/stream`` says next; nothing is its end, and ``cut`` the end of its connection."""
    received: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    """Pieces of a body sent to ``/upload``."""
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when somebody has left ``/stream`` or a websocket."""


class Handler(RequestHandler):
    """The common ground."""

    def initialize(self, workload: Workload) -> None:
        """Take the workload's state."""
        self.workload = workload

    def on_connection_close(self) -> None:
        """Say so."""
        super().on_connection_close()
        self.workload.gone.set()


class Echo(Handler):
    """What was asked."""

    def _serve(self, *_: str) -> None:
        self.set_header("Content-Type", "text/html")
        self.add_header("Set-Cookie", "sid=1; Path=/")
        self.set_header("Clear-Site-Data", '"*"')
        told: dict[str, Any] = {
            "method": self.request.method,
            "uri": self.request.uri,
            "headers": [[name.lower(), value] for name, value in self.request.headers.get_all()],
            "body": self.request.body.decode("latin-1"),
        }
        self.finish(json.dumps(told))

    get = post = put = delete = patch = options = head = _serve


class Stream(Handler):
    """Pieces as the test gives them."""

    async def get(self) -> None:
        """Until told to end."""
        await self.flush()
        while piece := await self.workload.more.get():
            if piece == b"cut":
                self.detach().close()
                return
            self.write(piece)
            await self.flush()


@stream_request_body
class UploadHandler(Handler):
    """Takes a body piece by piece."""

    def data_received(self, chunk: bytes) -> None:
        """Show it to the test."""
        self.workload.received.put_nowait(chunk)

    def put(self) -> None:
        """It is all here."""
        self.finish("done")


class Moved(Handler):
    """Sends its visitor elsewhere in itself."""

    def get(self) -> None:
        """To the login."""
        self.redirect("/login")


class Socket(WebSocketHandler):
    """Says what it hears."""

    def initialize(self, workload: Workload) -> None:
        """Take the workload's state."""
        self.workload = workload

    def check_origin(self, origin: str) -> bool:
        """Who may come is the gateway's affair."""
        return True

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """The first one."""
        return subprotocols[0] if subprotocols else None

    def get_compression_options(self) -> dict[str, Any]:
        """With compression, which the gateway must not mind."""
        return {}

    async def on_message(self, message: str | bytes) -> None:
        """Answer in kind."""
        await self.write_message(message, binary=isinstance(message, bytes))

    def on_close(self) -> None:
        """Say so."""
        self.workload.gone.set()


@asynccontextmanager
async def running_workload() -> AsyncIterator[Workload]:
    """A workload on a free port, until the block ends."""
    workload = Workload()
    parts = {"workload": workload}
    application = Application(
        [
            ("/stream", Stream, parts),
            ("/upload", UploadHandler, parts),
            ("/moved", Moved, parts),
            ("/socket", Socket, parts),
            ("(.*)", Echo, parts),
        ],
        log_function=lambda _: None,
    )
    server = HTTPServer(application)
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    workload.url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
    try:
        yield workload
    finally:
        server.stop()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(server.close_all_connections(), 5)
