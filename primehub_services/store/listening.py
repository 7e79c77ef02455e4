"""Hearing of other processes' commits: PostgreSQL tells, SQLite has one process."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import sqlalchemy as sa

from .database import Database
from .unit_of_work import CHANNEL, UnitOfWork

log = logging.getLogger(__name__)
RETRY = 2.0
_LOOK = 0.5
_WORKLOADS = "primehub_workloads"


class Listener:
    """A thread that calls ``wake`` after every commit, of any process, that recorded a change, and ``heard`` with every
    workload that any process tells of.

    While the connection is lost nothing is heard: readers look by themselves now and then, so nothing is missed.
    """

    def __init__(
        self, database: Database, wake: Callable[[], None], heard: Callable[[str], None] = lambda _workload: None
    ) -> None:
        url = database.url.set(drivername="postgresql")
        self._dsn = url.render_as_string(hide_password=False)
        self._wake = wake
        self._heard = heard
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="store-listen", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """End; returns when the connection is closed."""
        self._stop.set()
        self._thread.join(timeout=2)

    def _run(self) -> None:
        import psycopg  # ten megabytes that a platform on SQLite has no use for

        while not self._stop.is_set():
            try:
                self._listen()
            except psycopg.Error as error:
                log.warning("not listening for changes: %s", type(error).__name__)
                self._stop.wait(RETRY)

    def _listen(self) -> None:
        import psycopg

        with psycopg.connect(self._dsn, autocommit=True) as connection:
            connection.execute(f"LISTEN {CHANNEL}")
            connection.execute(f"LISTEN {_WORKLOADS}")
            self._wake()
            while not self._stop.is_set():
                for told in connection.notifies(timeout=_LOOK, stop_after=1):
                    if told.channel == _WORKLOADS:
                        self._heard(told.payload)
                    else:
                        self._wake()


def tell(uow: UnitOfWork, workload: str) -> None:
    """Tell every process that listens, this one too, of a workload. Nothing may rest on its being heard."""
    uow.session.execute(sa.select(sa.func.pg_notify(_WORKLOADS, workload)))
