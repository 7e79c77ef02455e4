"""Live changes: one reader of the ``changes`` table per process, and every open stream's rights looked after.

A change is a hint that something is different; who reads it fetches the thing with their own rights.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from ..domain.identity import Actor
from ..domain.problems import Unauthenticated
from ..domain.system import Change
from ..hub import HubClient, HubRefusal, HubUnavailable
from ..operations import actors
from ..store import changes
from ..store.changes import Cursor
from ..store.database import Database
from ..store.unit_of_work import UnitOfWork

log = logging.getLogger("primehub.events")
QUEUE = 500
"""Changes that wait for one slow client, before it is told to load everything anew."""
BATCH = 500
RECHECK = 2.0
"""Seconds between two looks at the rights of every stream."""
TOKEN_RECHECK = 6.0
"""Seconds between two questions to the hub whether a stream's token is still good."""
RIGHTS = frozenset({"account", "membership", "group"})
"""Kinds of change after which rights are looked at at once."""


class Subscription:
    """The changes that one reader has yet to take. Bounded: who falls behind loses them and is told so."""

    def __init__(self) -> None:
        self._waiting: deque[Change] = deque()
        self._ready = asyncio.Event()
        self.lagged = False
        self.closed = False

    def put(self, items: Iterable[Change]) -> None:
        """Add changes; past the bound, drop all and remember that."""
        self._waiting.extend(items)
        if len(self._waiting) > QUEUE:
            self._waiting.clear()
            self.lagged = True
        self._ready.set()

    def close(self) -> None:
        """There will be no more."""
        self.closed = True
        self._ready.set()

    def wake(self) -> None:
        """Let the reader look around without a change."""
        self._ready.set()

    async def wait(self, timeout: float) -> None:  # noqa: ASYNC109 - a heartbeat, not a deadline
        """Until there is something to take, or ``timeout`` seconds."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ready.wait(), timeout)
        self._ready.clear()

    def take(self) -> list[Change]:
        """Everything that waits."""
        taken = list(self._waiting)
        self._waiting.clear()
        return taken


class ChangeFeed:
    """Reads new changes once for all streams of this process."""

    def __init__(self, database: Database, *, poll: float = 1.0) -> None:
        self._database = database
        self._poll = poll
        self._subscriptions: set[Subscription] = set()
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._cursor = Cursor(0)

    async def start(self) -> None:
        """Begin after what there is now."""
        self._loop = asyncio.get_running_loop()
        self._cursor = await self._database.read(changes.newest)
        self._database.on_commit(self.wake)

    @property
    def resume_from(self) -> int:
        """The number after which a reader that has seen everything up to now has to go on.

        Where a smaller number can still be committed, it lies before that one: what was seen already comes again.
        """
        return min(self._cursor.missing, default=self._cursor.seq + 1) - 1

    def wake(self, _kinds: frozenset[str] = frozenset()) -> None:
        """Something was committed; may be called from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)

    def subscribe(self) -> Subscription:
        """A new reader; end it with ``unsubscribe``."""
        subscription = Subscription()
        self._subscriptions.add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Forget a reader."""
        self._subscriptions.discard(subscription)

    async def run(self) -> None:
        """Read until cancelled. A failure is logged and tried again: the table loses nothing."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._poll)
            self._wake.clear()
            try:
                await self.read_once()
            except Exception:
                log.exception("changes cannot be read")
                await asyncio.sleep(self._poll)

    async def read_once(self) -> None:
        """Take what is new to every subscription."""
        while True:
            found, self._cursor = await self._database.read(changes.read, self._cursor, limit=BATCH)
            for subscription in self._subscriptions if found else ():
                subscription.put(found)
            if len(found) < BATCH:
                return


class Stream:
    """One open stream: whose it is, and what that person may see now."""

    def __init__(self, identity_model: Mapping[str, Any], token: str, actor: Actor, subscription: Subscription) -> None:
        self.model = identity_model
        self.token = token
        self.actor: Actor | None = actor
        self.subscription = subscription
        self.token_checked = time.monotonic()
        self.rights = 0
        """Goes up whenever the actor is made anew."""

    def end(self) -> None:
        """The rights are gone."""
        self.actor = None
        self.subscription.wake()


class Streams:
    """Every open stream of this process; looks again and again whether its owner still may."""

    def __init__(self, database: Database, hub: HubClient, feed: ChangeFeed) -> None:
        self._database = database
        self._hub = hub
        self._feed = feed
        self._open: set[Stream] = set()

    def __len__(self) -> int:
        return len(self._open)

    def add(self, stream: Stream) -> None:
        """Look after a stream."""
        self._open.add(stream)

    def remove(self, stream: Stream) -> None:
        """The stream has ended."""
        self._open.discard(stream)

    def close(self) -> None:
        """End every stream: the process stops, clients come back to the next one."""
        for stream in self._open:
            stream.subscription.close()

    async def run(self) -> None:
        """Look after rights and tokens until cancelled; a slow hub holds up only the tokens."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch_rights())
            group.create_task(self._watch_tokens())

    async def _watch_rights(self) -> None:
        own = self._feed.subscribe()
        due = time.monotonic() + RECHECK
        try:
            while True:
                await own.wait(max(0.05, due - time.monotonic()))
                concerns = any(c.kind in RIGHTS for c in own.take()) or own.lagged
                own.lagged = False
                if not concerns and time.monotonic() < due:
                    continue
                due = time.monotonic() + RECHECK
                try:
                    await self.recheck()
                except Exception:
                    log.exception("the rights of open streams cannot be checked")
        finally:
            self._feed.unsubscribe(own)

    async def _watch_tokens(self) -> None:
        while True:
            await asyncio.sleep(RECHECK)
            due = [s for s in self._open if s.actor is not None and time.monotonic() - s.token_checked > TOKEN_RECHECK]
            try:
                await self._recheck_tokens(due)
            except Exception:
                log.exception("the tokens of open streams cannot be checked")

    async def recheck(self) -> None:
        """Make every stream's actor anew; one that has lost its account ends."""
        streams = [s for s in self._open if s.actor is not None]
        if not streams:
            return
        found = await self._database.read(_actors, [s.model for s in streams])
        for stream, actor in zip(streams, found, strict=True):
            if stream.actor is None:
                continue
            if actor is None:
                stream.end()
            elif actor != stream.actor:
                stream.actor = actor
                stream.rights += 1

    async def _recheck_tokens(self, streams: list[Stream]) -> None:
        by_token: dict[str, list[Stream]] = {}
        for stream in streams:
            by_token.setdefault(stream.token, []).append(stream)
        for token, group in by_token.items():
            try:
                model = await self._hub.user_for_token(token)
            except (HubUnavailable, HubRefusal):
                return  # while the hub is away nobody can take a token back; the store is still asked
            for stream in group:
                stream.token_checked = time.monotonic()
                if model is None:
                    stream.end()
                else:
                    stream.model = model


def _actors(uow: UnitOfWork, models: list[Mapping[str, Any]]) -> list[Actor | None]:
    found: list[Actor | None] = []
    for model in models:
        try:
            found.append(actors.actor_for(uow, model))
        except Unauthenticated:
            found.append(None)
    return found
