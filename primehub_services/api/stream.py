"""``GET /events``: live changes and logs of one browser, in one stream."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tornado.iostream import StreamClosedError

from ..blobs import of_notebook
from ..domain.identity import Actor
from ..domain.notebooks import FINAL
from ..domain.permissions import require
from ..domain.problems import Invalid, Problem
from ..domain.system import Change, visible
from ..operations import actors, notebooks
from ..store import changes
from ..store.changes import Resumed
from ..store.unit_of_work import UnitOfWork
from .call import Call
from .context import ApiContext
from .events import Stream
from .logs import as_part
from .registry import Run

HEARTBEAT = 15.0
LOG_POLL = 0.5
LOG_PIECE = 64 * 1024
LOGS = 20
CATCH_UP = 1000
"""Missed changes that are sent one by one; with more, loading everything anew is less work."""
STUCK = 60.0
"""Seconds that a client may leave the stream unread."""
RIGHTS_OF_LOGS = 2.0


@dataclass
class _Followed:
    """A log that the stream carries."""

    id: str
    offset: int
    allowed: bool = True
    ended: bool = False
    checked: float = 0.0


class EventStream:
    """Writes one stream until its client, its rights or the process end."""

    def __init__(self, call: Call, stream: Stream, followed: list[_Followed]) -> None:
        self._call = call
        self._context: ApiContext = call.context
        self._stream = stream
        self._followed = followed
        self._written = time.monotonic()

    async def run(self, since: int | None) -> None:
        """Everything from the first line to the last."""
        await self._begin(since)
        while not self._stream.subscription.closed:
            waiting = LOG_POLL if any(f.allowed and not f.ended for f in self._followed) else HEARTBEAT
            await self._stream.subscription.wait(min(waiting, max(0.05, self._written + HEARTBEAT - time.monotonic())))
            if self._stream.actor is None:
                await self._send("gone", {"detail": "The account, its rights or the session have ended."})
                return
            await self._send_changes()
            for log in self._followed:
                await self._send_log(log)
            if time.monotonic() - self._written >= HEARTBEAT:
                await self._write(": still here\n\n")

    async def _begin(self, since: int | None) -> None:
        feed = self._context.feed
        if since is None:
            await self._send("hello", {}, resume=feed.resume_from)
            return
        resumed, missed = await self._context.database.read(_missed, since)
        if resumed.lost or len(missed) > CATCH_UP:
            await self._send("reset", {}, resume=feed.resume_from)
            return
        await self._send("hello", {})
        await self._send_visible(missed)

    async def _send_changes(self) -> None:
        subscription = self._stream.subscription
        if subscription.lagged:
            subscription.lagged = False
            subscription.take()
            await self._send("reset", {}, resume=self._context.feed.resume_from)
            return
        await self._send_visible(subscription.take())

    async def _send_visible(self, found: Iterable[Change]) -> None:
        actor, resume = self._stream.actor, self._context.feed.resume_from
        lines = [
            _event("change", change.model_dump(mode="json"), resume=min(change.seq, resume))
            for change in found
            if actor is not None and visible(change, actor)
        ]
        if lines:
            await self._write("".join(lines))

    async def _send_log(self, log: _Followed) -> None:
        now = time.monotonic()
        if not log.allowed or (log.ended and now - log.checked < RIGHTS_OF_LOGS):
            return
        if now - log.checked >= RIGHTS_OF_LOGS:
            log.checked = now
            await self._check(log)
            if not log.allowed:
                await self._send(
                    "log", {"id": log.id, "offset": log.offset, "next": log.offset, "text": "", "ended": True}
                )
                return
        was_ended = log.ended
        chunk = await asyncio.to_thread(self._context.logs.read, of_notebook(log.id), log.offset, LOG_PIECE)
        part = as_part(chunk)
        finished = was_ended and not part.text
        if not part.text and not finished:
            return
        log.offset = part.next_offset
        data = {"id": log.id, "offset": part.offset, "next": part.next_offset, "text": part.text, "ended": finished}
        await self._send("log", data)
        if finished:
            log.allowed = False

    async def _check(self, log: _Followed) -> None:
        """Whether the log may be read still, and whether its notebook has ended."""
        try:
            notebook = await self._context.database.read(_for_log, self._stream.model, log.id)
        except Problem:
            log.allowed = False
        else:
            log.ended = notebook.phase in FINAL

    async def _send(self, event: str, data: dict[str, Any], *, resume: int | None = None) -> None:
        await self._write(_event(event, data, resume=resume))

    async def _write(self, text: str) -> None:
        handler = self._call.handler
        handler.write(text)
        self._written = time.monotonic()
        await asyncio.wait_for(handler.flush(), STUCK)


def _event(event: str, data: dict[str, Any], *, resume: int | None = None) -> str:
    number = f"id: {resume}\n" if resume is not None else ""
    return f"{number}event: {event}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"


def _missed(uow: UnitOfWork, since: int) -> tuple[Resumed, list[Change]]:
    resumed = changes.resume(uow, since)
    found, _ = changes.read(uow, resumed.cursor, limit=CATCH_UP + 1)
    return resumed, found


def _for_log(uow: UnitOfWork, model: Any, notebook_id: str) -> Any:
    return notebooks.notebook_for_log(uow, actors.actor_for(uow, model), notebook_id)


def _require_read(_uow: UnitOfWork, actor: Actor) -> Actor:
    require(actor, "self.read")
    return actor


def _since(call: Call) -> int | None:
    header = call.handler.request.headers.get("Last-Event-ID", "")
    if not header:
        since: int | None = call.query.since
        return since
    if not header.isascii() or not header.isdecimal() or len(header) > 16:
        raise Invalid.field("Last-Event-ID", "It is not a number of ours.", "Leave it out to begin from now.")
    return int(header)


def _logs(call: Call) -> list[_Followed]:
    wanted = [part.partition(":") for part in call.query.logs.split(",") if part]
    if len(wanted) > LOGS:
        raise Invalid.field("logs", f"More than {LOGS} logs.", f"Follow at most {LOGS} in one stream.")
    return [_Followed(log, int(offset)) for log, _, offset in wanted]


async def _events(call: Call) -> None:
    context, handler = call.context, call.handler
    since, followed = _since(call), _logs(call)
    # subscribed before anything is read: what is committed in between comes twice rather than never
    subscription = context.feed.subscribe()
    try:
        actor = await call.read(_require_read)
        stream = Stream(call.identity.model, call.identity.token, actor, subscription)
        context.streams.add(stream)
        try:
            handler.set_header("Content-Type", "text/event-stream; charset=utf-8")
            handler.set_header("X-Accel-Buffering", "no")
            handler.when_gone(subscription.close)
            await EventStream(call, stream, followed).run(since)
            await handler.finish()
        except (StreamClosedError, TimeoutError):
            handler.drop()
        finally:
            context.streams.remove(stream)
    finally:
        context.feed.unsubscribe(subscription)


HANDLERS: dict[str, Run] = {"events.stream": _events}
