"""What is in use in a group, and who may know."""

from __future__ import annotations

import pytest

from primehub_services.domain.claims import MachineCapacity
from primehub_services.domain.launch import LaunchRequest
from primehub_services.domain.problems import Forbidden, NotFound
from primehub_services.operations import notebooks, usage
from primehub_services.store.database import Database
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support import factories
from tests.support.factories import Cast

REQUEST = LaunchRequest(group="research", instance_type="half", image="base")


@pytest.fixture
def busy(database: Database, cast: Cast) -> Cast:
    def fill(uow: UnitOfWork) -> None:
        factories.instance_type(uow, "half", cpu_limit=500)
        factories.image(uow)

    database.write_now(fill)
    for actor in (cast.member, cast.group_admin):
        database.write_now(notebooks.start, actor, REQUEST, MachineCapacity())
    return cast


def test_usage_is_ones_own_the_groups_and_who_holds_it(database: Database, busy: Cast) -> None:
    seen = database.read_now(usage.group, busy.member, "research")

    assert seen.user is not None
    assert (seen.user.used.cpu, seen.total.used.cpu) == (500, 1000)
    assert sorted((line.user, line.instance_type, line.limits.cpu) for line in seen.holders) == [
        ("ann", "half", 500),
        ("gil", "half", 500),
    ]
    assert seen.model_dump(mode="json")["user"]["used"]["cpu"] == 0.5


def test_a_platform_admin_outside_the_group_has_no_part_of_it(database: Database, busy: Cast) -> None:
    seen = database.read_now(usage.group, busy.platform_admin, "research")

    assert seen.user is None
    assert len(seen.holders) == 2


def test_a_notebooks_token_sees_its_owner_and_the_sums(database: Database, busy: Cast) -> None:
    seen = database.read_now(usage.group, busy.notebook, "research")

    assert seen.total.used.cpu == 1000
    assert [line.user for line in seen.holders] == ["ann"]


def test_others_learn_nothing(database: Database, busy: Cast) -> None:
    with pytest.raises(NotFound):
        database.read_now(usage.group, busy.outsider, "research")
    with pytest.raises(NotFound):
        database.read_now(usage.group, busy.member, "other")
    with pytest.raises((Forbidden, NotFound)):
        database.read_now(usage.group, busy.spawner, "research")


def test_a_platform_admin_sees_every_group_in_numbers(database: Database, busy: Cast) -> None:
    seen = database.read_now(usage.platform, busy.platform_admin)

    research, other = sorted(seen.groups, key=lambda g: g.group != "research")
    assert (research.people, research.notebooks, research.jobs, research.waiting) == (2, 2, 0, 0)
    assert research.total.used.cpu == 1000
    assert (other.notebooks, other.total.used.cpu) == (0, 0)
    assert seen.people >= 3


def test_nobody_else_sees_all_groups(database: Database, busy: Cast) -> None:
    with pytest.raises(Forbidden):
        database.read_now(usage.platform, busy.group_admin)
