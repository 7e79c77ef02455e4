"""Instance types: who sees and changes them, and what is refused by field."""

from __future__ import annotations

from typing import Any

import pytest

from primehub_services.domain.instance_types import InstanceType, InstanceTypeCreate, InstanceTypeUpdate
from primehub_services.domain.paging import PageQuery
from primehub_services.domain.problems import Conflict, Forbidden, Invalid, NotFound, Problem
from primehub_services.operations import instance_types
from primehub_services.store import changes
from primehub_services.store import instance_types as store
from primehub_services.store.database import Database
from primehub_services.store.orm import GroupRow
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support import factories
from tests.support.factories import Cast


def _spec(name: str = "cpu-1", **fields: Any) -> InstanceTypeCreate:
    return InstanceTypeCreate.model_validate({"name": name, "cpu_limit": 1, "memory_limit": "2Gi"} | fields)


def _make(database: Database, cast: Cast, name: str = "cpu-1", **fields: Any) -> InstanceType:
    return database.write_now(instance_types.create, cast.platform_admin, _spec(name, **fields))


def _names(database: Database, actor: Any, **options: Any) -> list[str]:
    page = database.read_now(instance_types.list_, actor, PageQuery(), **options)
    assert page.total == len(page.items)
    return [item.name for item in page.items]


def test_what_is_made_is_read_back_as_it_was_given(database: Database, cast: Cast) -> None:
    made = _make(
        database,
        cast,
        cpu_limit=0.5,
        memory_limit="8G",
        cpu_request=0.25,
        gpu_limit=1,
        node_selector={"disk": "ssd"},
        tolerations=[{"key": "gpu", "operator": "Exists"}],
        all_groups=False,
        groups=["research"],
        idle_timeout=600,
    )
    assert database.read_now(instance_types.get, cast.platform_admin, "cpu-1") == made
    shown = made.model_dump(mode="json")
    assert (shown["cpu_limit"], shown["memory_limit"], shown["cpu_request"]) == (0.5, "8Gi", 0.25)
    assert (made.requests.memory, made.requests.gpu, made.groups) == (made.memory_limit, 1, ("research",))


def test_people_see_what_their_groups_have(database: Database, cast: Cast) -> None:
    _make(database, cast, "everywhere")
    _make(database, cast, "here", all_groups=False, groups=["research"])
    _make(database, cast, "there", all_groups=False, groups=["other"])
    _make(database, cast, "nowhere", all_groups=False)
    assert _names(database, cast.member) == _names(database, cast.notebook) == ["everywhere", "here"]
    assert _names(database, cast.outsider) == ["everywhere", "there"]
    assert _names(database, cast.platform_admin) == ["everywhere", "here", "nowhere", "there"]
    assert _names(database, cast.platform_admin, group="other") == ["everywhere", "there"]
    assert _names(database, cast.member, group="research") == ["everywhere", "here"]


def test_a_person_in_no_group_sees_nothing(database: Database, cast: Cast) -> None:
    _make(database, cast, "everywhere")
    loner = database.write_now(lambda uow: factories.actor(uow, factories.account(uow, "zoe")))
    assert _names(database, loner) == []
    with pytest.raises(NotFound):
        database.read_now(instance_types.get, loner, "everywhere")


def test_another_groups_thing_is_as_if_it_did_not_exist(database: Database, cast: Cast) -> None:
    _make(database, cast, "here", all_groups=False, groups=["research"])
    for name in ("here", "absent"):
        with pytest.raises(NotFound, match=f"There is no instance type '{name}' that you can see."):
            database.read_now(instance_types.get, cast.outsider, name)
        with pytest.raises(NotFound, match=f"There is no instance type '{name}' that you can see."):
            database.write_now(instance_types.delete, cast.outsider, name)
    with pytest.raises(NotFound, match="group"):
        database.read_now(instance_types.list_, cast.outsider, PageQuery(), group="research")


def test_members_do_not_learn_which_other_groups_have_a_thing(database: Database, cast: Cast) -> None:
    _make(database, cast, "shared", all_groups=False, groups=["research", "other"])
    assert database.read_now(instance_types.get, cast.member, "shared").groups == ("research",)
    assert database.read_now(instance_types.get, cast.outsider, "shared").groups == ("other",)
    listed = database.read_now(instance_types.list_, cast.platform_admin, PageQuery(), group="other")
    assert listed.items[0].groups == ("other", "research")
    (launchable,) = database.read_now(store.for_groups, frozenset({cast.group.id}))
    assert launchable.groups == ("research",)


def test_only_platform_admins_change_anything(database: Database, cast: Cast) -> None:
    made = _make(database, cast)
    change = InstanceTypeUpdate(version=made.version, description="x")
    for name, actor in cast.everyone().items():
        if name == "platform_admin":
            continue
        for call in (
            lambda a: database.write_now(instance_types.create, a, _spec("mine")),
            lambda a: database.write_now(instance_types.update, a, "cpu-1", change),
            lambda a: database.write_now(instance_types.delete, a, "cpu-1"),
        ):
            with pytest.raises(Forbidden):
                call(actor)
    assert database.read_now(instance_types.get, cast.platform_admin, "cpu-1") == made


def test_a_token_without_the_scope_of_administration_changes_nothing(database: Database, cast: Cast) -> None:
    def narrow(uow: UnitOfWork) -> Any:
        row = factories.account(uow, "boss", platform_admin=True)
        return factories.actor(uow, row, frozenset({"custom:primehub:read"}))

    with pytest.raises(Forbidden, match="scope"):
        database.write_now(instance_types.create, database.write_now(narrow), _spec())


