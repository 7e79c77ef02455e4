"""Live changes: one reader of the ``changes`` table per process, and every open stream's rights looked after.

A change is a hint that something is different; who reads it fetches the thing with their own rights.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..domain.identity import Actor
from ..domain.problems import TooMany, Unauthenticated
from ..domain.system import Change, visible
from ..hub import HubClient, HubRefusal, HubUnavailable
from ..operations import actors
from ..store import accounts, changes
from ..store.changes import Cursor
from ..store.database import Database
from ..store.unit_of_work import UnitOfWork

log = logging.getLogger("primehub.events")
QUEUE = 500
"""Changes that wait for one slow client, before it is told to load everything anew."""
BATCH = 500
TOGETHER = 0.1
"""Seconds between two reads of changes at least."""
RECHECK = 2.0
"""Seconds between two looks at the rights of every stream."""
TOKEN_RECHECK = 4.0
"""Seconds between two questions to the hub which streams' tokens are still good."""
EACH = 10
"""Streams of one person in this process; the portal has one for all pages of a browser."""
RETRY_S = 30
RIGHTS = frozenset({"account", "membership", "group"})
"""Kinds of change after which rights are looked at at once."""


class Subscription:
    """The changes that one reader has yet to take. Bounded: who falls behind loses them and is told so."""

    def __init__(self) -> None:
        self._waiting: deque[Change] = deque()
        self._ready = asyncio.Event()
        self.lagged = False
        self.closed = False
        self.wanted: Callable[[Change], bool] = lambda _change: True
        """Changes for which it is not true are no reason to wake the reader."""

    def put(self, items: Iterable[Change]) -> None:
        """Add changes; past the bound, drop all and remember that."""
        before = len(self._waiting)
        self._waiting.extend(filter(self.wanted, items))
        if len(self._waiting) == before:
            return
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
            async with asyncio.timeout(timeout):
                await self._ready.wait()
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
            # many commits in a row are one read
            await asyncio.sleep(TOGETHER)
            with contextlib.suppress(TimeoutError):
                # not by wait_for, which in Python 3.11 loses a cancellation that comes together with a change
                async with asyncio.timeout(self._poll):
                    await self._wake.wait()
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
        subscription.wanted = self._sees
        self.rights = 0
        """Goes up whenever the actor is made anew."""

    def _sees(self, change: Change) -> bool:
        return self.actor is not None and visible(change, self.actor)

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
        """Look after a stream. Raises ``TooMany`` where the person has as many as may be."""
        name = stream.model.get("name")
        if sum(other.actor is not None and other.model.get("name") == name for other in self._open) >= EACH:
            msg = f"{EACH} live streams of yours are open, and there may be no more. Close some pages or programs."
            raise TooMany(msg, retry_after_s=RETRY_S)
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
            await asyncio.sleep(TOKEN_RECHECK)
            try:
                await self._recheck_tokens([stream for stream in self._open if stream.actor is not None])
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
        if not streams:
            return
        try:
            good = await self._hub.good_tokens({stream.token for stream in streams})
        except (HubUnavailable, HubRefusal):
            return  # while the hub is away nobody can take a token back; the store is still asked
        for stream in streams:
            if stream.token not in good:
                stream.end()


def _actors(uow: UnitOfWork, models: list[Mapping[str, Any]]) -> list[Actor | None]:
    people = accounts.all_with_memberships(uow, {str(model.get("name", "")) for model in models})
    found: list[Actor | None] = []
    for model in models:
        try:
            actor = actors.actor_of(model, people.get(str(model.get("name", ""))))
        except Unauthenticated:
            found.append(None)
        else:
            # who has to change a password first has no session: the hub says that of every other request
            found.append(None if actor.account is not None and actor.account.must_change_password else actor)
    return found
