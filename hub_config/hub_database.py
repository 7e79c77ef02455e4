"""How the hub's own database is used."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import Any

from jupyterhub import orm


def write_ahead(url: str) -> None:
    """Let SQLite write ahead: a commit then waits for the disk once instead of three times, and loses nothing less.

    The mode is kept in the file itself, so the hub's own connections need not know.
    """
    prefix = "sqlite:///"
    if not url.startswith(prefix):
        return
    with contextlib.closing(sqlite3.connect(url.removeprefix(prefix), timeout=30)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")


def ask_no_file_whether_it_is_there() -> None:
    """Leave out the query before every transaction that finds connections which a server has closed.

    A file closes none, and the hub makes a dozen transactions for one start. Its configuration has no word for it.
    """
    register = orm.register_ping_connection
    if getattr(register, "servers_only", False):
        return

    def of_servers_only(engine: Any) -> None:
        if engine.dialect.name != "sqlite":
            register(engine)

    of_servers_only.servers_only = True  # type: ignore[attr-defined]
    orm.register_ping_connection = of_servers_only
