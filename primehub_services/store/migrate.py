"""Bring a database to the shape that this version of PrimeHub needs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, OperationalError

from .database import Database

LOCK = "primehub-migrate"
_PASSES = re.compile(
    r"starting up|shutting down|recovery mode|not (yet )?accepting connections|too many clients|connection slots"
)
"""What PostgreSQL's server says where it refuses everybody for a while (src/backend/tcop/backend_startup.c and proc.c)."""
_PASSES_STATE = re.compile(r"08...|53300|57P0[123]")
"""Connection lost, too many connections, shut down, not up yet (PostgreSQL's documentation, appendix A)."""


class MigrationError(Exception):
    """The database cannot be brought to this version; the text says why and what to do."""


class DatabaseAway(MigrationError):
    """Its server does not take connections just now, which may pass by itself."""


def upgrade(target: Database | str) -> None:
    """Run every revision that the database of ``target`` (or at this URL) lacks, in one transaction.

    Safe to run in several processes at once: the others wait. After a crash at any moment the database is as it was
    before or as it is to be. Raises ``DatabaseAway`` where its server does not answer, ``MigrationError`` where the
    database was made by a newer version, refuses this user, cannot be written, or fails.
    """
    url = target.url if isinstance(target, Database) else sa.make_url(target)
    try:
        with exclusive(target) as connection:
            _upgrade(connection)
    except DBAPIError as error:
        where = url.render_as_string(hide_password=True)
        words = str(error.orig).strip().splitlines()[0].rstrip(".")
        away = _is_away(error)
        what = "reached" if away or "connection failed" in words else "brought to this version, and was not changed"
        msg = f"The database {where} cannot be {what}: {words}. {_help(url)}"
        raise (DatabaseAway if away else MigrationError)(msg) from error


def _is_away(error: DBAPIError) -> bool:
    """Whether the server, and not what it was asked, is the trouble. A file is there or is not."""
    if not isinstance(error, OperationalError) or not isinstance(error.orig, psycopg.Error):
        return False
    if state := error.orig.sqlstate:
        return bool(_PASSES_STATE.fullmatch(state))
    words = str(error.orig)  # of a connection that is not made, libpq tells no state
    return "FATAL:" not in words or bool(_PASSES.search(words))


def _upgrade(connection: sa.Connection) -> None:
    config = configuration(connection)
    current = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        msg = (
            f"The database is at revision {current}, which this version of PrimeHub does not know: a newer one "
            "made it. Install that version or a newer one, or restore a backup from before the upgrade."
        )
        raise MigrationError(msg)
    command.upgrade(config, "head")
    if connection.dialect.name == "sqlite":
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        if broken:
            msg = f"The upgrade would leave rows that point nowhere: {broken[:3]}. Nothing was changed."
            raise MigrationError(msg)


def _help(url: sa.URL) -> str:
    if url.get_backend_name() == "sqlite":
        return "Check that its folder is there, that this user may write to it, and that the disk has space left."
    return "Check that the server runs there, and that this user may connect to it and make tables."


def configuration(connection: sa.Connection) -> Config:
    """Alembic's configuration for a connection that is inside a transaction."""
    config = Config()
    # a path with '%' in it would be taken for an interpolation
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


@contextmanager
def exclusive(target: Database | str) -> Iterator[sa.Connection]:
    """A connection in a transaction that no other upgrade can be in at the same time; committed at the end."""
    url = target.url if isinstance(target, Database) else sa.make_url(target)
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _sqlite_connected)
        event.listen(engine, "begin", _sqlite_begin)
    try:
        with engine.begin() as connection:
            if url.get_backend_name() == "postgresql":
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": LOCK})
            yield connection
    finally:
        engine.dispose()


def _sqlite_connected(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # else the driver commits before DDL
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=60000")
    # a table that a revision rebuilds is dropped for a moment; nothing must cascade from that
    cursor.execute("PRAGMA foreign_keys=OFF")
    cursor.close()


def _sqlite_begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
