"""What is still open of people who left is ended, and only then forgotten."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa

from primehub_services.controllers import HubServer, HubUnavailable, LeavingController, leaving
from primehub_services.domain.notebooks import NotebookPhase
from primehub_services.hub import HubRefusal
from primehub_services.store.database import Database
from primehub_services.store.orm import AccountRow, GroupRow, MembershipRow
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support import factories
from tests.support.clock import FixedClock
from tests.support.factories import Cast
from tests.support.waiting import wait_for_async

from .world import Start, make_start


@pytest.fixture
def start(database: Database, cast: Cast, clock: FixedClock) -> Start:
    begun = make_start(database, cast, clock)
    begun.go(last="become_ready")
    begun.hub.known = {"ann", "gil"}
    return begun


@pytest.fixture
def woken() -> list[str]:
    return []


@pytest.fixture
def controller(start: Start, woken: list[str]) -> LeavingController:
    return LeavingController(start.database, start.hub, stopping=lambda: woken.append("notebooks"))


def change(start: Start, **columns) -> None:
    """Change ann's account."""
    statement = sa.update(AccountRow).where(AccountRow.name == "ann").values(**columns)
    start.database.write_now(lambda uow: uow.session.execute(statement))


def left_at(start: Start):
    statement = sa.select(AccountRow.left_at).where(AccountRow.name == "ann")
    return start.database.read_now(lambda uow: uow.session.scalar(statement))


async def test_a_disabled_account_loses_tokens_servers_and_its_hub_user(start, controller, woken) -> None:
    change(start, enabled=False, left_at=start.clock.now)

    await controller.step(start.clock.now)

    acts = [call for call in start.hub.calls if call[0] != "servers"]
    assert acts == [("revoke", "ann"), ("stop", "ann", ""), ("delete", "ann")]
    assert "ann" not in start.hub.known
    assert left_at(start) is None
    assert woken == ["notebooks"]
    assert (start.notebook().phase, start.notebook().reason) == (NotebookPhase.STOPPED, "account disabled")


async def test_a_departure_that_the_hub_cannot_finish_is_taken_up_again(start, controller) -> None:
    change(start, enabled=False, left_at=start.clock.now)
    start.hub.refuses["stop", "ann", ""] = HubRefusal(400, "is pending spawn, please wait")

    await controller.step(start.clock.now)
    assert left_at(start) is not None
    assert ("revoke", "ann") in start.hub.calls
    assert "ann" in start.hub.known
    start.hub.refuses.clear()
    await controller.step(start.clock.now)

    assert left_at(start) is None
    assert "ann" not in start.hub.known


async def test_one_departure_that_fails_holds_up_no_other(start, controller) -> None:
    change(start, enabled=False, left_at=start.clock.now)
    start.database.write_now(
        lambda uow: uow.session.execute(
            sa.update(AccountRow).where(AccountRow.name == "gil").values(enabled=False, left_at=start.clock.now)
        )
    )
    start.hub.refuses["revoke", "ann"] = HubRefusal(500, "no")

    with pytest.raises(HubRefusal):
        await controller.step(start.clock.now)

    assert "gil" not in start.hub.known
    assert left_at(start) is not None


async def test_while_the_hub_is_away_the_departure_waits(start, controller) -> None:
    change(start, enabled=False, left_at=start.clock.now)
    start.hub.up = False

    with pytest.raises(HubUnavailable):
        await controller.step(start.clock.now)

    assert left_at(start) is not None
    # what needs no hub is done
    assert start.notebook().phase is NotebookPhase.STOPPING


async def test_who_was_enabled_again_meanwhile_is_signed_out_but_stays(start, controller) -> None:
    change(start, left_at=start.clock.now)

    await controller.step(start.clock.now)

    assert ("revoke", "ann") in start.hub.calls
    assert "ann" in start.hub.known
    assert left_at(start) is None


