"""The audit log: filters, order, and who reads it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from primehub_services.domain.paging import PageQuery
from primehub_services.domain.problems import Forbidden, Invalid
from primehub_services.operations import audit
from primehub_services.store.database import Database
from primehub_services.store.orm import GroupRow
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support.clock import FixedClock
from tests.support.factories import Cast


@pytest.fixture
def log(database: Database, cast: Cast, clock: FixedClock) -> None:
    """Four changes, a minute apart; the clock stands at the last one."""

    def write(uow: UnitOfWork, number: int) -> None:
        actor = cast.platform_admin if number % 2 == 0 else cast.spawner
        group = (cast.group, None, cast.other_group, cast.group)[number]
        action = ("group.create", "claim.create", "group.update", "groupie.create")[number]
        uow.audit(actor, action, f"target-{number}", group_id=group.id if group else None, number=number)

    for number in range(4):
        if number:
            clock.advance(60)
        database.write_now(write, number)


def _numbers(database: Database, cast: Cast, query: PageQuery | None = None, **filters: Any) -> list[int]:
    page = database.read_now(audit.list_, cast.platform_admin, query or PageQuery(), **filters)
    return [event.details["number"] for event in page.items]


@pytest.mark.usefixtures("log")
def test_it_is_read_newest_first_and_filtered(database: Database, cast: Cast, clock: FixedClock) -> None:
    assert _numbers(database, cast) == [3, 2, 1, 0]
    assert _numbers(database, cast, actor="root") == [2, 0]
    assert _numbers(database, cast, actor="service:primehub-spawner") == [3, 1]
    assert _numbers(database, cast, action="group") == [2, 0], "a noun is not the beginning of another"
    assert _numbers(database, cast, action="group.create") == [0]
    assert _numbers(database, cast, group="research") == [3, 0]
    assert _numbers(database, cast, group="absent") == []
    minute = timedelta(minutes=1)
    assert _numbers(database, cast, since=clock.now - 2 * minute, until=clock.now) == [2, 1]
    assert _numbers(database, cast, PageQuery(page=2, page_size=3)) == [0]
    assert _numbers(database, cast, PageQuery(sort="at")) == [0, 1, 2, 3]
    assert _numbers(database, cast, PageQuery(search="TARGET-1")) == [1]


@pytest.mark.usefixtures("log")
def test_a_deleted_group_is_still_named(database: Database, cast: Cast) -> None:
    def bury(uow: UnitOfWork) -> None:
        uow.session.get_one(GroupRow, cast.other_group.id).deleted_at = uow.now

    database.write_now(bury)
    page = database.read_now(audit.list_, cast.platform_admin, PageQuery(), group="other")
    assert [event.group for event in page.items] == ["other"]


def test_only_platform_admins_read_it(database: Database, cast: Cast) -> None:
    for name, actor in cast.everyone().items():
        if name != "platform_admin":
            with pytest.raises(Forbidden):
                database.read_now(audit.list_, actor, PageQuery())


def test_an_end_before_the_beginning_is_refused(database: Database, cast: Cast, clock: FixedClock) -> None:
    with pytest.raises(Invalid, match="until"):
        database.read_now(audit.list_, cast.platform_admin, PageQuery(), since=clock.now, until=clock.now)
