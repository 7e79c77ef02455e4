"""The groups that a thing of the catalog is given to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from primehub_services.store.database import Database
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support import factories
from tests.support.api import problem
from tests.support.factories import Cast

SLUG, NAME = "alpha-1", "Alpha"
CREATED: dict[str, tuple[dict[str, Any], Callable[[str], Any]]] = {
    "/images": ({"source": {"type": "environment", "packages": ["numpy"]}, "all_groups": False}, str),
    "/instance-types": ({"cpu_limit": 1, "memory_limit": "1Gi", "all_groups": False}, str),
    "/volumes": ({"source": {"type": "env", "variables": {"A": "x"}}}, lambda group: {"group": group}),
    "/secrets": ({"kind": "git", "value": "x"}, str),
}
"""What makes one, and how it names a group."""


@pytest.fixture
def _group(database: Database, cast: Cast) -> None:
    def make(uow: UnitOfWork) -> None:
        factories.group(uow, NAME, slug=SLUG)

    database.write_now(make)


@pytest.mark.usefixtures("_group")
@pytest.mark.parametrize("twice", [(SLUG, SLUG), (SLUG, NAME), (NAME, NAME)])
@pytest.mark.parametrize("path", CREATED)
async def test_a_group_that_is_named_twice_is_refused_by_its_field(
    people: dict[str, httpx.AsyncClient], path: str, twice: tuple[str, str]
) -> None:
    admin = people["platform_admin"]
    values, named = CREATED[path]
    both = [named(group) for group in twice]
    refused = problem(await admin.post(path, json={**values, "name": "one", "groups": both}))
    assert (refused["status"], [error["field"] for error in refused["errors"]]) == (422, ["groups"])
    made = (await admin.post(path, json={**values, "name": "one", "groups": [named(SLUG)]})).json()
    change = {"version": made["version"], "groups": both}
    refused = problem(await admin.patch(f"{path}/{made['slug']}", json=change))
    assert (refused["status"], [error["field"] for error in refused["errors"]]) == (422, ["groups"])
