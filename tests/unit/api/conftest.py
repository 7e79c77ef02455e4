"""A running API with the usual people, each with a token."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from primehub_services.store.database import Database
from tests.support.api import Api, running_api
from tests.support.factories import Cast


@pytest.fixture
async def api(database: Database, tmp_path: Path) -> AsyncIterator[Api]:
    """The API over an empty store."""
    async with running_api(database, tmp_path) as found:
        yield found


@pytest.fixture
async def people(api: Api, cast: Cast) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    """A client for each of the cast, by name, and ``nobody``."""
    clients = {
        name: api.client(api.tokens.give(actor, group=cast.group.slug)) for name, actor in cast.everyone().items()
    }
    clients["nobody"] = api.client()
    yield clients
    for client in clients.values():
        await client.aclose()


@pytest.fixture
def database_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """SQLite alone: what differs between the stores is tested below the API."""
    shutil.copy(migrated_sqlite, tmp_path / "primehub.sqlite")
    return f"sqlite:///{tmp_path / 'primehub.sqlite'}"