@pytest.mark.parametrize("reason", ["left the group", "group deleted"])
async def test_notebooks_of_a_membership_that_ended_are_asked_to_stop_once(start, controller, woken, reason) -> None:
    def end(uow: UnitOfWork) -> None:
        if reason == "group deleted":
            uow.session.execute(sa.update(GroupRow).values(deleted_at=uow.now))
        else:
            uow.session.execute(sa.delete(MembershipRow))

    start.database.write_now(end)

    await controller.step(start.clock.now)
    await controller.step(start.clock.now)

    assert (start.notebook().phase, start.notebook().reason) == (NotebookPhase.STOPPING, reason)
    assert woken == ["notebooks"]
    assert start.hub.calls == []


async def test_where_nobody_left_the_hub_is_not_asked(start, controller) -> None:
    await controller.step(start.clock.now)

    assert start.hub.calls == []
    assert start.notebook().phase is NotebookPhase.RUNNING


async def test_every_server_of_the_person_stops(start, controller) -> None:
    start.hub.present["ann", "second"] = HubServer("ann", "second", True, None, None, "")
    change(start, enabled=False, left_at=start.clock.now)

    await controller.step(start.clock.now)

    assert start.hub.present == {}


class Slow:
    """A method of the hub that does not answer before it is let go; who asked it."""

    def __init__(self, hub, method: str, *, only: str | None = None) -> None:
        self.asked: list[str] = []
        self.let_go = asyncio.Event()
        self._real, self._only = getattr(hub, method), only
        setattr(hub, method, self)

    async def __call__(self, user: str, *args):
        self.asked.append(user)
        if self._only in (None, user):
            await self.let_go.wait()
        return await self._real(user, *args)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaving, "PATIENCE", 0.05)


def leave(start: Start, *names: str) -> None:
    """Disable the accounts; those that are not there yet are made, each with a server at the hub."""

    def write(uow: UnitOfWork) -> None:
        known = set(uow.session.scalars(sa.select(AccountRow.name)))
        for name in names:
            if name not in known:
                factories.account(uow, name)
        uow.session.flush()
        statement = sa.update(AccountRow).where(AccountRow.name.in_(names))
        uow.session.execute(statement.values(enabled=False, left_at=uow.now))

    for name in names:
        start.hub.known.add(name)
        start.hub.present[name, ""] = HubServer(name, "", True, None, None, "")
    start.database.write_now(write)


def waiting(start: Start) -> set[str]:
    """Whose departure is not finished."""
    statement = sa.select(AccountRow.name).where(AccountRow.left_at.is_not(None))
    return start.database.read_now(lambda uow: set(uow.session.scalars(statement)))


def revoked(start: Start) -> set[str]:
    return {call[1] for call in start.hub.calls if call[0] == "revoke"}


@pytest.mark.parametrize("method", ["revoke_tokens", "stop_server", "delete_user"])
async def test_a_slow_departure_holds_up_nobody_who_leaves_later(start, controller, impatient, method) -> None:
    slow = Slow(start.hub, method, only="ann")
    leave(start, "ann")
    await controller.step(start.clock.now)
    assert slow.asked == ["ann"]
    leave(start, "gil")

    await controller.step(start.clock.now)

    assert "gil" in revoked(start)
    assert waiting(start) == {"ann"}
    assert slow.asked.count("ann") == 1, "it is under way and not begun once more"
    slow.let_go.set()
    await controller.step(start.clock.now)
    assert waiting(start) == set()


async def test_everybodys_tokens_are_revoked_before_the_many_servers_have_ended(start, controller, impatient) -> None:
    names = [f"person{number}" for number in range(40)]
    slow = Slow(start.hub, "stop_server")
    leave(start, *names)

    await controller.step(start.clock.now)
    await wait_for_async(lambda: revoked(start) == set(names))

    assert len(slow.asked) == leaving.ENDED_AT_ONCE
    slow.let_go.set()

    async def over() -> bool:
        await controller.step(start.clock.now)
        return not waiting(start)

    await wait_for_async(over)
    assert ("ann", "") in start.hub.present
    assert start.hub.known == {"ann", "gil"}


async def test_who_is_enabled_again_while_it_ends_keeps_the_hubs_user(start, controller, impatient) -> None:
    slow = Slow(start.hub, "stop_server")
    leave(start, "ann")
    await controller.step(start.clock.now)
    change(start, enabled=True)

    slow.let_go.set()
    await controller.step(start.clock.now)

    assert waiting(start) == set()
    assert "ann" in start.hub.known
