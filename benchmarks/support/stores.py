"""Stores of a size worth measuring."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from primehub_services.store.database import Database
from primehub_services.store.migrate import upgrade
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support import factories

POSTGRES = "PRIMEHUB_TEST_POSTGRES_URL"


@contextmanager
def fresh_stores() -> Iterator[dict[str, Database]]:
    """An empty store on SQLite, and one on PostgreSQL where there is a server; both are gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        stores = {"SQLite": _made(f"sqlite:///{Path(folder) / 'primehub.sqlite'}")}
        server = os.environ.get(POSTGRES)
        name = f"benchmark_{uuid.uuid4().hex[:8]}"
        admin = sa.create_engine(server, isolation_level="AUTOCOMMIT") if server else None
        try:
            if admin is not None and server is not None:
                with admin.connect() as connection:
                    connection.exec_driver_sql(f"CREATE DATABASE {name}")
                url = sa.make_url(server).set(database=name).render_as_string(hide_password=False)
                stores["PostgreSQL"] = _made(url)
            yield stores
        finally:
            for store in stores.values():
                store.close()
            if admin is not None:
                with admin.connect() as connection:
                    connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
                admin.dispose()


def _made(url: str) -> Database:
    upgrade(url)
    return Database(url)


def populate(uow: UnitOfWork, *, people: int, groups: int) -> None:
    """People spread evenly over groups, one instance type that requests next to nothing, and one ready image.

    The first person, ``person0``, is a platform admin.
    """
    rows = [factories.group(uow, f"group{i}") for i in range(groups)]
    for i in range(people):
        person = factories.account(uow, f"person{i}", platform_admin=i == 0)
        factories.membership(uow, person, rows[i % groups])
    factories.instance_type(uow, "tiny", cpu_limit=1, memory_limit=1024**2)
    factories.image(uow, "base")
