"""A thing is found by its name however the keyboard that typed it composes letters."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

import pytest

from primehub_services.domain.claims import MachineCapacity
from primehub_services.domain.groups import GroupUpdate
from primehub_services.domain.instance_types import InstanceTypeCreate
from primehub_services.domain.launch import LaunchRequest
from primehub_services.domain.paging import PageQuery
from primehub_services.operations import audit, groups, images, instance_types, launches, members, notebooks, usage
from primehub_services.store import catalog
from primehub_services.store.database import Database
from primehub_services.store.notebooks import Filters
from primehub_services.store.orm import ImageRow
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support import factories
from tests.support.factories import Cast

KEPT = "größe-é"
TYPED = unicodedata.normalize("NFD", KEPT)
ANY = MachineCapacity()
assert TYPED != KEPT


@pytest.fixture
def person(database: Database, cast: Cast) -> Any:
    """A member of the one group, where the type and the image are called the same."""

    def fill(uow: UnitOfWork) -> Any:
        group = factories.group(uow, KEPT)
        account = factories.account(uow, "bo")
        factories.membership(uow, account, group)
        factories.instance_type(uow, KEPT)
        factories.image(uow, KEPT)
        return factories.actor(uow, account)

    return database.write_now(fill)


def request(name: str) -> LaunchRequest:
    return LaunchRequest(group=name, instance_type=name, image=name)


READ: dict[str, Callable[[UnitOfWork, Any, str], object]] = {
    "usage": lambda uow, actor, name: usage.group(uow, actor, name).total,
    "launch options": lambda uow, actor, name: launches.options(uow, actor, name, ANY).defaults,
    "launch check": lambda uow, actor, name: launches.check(uow, actor, request(name), ANY).would_start,
    "group": lambda uow, actor, name: groups.get(uow, actor, name),
    "image": lambda uow, actor, name: images.get(uow, actor, name),
    "instance type": lambda uow, actor, name: instance_types.get(uow, actor, name),
    "images of a group": lambda uow, actor, name: images.list_(uow, actor, PageQuery(), group=name).items,
    "members": lambda uow, actor, name: members.list_(uow, actor, name, PageQuery()).total,
}


@pytest.mark.parametrize("what", READ)
def test_it_is_found(database: Database, cast: Cast, person: Any, what: str) -> None:
    actor = cast.platform_admin if what == "members" else person

    found = database.read_now(READ[what], actor, TYPED)

    assert found
    assert found == database.read_now(READ[what], actor, KEPT)


def test_it_is_started(database: Database, person: Any) -> None:
    started = database.write_now(notebooks.start, person, request(TYPED), ANY)

    assert (started.instance_type, started.image) == (KEPT, KEPT)
    found = database.read_now(notebooks.list_, person, PageQuery(), Filters(group=TYPED))
    assert [notebook.id for notebook in found.items] == [started.id]


def test_it_is_named_among_groups(database: Database, cast: Cast, person: Any) -> None:
    spec = InstanceTypeCreate.model_validate(
        {"name": "big", "cpu_limit": 1, "memory_limit": "1Gi", "all_groups": False, "groups": [TYPED]}
    )

    made = database.write_now(instance_types.create, cast.platform_admin, spec)

    assert made.groups == (database.read_now(groups.get, person, KEPT).slug,)


def test_the_audit_log_is_narrowed_to_it(database: Database, cast: Cast, person: Any) -> None:
    version = database.read_now(groups.get, cast.platform_admin, KEPT).version
    change = GroupUpdate(version=version, description="new")
    database.write_now(groups.update, cast.platform_admin, TYPED, change)

    found = database.read_now(audit.list_, cast.platform_admin, PageQuery(), group=TYPED)

    assert [event.action for event in found.items] == ["group.update"]


def test_what_no_database_can_hold_is_found_nowhere(database: Database, person: Any) -> None:
    assert database.read_now(lambda uow: catalog.find(uow, ImageRow, "a\0b", None)) is None
