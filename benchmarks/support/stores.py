"""Stores of a size worth measuring."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

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


def job_row(
    whose: tuple[str, str, str], number: int, at: datetime, *, instance_type: str, memory: int, **more: Any
) -> dict[str, Any]:
    """A row of ``jobs``: a command of one core. ``whose``: the group's id and slug, and the account's id."""
    group_id, slug, account_id = whose
    return {
        "id": f"job-{number:08}",
        "version": 1,
        "account_id": account_id,
        "group_id": group_id,
        "name": f"job {number % 50}",
        "kind": "command",
        "spec": {"group": slug, "instance_type": instance_type, "image": "base", "command": "true"},
        "instance_type": instance_type,
        "image": "base",
        "cpu_limit": 1000,
        "memory_limit": memory,
        "gpu_limit": 0,
        "cpu_request": 1000,
        "memory_request": memory,
        "timeout": 3600,
        "retries": 0,
        "retries_used": 0,
        "message": "",
        "attempts": 0,
        "scheduled": False,
        "queued_at": at,
        "created_at": at,
        **more,
    }
