"""Requests to workloads: one connection each, a bounded number to one target, bodies as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from urllib.parse import urlsplit

import httpcore

from ..domain.problems import BadGateway, GatewayTimeout, Problem, Unavailable
from ..domain.routes import Route
from .headers import Header

CONNECT = 5.0
"""Seconds to be connected to, and to wait for one of the connections that a target may have."""
IDLE = 600.0
"""Seconds without a byte, before the first one too: a model may think for long."""
AT_ONCE = 200
"""Requests that one target has at once, so that a slow one takes nothing from the others."""


class Body:
    """A request's body on its way: no more of it is here than one piece."""

    def __init__(self) -> None:
        self._pieces: asyncio.Queue[bytes] = asyncio.Queue(1)
        self._closed = False

    async def put(self, piece: bytes) -> None:
        """Pass a piece on, once the one before is taken; an empty one ends it. Dropped where nobody takes it."""
        if not self._closed:
            await self._pieces.put(piece)

    def close(self) -> None:
        """Nobody takes anything any more."""
        self._closed = True
        while not self._pieces.empty():
            self._pieces.get_nowait()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while piece := await self._pieces.get():
            yield piece


class Upstreams:
    """What is behind the routes."""

    def __init__(self, *, connect: float = CONNECT, idle: float = IDLE, at_once: int = AT_ONCE) -> None:
        self._timeouts = {"connect": connect, "read": idle, "write": idle, "pool": connect}
        self._at_once = at_once
        self._pools: dict[str, httpcore.AsyncConnectionPool] = {}

    def keep(self, routes: Iterable[Route]) -> None:
        """Forget the targets of no route. What is under way to them goes on."""
        wanted = {route.target for route in routes}
        self._pools = {target: pool for target, pool in self._pools.items() if target in wanted}

    async def send(
        self, route: Route, method: str, path: str, headers: Iterable[Header], body: Body | None
    ) -> httpcore.Response:
        """The answer, as soon as it begins; whoever gets it closes it.

        ``path`` is that under the route, with the query, as it came. Raises ``Problem`` in plain words.
        """
        target = urlsplit(route.target)
        request = httpcore.Request(
            method.encode("ascii", "replace"),
            httpcore.URL(
                scheme=target.scheme.encode(),
                host=(target.hostname or "").encode(),
                port=target.port,
                target=(target.path.rstrip("/") + path).encode("latin-1"),
            ),
            headers=[(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers],
            content=body if body is not None else b"",
            extensions={"timeout": self._timeouts},
        )
        try:
            return await self._pool(route.target).handle_async_request(request)
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
            raise problem_of(error, self._timeouts["read"]) from error

    def _pool(self, target: str) -> httpcore.AsyncConnectionPool:
        if target not in self._pools:
            # a connection that is kept may be closed over there in the moment in which it is used again, and then nobody
            # knows whether a POST was done
            self._pools[target] = httpcore.AsyncConnectionPool(
                max_connections=self._at_once, max_keepalive_connections=0
            )
        return self._pools[target]


def problem_of(error: Exception, idle: float) -> Problem:
    """Why nothing came back, for whoever called."""
    if isinstance(error, httpcore.PoolTimeout):
        return Unavailable("It has too many requests at once. Try again in a moment.")
    if isinstance(error, httpcore.ConnectTimeout):
        return GatewayTimeout("What should answer here cannot be reached. It may be starting, or its node be away.")
    if isinstance(error, httpcore.TimeoutException):
        return GatewayTimeout(f"What should answer here has said nothing for {idle:.0f} s.")
    if isinstance(error, httpcore.ConnectError):
        return BadGateway("What should answer here does not listen. It may be starting, or have ended.")
    if isinstance(error, httpcore.LocalProtocolError):
        return BadGateway("The request cannot be passed on: its length or a header makes no sense.")
    return BadGateway("What should answer here closed the connection without a proper answer. Its log may say why.")
