"""The one handler of every API route: finds the route, the actor, and the body; answers with a model or a problem."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from tornado.web import stream_request_body

from ..domain.problems import NotFound
from . import wire
from .base import BaseHandler
from .call import Call, anonymous
from .codings import smaller
from .context import ApiContext
from .problems import Malformed, NoMethod, TooLarge
from .route import EVENTS, JSON, Route, adapter
from .table import TABLE
from .uploads import Upload

MAX_BODY = 4 * 1024 * 1024
STRANGERS_BODY = 256 * 1024
"""Bytes of a body that is read before it is known who sends it: whoever is not let in must not make us read much."""
DRAINED = 64 * 1024
"""Bytes of a refused request's body that are read all the same. A connection that is closed while some of it is unread is
reset by the kernel, and the answer can be lost on its way."""
RunRoute = Callable[[Call], Awaitable[Any]]


@stream_request_body
class ApiHandler(BaseHandler):
    """Nothing of a body is kept before the route, the caller and the length are known to be right."""

    SUPPORTED_METHODS = ("GET", "HEAD", "POST", "DELETE", "PATCH", "PUT", "OPTIONS")
    route: Route | None = None

    def initialize(self, context: ApiContext, handlers: dict[str, RunRoute] | None = None) -> None:
        """``handlers`` are the functions of the routes, by the routes' names."""
        super().initialize(context)
        self._handlers = handlers or {}
        self._chunks: list[bytes] = []
        self._received = 0
        self._too_large = False
        self._known = False
        self._refusal: Exception | None = None
        self._upload: Upload | None = None
        self._began = time.perf_counter()
        self._when_gone: list[Callable[[], None]] = []

    def set_default_headers(self) -> None:
        """Answers are data, never pages."""
        super().set_default_headers()
        self.set_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")

    async def prepare(self) -> None:
        """Everything that can be refused before the body."""
        # a refusal must reach the client before it is done sending, however much it has announced
        self.request.connection.set_max_body_size(2**62)  # type: ignore[union-attr]
        try:
            await self._recognise()
        except Exception as refusal:
            self._refusal = refusal
            length = self.request.headers.get("Content-Length", "0")
            if not length.isdecimal() or int(length) > DRAINED:
                self._refuse_at_once(refusal)

    def _refuse_at_once(self, refusal: Exception) -> None:
        """Answer while a body is on its way, after which tornado closes the connection."""
        # whoever keeps it for the next request, the hub's proxy does, has to know
        self.closes = True
        found = (type(refusal), refusal, refusal.__traceback__)
        self.log_exception(*found)
        self.send_error(500, exc_info=found)

    async def _recognise(self) -> None:
        """Find the route and the caller, and check all but the body."""
        route, path = self._find()
        self.route = route
        identity = None
        if route.permission is not None and not route.checks_itself:
            identity = await self.context.authenticator.identify(self)
            if identity is None:
                raise anonymous()
        self._known = identity is not None
        query = wire.query(route, self.request.query)
        self.call = Call(self, route, {k: wire.path_parameter(v) for k, v in path.items()}, identity, query)
        if route.upload:
            begin = self._handlers[route.name].begin  # type: ignore[attr-defined]  # as Route.upload says
            self._upload = self.call.upload = await begin(self.call)
        self._check_body_headers(route)

    def _find(self) -> tuple[Route, dict[str, str]]:
        path = self.request.path.removeprefix(f"{self.context.prefix}api/v1")
        methods, parameters = TABLE.find(path)
        if not methods:
            msg = f"There is no {path[:200]!r} in this API."
            raise NotFound(msg)
        method = "GET" if self.request.method == "HEAD" else self.request.method
        route = methods.get(method or "")
        if route is None or (route.media == EVENTS and self.request.method == "HEAD"):
            allowed = ", ".join(sorted(methods))
            msg = f"{self.request.method} cannot be done here, but {allowed} can."
            raise NoMethod(msg, allow=allowed)
        return route, parameters

    def _check_body_headers(self, route: Route) -> None:
        length = self.request.headers.get("Content-Length", "0")
        chunked = "Transfer-Encoding" in self.request.headers
        if not length.isdecimal():
            msg = "Content-Length is not a number."
            raise Malformed(msg)
        if int(length) > self._limit:
            raise self._large()
        if route.upload:
            wire.check_media(self.request.headers.get("Content-Type", ""), route.upload)
        if route.body is not None:
            wire.check_media(self.request.headers.get("Content-Type", "" if length != "0" or chunked else JSON))

    @property
    def _limit(self) -> int:
        if self._upload is not None:
            return self._upload.limit
        return MAX_BODY if self._known else STRANGERS_BODY

    def _large(self) -> TooLarge:
        if self._upload is not None:
            return TooLarge(self._upload.refusal)
        return TooLarge(f"This request needs no more than {self._limit // 1024} KiB.")

    def data_received(self, chunk: bytes) -> None:
        """Keep the body while it is wanted; the rest of a refused one is read and dropped."""
        self._received += len(chunk)
        if self._finished or self._too_large:
            return
        if self._refusal is not None:
            if self._received > DRAINED:
                self._refuse_at_once(self._refusal)
            return
        if self._received > self._limit:
            self._too_large = True
            self._chunks.clear()
            if self._upload is not None:
                self._upload.discard()  # not only once the rest has come, which may take its time
        elif self._upload is not None:
            self._upload.write(chunk)
        else:
            self._chunks.append(chunk)

    async def _serve(self) -> None:
        if self._refusal is not None:
            raise self._refusal
        if self._too_large:
            raise self._large()
        call, route = self.call, self.call.route
        raw = b"".join(self._chunks)
        if route.body is not None:
            call.body = wire.body(route, raw)
        result = await self._handlers[route.name](call)
        if self._finished or self._headers_written:
            return
        self.set_status(route.status)
        if route.response is None and result is None:
            self.finish()
        elif isinstance(result, bytes | str):
            self.finish(result)
        else:
            await self._send_json(_dump(route, result))

    async def _send_json(self, body: bytes) -> None:
        self.set_header("Content-Type", JSON)
        self.set_header("Vary", "Accept-Encoding")
        packed = await smaller(body, self.request.headers.get("Accept-Encoding", ""))
        if packed is not None:
            self.set_header("Content-Encoding", "gzip")
        self.finish(packed or body)

    def when_gone(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` when the client goes away before the answer is over."""
        self._when_gone.append(callback)

    def on_connection_close(self) -> None:
        """The client has gone."""
        super().on_connection_close()
        self._forget_upload()
        for callback in self._when_gone:
            callback()

    def _forget_upload(self) -> None:
        if self._upload is not None:
            self._upload.discard()

    def drop(self) -> None:
        """End a connection whose client has gone or is stuck, without a proper end of the answer."""
        if not self._finished:
            self.detach().close()

    def on_finish(self) -> None:
        """Count it."""
        self._forget_upload()
        name = self.route.name if self.route else "unknown"
        self.context.metrics.answered(name, self.get_status(), time.perf_counter() - self._began)

    get = head = post = delete = patch = put = options = lambda self: self._serve()


def _dump(route: Route, result: Any) -> bytes:
    dump = getattr(result, "model_dump_json", None)
    return dump().encode() if dump is not None else adapter(route.response).dump_json(result)
