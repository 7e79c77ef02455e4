"""Databases for tests: a fresh SQLite file, or a PostgreSQL database of this run, emptied for each test."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from primehub_services.store.orm import Base

from .parts import require

POSTGRES_URL = "PRIMEHUB_TEST_POSTGRES_URL"


def postgres_server() -> str:
    """The URL of a server where databases can be made; skips or fails the test where there is none."""
    url = os.environ.get(POSTGRES_URL, "")
    require("postgres", url, f"{POSTGRES_URL} is not set")
    return url


@contextmanager
def postgres_database(server: str) -> Iterator[str]:
    """The URL of a new, empty database, dropped at the end."""
    name = f"primehub_test_{uuid.uuid4().hex[:12]}"
    with _administration(server) as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
    try:
        yield sa.make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        with _administration(server) as connection:
            connection.exec_driver_sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def empty(url: str) -> None:
    """Delete every row and start the counters again."""
    tables = ", ".join(f'"{table.name}"' for table in Base.metadata.sorted_tables)
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")


@contextmanager
def _administration(server: str) -> Iterator[sa.Connection]:
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        yield connection
