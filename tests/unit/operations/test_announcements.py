"""Announcements: for everyone or one group, while they hold."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from primehub_services.domain.identity import Actor
from primehub_services.domain.paging import PageQuery
from primehub_services.domain.problems import Forbidden, Invalid, NotFound
from primehub_services.domain.system import Announcement, AnnouncementCreate
from primehub_services.operations import announcements
from primehub_services.store.database import Database
from tests.support import factories
from tests.support.clock import FixedClock
from tests.support.factories import Cast


def _create(database: Database, actor: Actor, message: str, **fields: Any) -> Announcement:
    spec = AnnouncementCreate.model_validate({"message": message} | fields)
    return database.write_now(announcements.create, actor, spec)


def _seen(database: Database, actor: Actor, **options: Any) -> list[str]:
    page = database.read_now(announcements.list_, actor, PageQuery(sort="created_at"), **options)
    return sorted(item.message for item in page.items)


def test_people_see_what_is_for_everyone_and_for_their_groups(database: Database, cast: Cast) -> None:
    for message, group in (("all", None), ("ours", "research"), ("theirs", "other")):
        _create(database, cast.platform_admin, message, group=group)
    assert _seen(database, cast.member) == _seen(database, cast.notebook) == ["all", "ours"]
    assert _seen(database, cast.outsider) == ["all", "theirs"]
    assert _seen(database, cast.platform_admin) == ["all"]
    assert _seen(database, cast.platform_admin, all=True) == ["all", "ours", "theirs"]
    loner = database.write_now(lambda uow: factories.actor(uow, factories.account(uow, "zoe")))
    assert _seen(database, loner) == ["all"]
    with pytest.raises(Forbidden):
        _seen(database, cast.member, all=True)
    with pytest.raises(Forbidden):
        _seen(database, cast.spawner)


def test_they_hold_from_their_start_until_their_end(database: Database, cast: Cast, clock: FixedClock) -> None:
    start, end = clock.now + timedelta(hours=1), clock.now + timedelta(hours=2)
    _create(database, cast.platform_admin, "later", starts_at=start, ends_at=end)
    assert _seen(database, cast.member) == []
    clock.now = start
    assert _seen(database, cast.member) == ["later"]
    clock.now = end
    assert _seen(database, cast.member) == []
    assert _seen(database, cast.platform_admin, all=True) == ["later"]


def test_only_platform_admins_make_and_take_them_down(database: Database, cast: Cast) -> None:
    made = _create(database, cast.platform_admin, "all")
    assert made.created_by == "root"
    for name, actor in cast.everyone().items():
        if name != "platform_admin":
            with pytest.raises(Forbidden):
                _create(database, actor, "mine", group="research")
            with pytest.raises(Forbidden):
                database.write_now(announcements.delete, actor, made.id)
    database.write_now(announcements.delete, cast.platform_admin, made.id)
    assert _seen(database, cast.platform_admin, all=True) == []
    with pytest.raises(NotFound):
        database.write_now(announcements.delete, cast.platform_admin, made.id)


def test_what_can_never_be_seen_is_refused_by_field(database: Database, cast: Cast, clock: FixedClock) -> None:
    hour = timedelta(hours=1)
    for field, fields in (
        ("group", {"group": "absent"}),
        ("ends_at", {"ends_at": clock.now - hour}),
        ("ends_at", {"starts_at": clock.now + hour, "ends_at": clock.now + hour}),
    ):
        with pytest.raises(Invalid) as caught:
            _create(database, cast.platform_admin, "x", **fields)
        assert caught.value.errors[0].field == field
