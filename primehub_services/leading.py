"""When this process does what one process at a time may do: always, or while the database's election says so."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextvars import ContextVar
from typing import Any

import httpx

from .api.events import ChangeFeed
from .api.replies import Part, State
from .duties import Duties
from .store import leader
from .store.database import Database
from .store.leader import Election, NotLeading, Term

log = logging.getLogger("primehub")
NOTE_EVERY = 2.0
"""Seconds between two looks of the leader at how its parts are doing, which others show."""
LETTING_GO = 1.0
"""Seconds that what is cancelled at the end of a term has to end."""
Begin = Callable[[Term], Awaitable[Duties]]
Probe = Callable[[Duties], Awaitable[list[Part]]]
_term: ContextVar[set[asyncio.Task[Any]] | None] = ContextVar("term", default=None)


def holder() -> str:
    """What this process is called, for people: its pod or machine, and its number where that says anything."""
    number = os.getpid()
    return socket.gethostname() if number == 1 else f"{socket.gethostname()}, process {number}"


class WhileLeading(httpx.AsyncHTTPTransport):
    """Requests of a term, none of which leaves after it: a process that was stopped in between asks for nothing more."""

    def __init__(self, term: Term) -> None:
        super().__init__()
        self._term = term

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See ``httpx``. Raises ``ConnectError`` where the term is over."""
        try:
            self._term.require()
        except NotLeading as error:
            raise httpx.ConnectError(str(error), request=request) from error
        return await super().handle_async_request(request)


class Alone:
    """The only process there is."""

    def __init__(self, duties: Duties, probe: Probe) -> None:
        self._duties = duties
        self._probe = probe

    async def parts(self) -> list[Part]:
        """How all that goes on is doing."""
        return await self._probe(self._duties)

    async def run(self) -> None:
        """Until cancelled."""
        await _gathered(self._duties.work())


class Elected:
    """One of several processes: ``begin`` makes the duties of a term, whose writes are all guarded by it."""

    def __init__(
        self, database: Database, election: Election | None, feed: ChangeFeed, begin: Begin, probe: Probe
    ) -> None:
        self._database = database
        self._election = election
        self._feed = feed
        self._begin = begin
        self._probe = probe

    async def parts(self) -> list[Part]:
        """Who leads, and how what the leader does is doing, as it wrote that down."""
        found = await self._database.read(leader.leadership)
        if found is None or not found.held:
            help_ = "One of the processes is elected within seconds. If not, look at their logs."
            return [Part(name="leader", status=State.DEGRADED, message="Nobody leads just now.", help=help_)]
        own = " It is this one." if self._election is not None and found.holder == self._election.holder else ""
        message = f"{found.holder} leads since {found.since:%Y-%m-%d %H:%M:%S} UTC.{own}"
        return [Part(name="leader", status=State.OK, message=message), *map(Part.model_validate, found.parts)]

    async def run(self) -> None:
        """Until cancelled. Without an election to stand for, there is nothing to do."""
        if self._election is None:
            return
        self._election.start()
        try:
            while True:
                await self._serve(await self._election.next_term())
        finally:
            await asyncio.to_thread(self._election.stop)

    async def _serve(self, term: Term) -> None:
        begun: set[asyncio.Task[Any]] = set()
        with _belonging(begun):
            leading = asyncio.create_task(self._lead(term))
        try:
            await term.over()
        finally:
            # also on the way out: who comes next is to find nothing half done by us
            term.end()
            leading.cancel()
            await _ended(begun)

    async def _lead(self, term: Term) -> None:
        try:
            duties = await self._begin(term)
            await _gathered([*duties.work(), self._hear(duties), self._tell(term, duties)])
        except NotLeading as error:
            log.warning("a term ends: %s", error)
        except Exception:
            log.exception("a term cannot begin")
        finally:
            term.end()

    async def _hear(self, duties: Duties) -> None:
        """Hint at what any process has changed."""
        subscription = self._feed.subscribe()
        every = {kind for runner in duties.runners for kind in runner.controller.hints}
        try:
            while True:
                await subscription.wait(60)
                kinds = every if subscription.lagged else {change.kind for change in subscription.take()}
                subscription.lagged = False
                duties.hint(kinds)
        finally:
            self._feed.unsubscribe(subscription)

    async def _tell(self, term: Term, duties: Duties) -> None:
        """Write down how it goes, for whoever is asked."""
        guarded = self._database.guarded(term.guard)
        told: list[Any] = []
        while True:
            try:
                found = [part.model_dump(mode="json") for part in await self._probe(duties)]
                if found != told:
                    await guarded.write(leader.note_parts, found)
                    told = found
            except Exception as error:
                log.warning("how it goes cannot be written down: %s", error)
            await asyncio.sleep(NOTE_EVERY)


async def _gathered(work: list[Coroutine[Any, Any, None]]) -> None:
    """Let all of it go on until cancelled; what fails holds up nothing else, and is said at once."""
    await asyncio.gather(*map(_told, work), return_exceptions=True)


async def _told(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception:
        log.exception("something that was to go on has ended")


@contextlib.contextmanager
def _belonging(begun: set[asyncio.Task[Any]]) -> Iterator[None]:
    """Whatever tasks are begun in the block, and by those, are in ``begun`` until they are done."""
    asyncio.get_running_loop().set_task_factory(_task)
    token = _term.set(begun)
    try:
        yield
    finally:
        _term.reset(token)


def _task(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
    task = asyncio.Task(work, loop=loop, **options)
    begun = _term.get()
    if begun is not None:
        begun.add(task)
        task.add_done_callback(begun.discard)
    return task


async def _ended(begun: set[asyncio.Task[Any]]) -> None:
    """Cancel until nothing is left: what is cancelled may have begun something on its way out."""
    while begun:
        for task in list(begun):
            task.cancel()
        await asyncio.wait(list(begun), timeout=LETTING_GO)
