"""Connections and transactions, on SQLite and on PostgreSQL, from threads and from the event loop."""

from __future__ import annotations

import asyncio
import copy
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.orm.exc import StaleDataError

from ..domain.problems import Conflict, Unavailable
from .unit_of_work import UnitOfWork

P = ParamSpec("P")
R = TypeVar("R")
Clock = Callable[[], datetime]
CommitListener = Callable[[frozenset[str]], None]
Guard = Callable[[UnitOfWork], None]
AWAY = "PrimeHub's database does not answer just now. Try again in a moment."
RETRIES = 5
IDLE = 60.0
"""Seconds that a transaction may do nothing on PostgreSQL, before the server ends it."""
log = logging.getLogger("primehub.store")
_DISK_FULL = "53100"  # PostgreSQL
_SERIALIZATION_FAILURES = frozenset({"40001", "40P01"})  # PostgreSQL: serialization failure, deadlock
_GONE = frozenset({"25006", "25P03"})  # PostgreSQL: only to be read (a standby), idle for too long
_SHUTTING_DOWN = "57P0"  # PostgreSQL: how the codes begin of a server that ends, or begins


def utc_now() -> datetime:
    """The system's clock."""
    return datetime.now(UTC)


class Database:
    """The store. Reads run side by side; writes are one at a time on SQLite and serialized by row on PostgreSQL.

    ``read`` and ``write`` raise ``Unavailable`` where the database is away or its disk is full.
    Every call of ``read`` and ``write`` is one transaction in a worker thread, so that the event loop never waits
    for a disk. A function given to them must do nothing but use its unit of work: it may run again after a
    serialization failure.
    """

    def __init__(self, url: str, *, clock: Clock = utc_now, read_threads: int = 4) -> None:
        self.url = sa.make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.clock = clock
        self.engine = _make_engine(self.url, pool_size=read_threads + 2)
        self._session = sessionmaker(self.engine, expire_on_commit=False)
        self._readers = ThreadPoolExecutor(read_threads, thread_name_prefix="store-read")
        # one writer: SQLite allows no more, and on PostgreSQL one process's own writes then never wait for locks
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="store-write")
        self._listeners: list[CommitListener] = []
        self._guard: Guard = lambda _uow: None

    def guarded(self, guard: Guard) -> Database:
        """The same store, of which every write begins with ``guard``: where that raises, nothing is written."""
        same = copy.copy(self)
        same._guard = guard
        return same

    def on_commit(self, listener: CommitListener) -> None:
        """Call ``listener`` (from the writer's thread) with the kinds of the changes that a commit recorded, if any."""
        self._listeners.append(listener)

    async def read(self, function: Callable[Concatenate[UnitOfWork, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The function's result, from one read-only transaction."""
        return await asyncio.get_running_loop().run_in_executor(
            self._readers, lambda: self.read_now(function, *args, **kwargs)
        )

    async def write(self, function: Callable[Concatenate[UnitOfWork, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The function's result, committed. Raises ``Conflict`` where somebody else changed the same row."""
        return await asyncio.get_running_loop().run_in_executor(
            self._writer, lambda: self.write_now(function, *args, **kwargs)
        )

    def read_now(self, function: Callable[Concatenate[UnitOfWork, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """``read``, in this thread."""
        try:
            with self._begin(write=False) as uow:
                return function(uow, *args, **kwargs)
        except DBAPIError as error:
            if (problem := _problem(error)) is None:
                raise
            raise problem from error

    def write_now(self, function: Callable[Concatenate[UnitOfWork, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """``write``, in this thread."""
        for attempt in range(RETRIES):
            try:
                with self._begin(write=True) as uow:
                    self._guard(uow)
                    result = function(uow, *args, **kwargs)
                    kinds = frozenset(uow.kinds)
            except StaleDataError as error:
                msg = "Somebody else changed this meanwhile. Load it again and repeat your change."
                raise Conflict(msg) from error
            except DBAPIError as error:
                if attempt < RETRIES - 1 and _state(error.orig) in _SERIALIZATION_FAILURES:
                    continue
                if (problem := _problem(error)) is None:
                    raise
                raise problem from error
            else:
                if kinds:
                    for listener in self._listeners:
                        listener(kinds)
                return result
        raise AssertionError  # the loop returns or raises

    @contextmanager
    def _begin(self, *, write: bool) -> Iterator[UnitOfWork]:
        with self._session() as session:
            if self.is_sqlite:
                session.connection(execution_options={"sqlite_begin": "IMMEDIATE" if write else "DEFERRED"})
            yield UnitOfWork(session, now=self.clock(), dialect=self.engine.dialect.name)
            if write:
                session.commit()
            else:
                session.rollback()

    def close(self) -> None:
        """Finish what runs and close every connection."""
        self._writer.shutdown(wait=True)
        self._readers.shutdown(wait=True)
        self.engine.dispose()


def _state(error: BaseException | None) -> str:
    """PostgreSQL's code; empty for SQLite's."""
    return getattr(error, "sqlstate", None) or ""


def _is_elsewhere(error: BaseException | None) -> bool:
    """Whether the connection leads to a server that cannot serve us any more: one that ends, or a standby."""
    return _state(error) in _GONE or _state(error).startswith(_SHUTTING_DOWN)


def _problem(error: DBAPIError) -> Unavailable | None:
    """A server that is away, a disk that is full: nothing that the asker or our code did wrong. None for what is."""
    if not isinstance(error, OperationalError) and not _is_elsewhere(error.orig):
        return None
    words = str(error.orig).strip() or "no reason given"
    log.error("the database: %s", words.splitlines()[0])
    if _state(error.orig) == _DISK_FULL or "disk is full" in words:
        return Unavailable("The disk of PrimeHub's database is full: nothing can be changed until there is room again.")
    return Unavailable(AWAY)


def _make_engine(url: sa.URL, *, pool_size: int) -> sa.Engine:
    if url.get_backend_name() != "sqlite":
        engine = sa.create_engine(url, pool_size=pool_size, pool_pre_ping=True)
        event.listen(engine, "connect", _lets_go)
        event.listen(engine, "handle_error", _leaves)
        return engine
    engine = sa.create_engine(url, pool_size=pool_size, connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we begin transactions ourselves, below
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")  # a commit that was answered survives a power cut
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
        connection.exec_driver_sql(f"BEGIN {mode}")

    return engine


def _lets_go(connection: Any, _record: Any) -> None:
    """A process that is stopped, or whose host is gone, does not hold for ever what others wait for."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET idle_in_transaction_session_timeout = '{IDLE:.0f}s'")
    connection.commit()


def _leaves(context: sa.ExceptionContext) -> None:
    """After a failover no connection stays with the server that was: all are made anew."""
    if _is_elsewhere(context.original_exception):
        context.is_disconnect = True


__all__ = ["Clock", "Database", "Session", "utc_now"]
