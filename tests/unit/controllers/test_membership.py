"""The hub's people and groups are what PrimeHub says, and nothing of other people's is touched."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from primehub_services.controllers import HubUnavailable, MembershipController
from primehub_services.controllers.membership import RESYNC
from primehub_services.store.database import Database
from primehub_services.store.orm import AccountRow, GroupRow, MembershipRow
from tests.support.clock import FixedClock
from tests.support.factories import Cast

from .world import Engine, Hub


@pytest.fixture
def hub(clock: FixedClock) -> Hub:
    return Hub(Engine(), clock)


@pytest.fixture
def controller(database: Database, cast: Cast, hub: Hub) -> MembershipController:
    return MembershipController(database, hub)


def do(database: Database, *statements) -> None:
    def run(uow) -> None:
        for statement in statements:
            uow.session.execute(statement)

    database.write_now(run)


async def test_an_empty_hub_gets_everybody_and_every_group(controller, hub, clock) -> None:
    await controller.step(clock.now)

    assert hub.known == {"ann", "gil", "olga", "root"}
    assert hub.memberships == {"research": {"ann", "gil"}, "other": {"olga"}}


async def test_where_nothing_changed_the_hub_is_not_asked(controller, hub, clock) -> None:
    await controller.step(clock.now)
    hub.calls.clear()

    await controller.step(clock.now + timedelta(seconds=3))

    assert hub.calls == []


async def test_only_differences_are_written(controller, hub, clock, database) -> None:
    await controller.step(clock.now)
    hub.calls.clear()
    ann = sa.select(AccountRow.id).where(AccountRow.name == "ann").scalar_subquery()
    do(
        database,
        sa.delete(MembershipRow).where(MembershipRow.account_id == ann),
        sa.update(GroupRow).where(GroupRow.slug == "other").values(deleted_at=clock.now),
    )

    await controller.step(clock.now + timedelta(seconds=3))

    assert hub.calls == [
        ("people",),
        ("groups",),
        ("remove", "research", "ann"),
        ("drop", "other"),
    ]


async def test_what_somebody_changed_at_the_hub_is_put_right_after_a_while(controller, hub, clock) -> None:
    await controller.step(clock.now)
    hub.memberships["other"].add("ann")
    hub.known.remove("ann")

    await controller.step(clock.now + RESYNC)

    assert hub.memberships["other"] == {"olga"}
    assert "ann" in hub.known


async def test_who_may_not_sign_in_is_in_no_group_and_is_not_made(controller, hub, clock, database) -> None:
    do(database, sa.update(AccountRow).where(AccountRow.name.in_(["ann", "root"])).values(enabled=False))
    hub.known = {"root"}

    await controller.step(clock.now)

    assert hub.known == {"gil", "olga", "root"}
    assert hub.memberships["research"] == {"gil"}


async def test_people_and_groups_that_are_not_ours_are_left_alone(controller, hub, clock) -> None:
    hub.known = {"operator"}
    hub.memberships = {"theirs": {"operator"}}

    await controller.step(clock.now)

    assert "operator" in hub.known
    assert hub.memberships["theirs"] == {"operator"}


async def test_a_hub_that_went_away_in_the_middle_gets_the_rest_later(controller, hub, clock) -> None:
    hub.refuses["add", "research", "ann", "gil"] = HubUnavailable("gone")
    with pytest.raises(HubUnavailable):
        await controller.step(clock.now)
    hub.refuses.clear()

    await controller.step(clock.now + timedelta(seconds=1))

    assert hub.memberships == {"research": {"ann", "gil"}, "other": {"olga"}}


async def test_a_clock_that_was_set_back_puts_off_no_look_at_the_hub(controller, hub, clock) -> None:
    await controller.step(clock.now)
    hub.memberships["other"].add("ann")

    clock.set_by(-3600)
    await controller.step(clock.now)

    assert hub.memberships["other"] == {"olga"}
    hub.calls.clear()
    clock.advance(3)
    await controller.step(clock.now)
    assert hub.calls == []