def test_services_and_disabled_people_read_nothing(database: Database, cast: Cast) -> None:
    gone = database.write_now(lambda uow: factories.actor(uow, factories.account(uow, "gone", enabled=False)))
    for actor in (cast.spawner, cast.authenticator, cast.culler, gone):
        with pytest.raises(Problem) as caught:
            database.read_now(instance_types.list_, actor, PageQuery())
        assert caught.value.status in (401, 403)


def test_a_name_is_free_again_after_a_deletion_and_its_slug_never(database: Database, cast: Cast) -> None:
    first = _make(database, cast)
    with pytest.raises(Conflict) as caught:
        _make(database, cast)
    assert caught.value.errors[0].field == "name"
    database.write_now(instance_types.delete, cast.platform_admin, "cpu-1")
    second = _make(database, cast)
    assert second.name == first.name
    assert second.slug != first.slug
    assert database.read_now(instance_types.get, cast.member, "cpu-1").id == second.id
    assert _names(database, cast.platform_admin) == ["cpu-1"]


def test_a_slug_wins_over_a_name(database: Database, cast: Cast) -> None:
    odd = _make(database, cast, "CPU 1".replace(" ", "."))
    named_like_it = _make(database, cast, odd.slug)
    assert named_like_it.slug != odd.slug
    assert database.read_now(instance_types.get, cast.member, odd.slug).id == odd.id
    assert database.read_now(instance_types.get, cast.member, named_like_it.slug).id == named_like_it.id


def test_an_update_changes_only_what_it_names(database: Database, cast: Cast) -> None:
    made = _make(database, cast, cpu_request=0.5, description="old", groups=["research"], all_groups=False)
    change = InstanceTypeUpdate.model_validate({"version": made.version, "cpu_request": None, "display_name": "New"})
    after = database.write_now(instance_types.update, cast.platform_admin, made.slug, change)
    assert (after.cpu_request, after.display_name) == (None, "New")
    assert after.model_copy(update={"cpu_request": made.cpu_request, "display_name": "", "version": 1}) == made
    assert after.version == made.version + 1


def test_a_change_of_groups_alone_is_a_new_version(database: Database, cast: Cast) -> None:
    made = _make(database, cast, all_groups=False, groups=["research"])
    change = InstanceTypeUpdate(version=made.version, groups=("other",))
    after = database.write_now(instance_types.update, cast.platform_admin, made.slug, change)
    assert (after.groups, after.version) == (("other",), made.version + 1)


def test_the_second_of_two_changes_made_from_one_version_is_refused_with_the_current_row(
    database: Database, cast: Cast
) -> None:
    made = _make(database, cast)
    first = InstanceTypeUpdate(version=made.version, description="first")
    after = database.write_now(instance_types.update, cast.platform_admin, made.slug, first)
    second = InstanceTypeUpdate(version=made.version, description="second")
    with pytest.raises(Conflict) as caught:
        database.write_now(instance_types.update, cast.platform_admin, made.slug, second)
    assert caught.value.extra["current"] == after.model_dump(mode="json")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"cpu_request": 2}, "cpu_request"),
        ({"memory_limit": "1Gi"}, "memory_request"),
        ({"cpu_limit": 0}, "cpu_limit"),
        ({"cpu_limit": None}, "cpu_limit"),
        ({"groups": ["absent"]}, "groups"),
        ({"tolerations": None}, "tolerations"),
    ],
)
def test_a_change_that_leaves_the_whole_wrong_is_refused_by_field(
    database: Database, cast: Cast, change: dict[str, Any], field: str
) -> None:
    made = _make(database, cast, memory_request="2Gi")
    with pytest.raises(Invalid) as caught:
        database.write_now(
            instance_types.update,
            cast.platform_admin,
            made.slug,
            InstanceTypeUpdate.model_validate({"version": made.version} | change),
        )
    assert [error.field for error in caught.value.errors] == [field]
    assert database.read_now(instance_types.get, cast.platform_admin, made.slug) == made


def test_a_deleted_group_is_named_nowhere(database: Database, cast: Cast) -> None:
    _make(database, cast, all_groups=False, groups=["research", "other"])

    def bury(uow: UnitOfWork) -> None:
        uow.session.get_one(GroupRow, cast.other_group.id).deleted_at = uow.now

    database.write_now(bury)
    assert database.read_now(instance_types.get, cast.platform_admin, "cpu-1").groups == ("research",)


def test_those_who_lose_a_thing_are_told_too(database: Database, cast: Cast) -> None:
    made = _make(database, cast, all_groups=False, groups=["research"])
    cursor = database.read_now(changes.newest)
    change = InstanceTypeUpdate(version=made.version, groups=("other",))
    database.write_now(instance_types.update, cast.platform_admin, made.slug, change)
    told, _ = database.read_now(changes.read, cursor)
    assert {(c.kind, c.id, c.group_id) for c in told} == {
        ("instance-type", made.id, cast.group.id),
        ("instance-type", made.id, cast.other_group.id),
    }


def test_lists_are_searched_sorted_and_paged(database: Database, cast: Cast) -> None:
    for name, cpu in (("a", 4), ("b", 1), ("c", 2)):
        _make(database, cast, name, cpu_limit=cpu, description=f"for {name * 3}")

    def ask(**query: Any) -> list[str]:
        page = database.read_now(instance_types.list_, cast.member, PageQuery(**query))
        return [item.name for item in page.items]

    assert ask(sort="-cpu_limit") == ["a", "c", "b"]
    assert ask(search="BBB") == ["b"]
    assert ask(page=2, page_size=2) == ["c"]
    with pytest.raises(Invalid, match="sort"):
        ask(sort="secret")
