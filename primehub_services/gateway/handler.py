"""The handler of every route: finds it, asks whether the caller may, and passes the request on as it comes."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import unquote

import httpcore
from tornado.iostream import IOStream, StreamClosedError
from tornado.web import stream_request_body

from ..domain.problems import Forbidden, Problem, Unauthenticated, Unavailable
from ..domain.routes import Access, Route
from .access import nothing_at
from .base import BaseHandler, Context, log
from .headers import from_workload, is_same_site, to_workload, wants_page
from .table import TableState
from .tunnel import joined
from .upstream import IDLE, Body

SAFE = ("GET", "HEAD", "OPTIONS")
DRAINED = 64 * 1024
"""Bytes of a refused request that are read, so that its connection goes on."""
CUT = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, StreamClosedError, TimeoutError)


@stream_request_body
class GatewayHandler(BaseHandler):
    """Nothing of a body is taken before it is known that the caller may send it, nor kept on its way."""

    SUPPORTED_METHODS = ("GET", "HEAD", "POST", "DELETE", "PATCH", "PUT", "OPTIONS")

    def initialize(self, context: Context) -> None:
        """See ``BaseHandler``."""
        super().initialize(context)
        self._began = time.perf_counter()
        self._group = ""
        self._token: str | None = None
        self._body: Body | None = None
        self._passing: asyncio.Task[None] | None = None
        self._early: Callable[[], None] | None = None
        """The answer of what is not passed on."""
        self._stays = False
        self._status = 0
        context.metrics.open.inc()

    async def prepare(self) -> None:
        """All that can be refused, before the body; one that is to come is passed on from here."""
        self.request.connection.set_max_body_size(2**62)  # type: ignore[union-attr]  # that is the workload's affair
        try:
            self._route = await self._permitted()
        except Problem as refusal:
            self._early = partial(self._refuse, refusal)
        if self._early is not None:
            self._answer_early()
            return
        self._group = self._route.group
        if self._announces_body():
            self._body = Body()
            self._passing = asyncio.create_task(self._pass_on())

    def _answer_early(self) -> None:
        """At once, while a large body is on its way; else once it has been read and dropped: tornado closes a connection
        that is answered before, and whoever keeps it for the next request, the hub's proxy does, has to know."""
        length = self.request.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.request.headers or not length.isdecimal() or int(length) > DRAINED:
            assert self._early is not None
            self.close_after()
            self._early()

    def _refuse(self, refusal: Problem) -> None:
        if not self._begins_sign_in(refusal):
            self.problem(refusal)

    def _announces_body(self) -> bool:
        headers = self.request.headers
        return headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in headers

    async def _permitted(self) -> Route:
        """The request's route. Raises ``Problem``."""
        context = self.context
        if context.table.state is TableState.NONE:
            msg = "The gateway has not been told yet what there is. Try again in a moment."
            raise Unavailable(msg)
        path = self.request.path.removeprefix(context.root)
        if any(unquote(part) in (".", "..") for part in path.split("/")):
            raise nothing_at(path)
        found = context.table.find(path)
        self._token, by_cookie = self._credentials()
        route = await context.gate.check(found, path, self._token)
        unsafe = self.request.method not in SAFE or self._is_upgrade
        if by_cookie and route.access is not Access.PUBLIC and unsafe and not is_same_site(self.request.headers):
            msg = "Another site's page may not do this with your session. Use a token."
            raise Forbidden(msg)
        self._path = path
        if path == route.prefix.rstrip("/"):
            query = f"?{self.request.query}" if self.request.query else ""
            self._early = partial(self.redirect, f"{context.root}{route.prefix}{query}", status=308)
        return route

    def _credentials(self) -> tuple[str | None, bool]:
        """The caller's token, and whether a browser sent it by itself."""
        kind, _, token = self.request.headers.get("Authorization", "").partition(" ")
        if kind.lower() in ("token", "bearer") and token.strip():
            return token.strip(), False
        session = self.context.sign_in.session(self)
        return (session.token, True) if session is not None else (None, False)

    def _begins_sign_in(self, refusal: Problem) -> bool:
        """Whether the person is sent to the hub instead: in a browser, unless they come from there."""
        if not isinstance(refusal, Unauthenticated) or not wants_page(self.request.headers, self.request.method):
            return False
        session = self.context.sign_in.session(self)
        if session is not None and session.is_fresh:
            return False
        self.context.sign_in.begin(self, secure=self.is_https)
        return True

    @property
    def _is_upgrade(self) -> bool:
        return self.request.headers.get("Upgrade", "").lower() == "websocket"

    async def data_received(self, chunk: bytes) -> None:
        """Pass a piece on; the next one is read when this one is taken."""
        if self._body is not None:
            await self._body.put(chunk)

    async def _serve(self) -> None:
        if self._early is not None:
            self._early()
            return
        if self._passing is None:
            self._passing = asyncio.create_task(self._pass_on())
        elif self._body is not None:
            await self._body.put(b"")
        await asyncio.wait((self._passing,))
        if not self._passing.cancelled():
            self._passing.result()

    async def _pass_on(self) -> None:
        """The whole exchange with the workload, until the answer is over or the caller may not have it any more."""
        watching = asyncio.create_task(self._watch(asyncio.current_task()))
        try:
            await self._exchange()
        except Problem as problem:
            self._fail(problem)
        except CUT:
            self._drop()  # in the middle: an answer that is not whole must not look like one
        finally:
            watching.cancel()
            if self._body is not None:
                self._body.close()

    async def _watch(self, passing: asyncio.Task[Any] | None) -> None:
        """End it when the caller's right, or the route, is gone."""
        while passing is not None:
            await asyncio.sleep(self.context.recheck)
            try:
                now = self.context.table.find(self._path)
                await self.context.gate.check(now, self._path, self._token)
            except Unavailable:
                continue
            except Problem:
                passing.cancel()
                self._drop()
                return

    async def _exchange(self) -> None:
        route, upgrade = self._route, self._is_upgrade
        inner = self._path.removeprefix(route.prefix.rstrip("/"))
        query = f"?{self.request.query}" if self.request.query else ""
        given = list(self.request.headers.get_all())
        sent = to_workload(given, route, self.context.root, self.visitor, upgrade=upgrade)
        response = await self.context.upstreams.send(route, self.request.method or "", inner + query, sent, self._body)
        try:
            if response.status == 101:
                await self._join(response)
            else:
                await self._answer(response)
        finally:
            await response.aclose()

    def _begin_answer(self, response: httpcore.Response) -> None:
        reason = response.extensions.get("reason_phrase", b"").decode("latin-1")
        self.set_status(response.status, reason or None)
        for name in ("Cache-Control", "Content-Security-Policy", "Content-Type", "Date", "Referrer-Policy"):
            self.clear_header(name)
        self.clear_header("X-Content-Type-Options")
        for name, value in self._returned(response):
            self.add_header(name, value)

    def _returned(self, response: httpcore.Response) -> list[tuple[str, str]]:
        decoded = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers]
        return from_workload(decoded, self._route, self.context.root)

    async def _answer(self, response: httpcore.Response) -> None:
        self._begin_answer(response)
        await self.flush()
        async for piece in response.aiter_stream():
            self.write(piece)
            async with asyncio.timeout(IDLE):
                await self.flush()
        self.finish()

    async def _join(self, response: httpcore.Response) -> None:
        """A websocket: from here on, bytes go both ways as they are."""
        self._stays = True
        self._status = 101
        upgraded = [("Connection", "Upgrade"), ("Upgrade", "websocket"), *self._returned(response)]
        stream: IOStream = self.detach()
        lines = ["HTTP/1.1 101 Switching Protocols", *(f"{name}: {value}" for name, value in upgraded)]
        try:
            await stream.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
            await joined(stream, response.extensions["network_stream"])
        finally:
            stream.close()
            self.on_finish()

    def _fail(self, problem: Problem) -> None:
        if self._headers_written:
            self._drop()
        elif not self._finished:
            self.problem(problem)

    def _drop(self) -> None:
        """End the connection without a proper end of the answer."""
        if not self._finished:
            with contextlib.suppress(Exception):
                self.detach().close()
            self.on_finish()

    def on_connection_close(self) -> None:
        """The caller has gone: so does the request to the workload."""
        super().on_connection_close()
        if self._passing is not None:
            self._passing.cancel()

    def on_finish(self) -> None:
        """Count it, once."""
        if self._began:
            seconds, self._began = time.perf_counter() - self._began, 0.0
            self.context.metrics.open.dec()
            status = self._status or self.get_status()
            self.context.metrics.answered(self._group, status, seconds, stayed=self._stays)
            log.debug("%d %s %s %.0f ms", status, self.request.method, self._group, 1000 * seconds)

    get = head = post = delete = patch = put = options = lambda self: self._serve()
