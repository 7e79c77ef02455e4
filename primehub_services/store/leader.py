"""Which of several processes leads: the one that holds a lock of the database's, in a session of its own.

The lock is the session's, so it is free as soon as the session ends: with the process, by the server's hand when the
session is silent for ``LEASE`` (a host that is gone, a process that is stopped), or with the server itself. Who has lost
it may not know yet, and go on where it was when it was stopped. Therefore each term has an id in the one row of
``leadership``, and everything that is written as a leader first looks for its own there, in the same transaction.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from .database import Database
from .orm import LeadershipRow
from .unit_of_work import UnitOfWork

if TYPE_CHECKING:
    import psycopg

log = logging.getLogger(__name__)
LEASE = 6.0
"""Seconds after which the server ends the session of a leader of which it hears nothing."""
HELD = 5.0
"""Seconds after its last word to the server for which a leader believes that it leads: less than the server waits."""
BEAT = 1.0
LOOK = 0.5
"""Seconds between two tries of those that do not lead."""
RETRY = 1.0
OLDEST = 140000
"""Of PostgreSQL: the first that ends idle sessions."""
_LOCK = "SELECT pg_try_advisory_lock(hashtextextended('primehub-leader', 0))"
_HELD = """SELECT count(*) FROM pg_locks, hashtextextended('primehub-leader', 0) AS wanted WHERE locktype = 'advisory'
AND granted AND objsubid = 1 AND classid::bigint = (wanted >> 32) & 4294967295 AND objid::bigint = wanted & 4294967295
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
_BEGIN = """INSERT INTO leadership (id, term, holder, since, parts) VALUES (1, %s, %s, clock_timestamp(), '[]')
ON CONFLICT (id) DO UPDATE SET term = excluded.term, holder = excluded.holder, since = excluded.since, parts = excluded.parts"""
# who begins a term waits for what was begun in the one before it; who is stopped in the middle does not hold that up for long
_GUARD = sa.text(
    "SELECT set_config('idle_in_transaction_session_timeout', '5s', true) FROM leadership WHERE term = :term FOR SHARE"
)
# a server that is gone is noticed, whatever the network says of it
_NETWORK: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 1,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 4000,
}


class ElectionError(Exception):
    """The database cannot elect a leader; the text says why."""


class NotLeading(Exception):
    """Another process leads by now: nothing was written."""


class Term:
    """From when a process leads until it does not any more. It is made on the event loop."""

    def __init__(self, until: float, id_: str = "") -> None:
        self.id = id_
        self._until = until
        self._ended = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def holds(self) -> bool:
        """Whether this process may believe that it leads. From any thread."""
        return time.monotonic() < self._until

    def require(self) -> None:
        """Raises ``NotLeading`` where this process must not believe that it leads. From any thread."""
        if not self.holds():
            msg = "another process may lead by now"
            raise NotLeading(msg)

    def extend(self, until: float) -> None:
        """The server has answered what was asked ``HELD`` before then; what has ended stays so."""
        if self.holds():
            self._until = until

    def end(self) -> None:
        """It is over. From any thread."""
        self._until = 0.0
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._ended.set)

    async def over(self) -> None:
        """Return when this process does not lead any more."""
        while self.holds():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, self._until - time.monotonic())):
                    await self._ended.wait()

    def guard(self, uow: UnitOfWork) -> None:
        """Go on only in this term, which cannot end before the transaction does. Raises ``NotLeading``."""
        if uow.session.execute(_GUARD, {"term": self.id}).first() is None:
            self.end()
            msg = "another process leads by now"
            raise NotLeading(msg)


class Election:
    """A thread that stands for election until it wins, and then keeps the term going. ``holder`` is shown to people."""

    def __init__(self, database: Database, holder: str) -> None:
        self._dsn = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self.holder = holder
        self._won: asyncio.Queue[Term] = asyncio.Queue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="store-election", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Stand for election. Call it on the event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def stop(self) -> None:
        """Lead no more, and stand for nothing; returns when the next one can be elected."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2)

    async def next_term(self) -> Term:
        """The next term of this process, once it begins."""
        while True:
            term = await self._won.get()
            if term.holds():
                return term

    def _run(self) -> None:
        import psycopg  # ten megabytes that a platform on SQLite has no use for

        while not self._stop.is_set():
            try:
                with psycopg.connect(self._dsn, autocommit=True, **_NETWORK) as connection:
                    self._stand(connection)
            except psycopg.Error as error:
                log.warning("no election just now: %s", type(error).__name__)
                self._stop.wait(RETRY)
            except Exception:  # an event loop that is busy for long, or closed
                log.warning("no election just now", exc_info=not self._stop.is_set())
                self._stop.wait(RETRY)

    def _stand(self, connection: psycopg.Connection[Any]) -> None:
        connection.execute(f"SET idle_session_timeout = '{LEASE:.0f}s'")
        while not self._stop.is_set():
            found = connection.execute(_LOCK).fetchone()
            if found is not None and found[0]:
                self._lead(connection)
                return
            self._stop.wait(LOOK)

    def _lead(self, connection: psycopg.Connection[Any]) -> None:
        assert self._loop is not None
        id_ = uuid.uuid4().hex
        connection.execute(_BEGIN, (id_, self.holder))  # which may have to wait for the term before
        asked = time.monotonic()
        connection.execute("SELECT 1")
        term = asyncio.run_coroutine_threadsafe(_made(asked + HELD, id_), self._loop).result(HELD)
        try:
            log.info("leading from now on, as %s", self.holder)
            self._loop.call_soon_threadsafe(self._won.put_nowait, term)
            while term.holds() and not self._stop.wait(BEAT):
                asked = time.monotonic()
                connection.execute("SELECT 1")
                term.extend(asked + HELD)
        finally:
            term.end()
            log.info("not leading any more")


async def _made(until: float, id_: str) -> Term:
    return Term(until, id_)


@dataclass(frozen=True, slots=True)
class Leadership:
    """Who leads, as every process may see it."""

    holder: str
    since: datetime
    parts: list[Any]
    """How what it does is doing, as the leader wrote it down last."""
    held: bool
    """Whether anybody leads just now: between two terms nobody does."""


def leadership(uow: UnitOfWork) -> Leadership | None:
    """Who leads; None where nobody ever has."""
    row = uow.session.get(LeadershipRow, 1)
    if row is None:
        return None
    held = bool(uow.session.execute(sa.text(_HELD)).scalar())
    return Leadership(row.holder, row.since, row.parts, held)


def note_parts(uow: UnitOfWork, parts: list[Any]) -> None:
    """Write down how what the leader does is doing. Only as the leader."""
    uow.session.execute(sa.update(LeadershipRow).values(parts=parts))


def check(uow: UnitOfWork) -> None:
    """Raises ``ElectionError`` where the database cannot elect a leader."""
    if uow.dialect != "postgresql":
        msg = "several processes need PostgreSQL: give database_url, or run one"
        raise ElectionError(msg)
    version = int(uow.session.execute(sa.text("SHOW server_version_num")).scalar_one())
    if version < OLDEST:
        msg = f"several processes need PostgreSQL {OLDEST // 10000} or later; this is {version // 10000}"
        raise ElectionError(msg)
