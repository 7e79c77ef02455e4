"""``GET /events``: live changes and logs of one browser, in one stream."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable
from typing import Any

from tornado.iostream import StreamClosedError

from ..domain.identity import Actor
from ..domain.permissions import require
from ..domain.problems import Invalid, Problem, Unavailable
from ..domain.system import Change, visible
from ..store import changes
from ..store.changes import Resumed
from ..store.unit_of_work import UnitOfWork
from .call import Call
from .context import ApiContext
from .events import Stream
from .followed import Followed, parse
from .logs import as_part
from .registry import Run

HEARTBEAT = 15.0
LOG_POLL = 0.3
"""Seconds; a line that is printed is to be seen within one."""
LOG_PIECE = 64 * 1024
PIECES = 16
"""Of one log, before others have their turn."""
LOGS = 20
CATCH_UP = 1000
"""Missed changes that are sent one by one; with more, loading everything anew is less work."""
STUCK = 60.0
"""Seconds that a client may leave the stream unread."""
RIGHTS_OF_LOGS = 2.0


class EventStream:
    """Writes one stream until its client, its rights or the process end."""

    def __init__(self, call: Call, stream: Stream, followed: list[Followed]) -> None:
        self._call = call
        self._context: ApiContext = call.context
        self._stream = stream
        self._followed = followed
        self._written = time.monotonic()
        self._caught_up: frozenset[int] = frozenset()
        """Changes that were missed and sent, some of which the feed may be yet to read."""

    async def run(self, since: int | None) -> None:
        """Everything from the first line to the last."""
        await self._begin(since)
        while not self._stream.subscription.closed:
            waiting = LOG_POLL if any(not log.over for log in self._followed) else HEARTBEAT
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
        self._caught_up = frozenset(change.seq for change in missed)

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
        lines = []
        for change in found:
            for log in self._followed:
                if change.id == log.id:
                    log.checked = 0.0  # it may have begun or ended
            if actor is not None and visible(change, actor) and change.seq not in self._caught_up:
                lines.append(_event("change", change.model_dump(mode="json"), resume=min(change.seq, resume)))
        if lines:
            await self._write("".join(lines))

    async def _send_log(self, log: Followed) -> None:
        """What there is of it by now, but not for ever: other logs and changes wait."""
        if log.over:
            return
        if time.monotonic() - log.checked >= RIGHTS_OF_LOGS:
            log.checked = time.monotonic()
            try:
                log.take(await self._context.database.read(log.look, self._stream.model))
            except Unavailable:
                log.checked = 0.0  # nothing is known of it just now: asked again in the next round
                return
            except Problem:
                log.over = True
                await self._send_part(log, log.offset, "", ended=True)
                return
        if log.log is None:
            if log.ended and log.last:
                log.over = True
                await self._send_part(log, log.offset, "", ended=True)
            return
        for _ in range(PIECES):
            part = as_part(
                await asyncio.to_thread(self._context.logs.read, log.log, log.offset, LOG_PIECE), more=not log.ended
            )
            if part.next_offset == log.offset:
                break
            log.offset = part.next_offset
            await self._send_part(log, part.offset, part.text)
        else:
            return
        # the end was seen before the reading that found no more
        if log.ended and log.last:
            log.over = True
            await self._send_part(log, log.offset, "", ended=True)
        elif log.ended:
            log.go_on()

    async def _send_part(self, log: Followed, offset: int, text: str, *, ended: bool = False) -> None:
        data: dict[str, Any] = {"id": log.name, "offset": offset, "next": log.offset, "text": text, "ended": ended}
        if log.is_job:
            data["attempt"] = log.number
        await self._send("log", data)

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


def _logs(call: Call) -> list[Followed]:
    wanted = parse(call.query.logs)
    if len(wanted) > LOGS:
        raise Invalid.field("logs", f"More than {LOGS} logs.", f"Follow at most {LOGS} in one stream.")
    return wanted


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
