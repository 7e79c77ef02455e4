"""Whoever loses a right while a request of theirs is on its way keeps nothing by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from primehub_services.domain.identity import AccountCreate, AccountUpdate, Actor, MembershipPut, Role
from primehub_services.domain.problems import Forbidden, Unauthenticated
from primehub_services.domain.system import InvitationCreate
from primehub_services.operations import accounts, invitations, members
from primehub_services.store.database import Database
from primehub_services.store.orm import AccountRow, InvitationRow
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support import factories
from tests.support.clock import FixedClock
from tests.support.factories import Cast
from tests.support.identity import account_row, rows
from tests.support.waiting import wait_for

INTO_GROUP = InvitationCreate(group="research")


@pytest.fixture
def replica(database_url: str, clock: FixedClock) -> Iterator[Database]:
    """The same store, opened as another process would."""
    opened = Database(database_url, clock=clock)
    yield opened
    opened.close()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as made:
        yield made


@pytest.fixture
def boss(database: Database, cast: Cast) -> Actor:
    """A second platform admin."""

    def make(uow: UnitOfWork) -> Actor:
        return factories.actor(uow, factories.account(uow, "boss", platform_admin=True))

    return database.write_now(make)


def waits(uow: UnitOfWork, other: Future[object]) -> bool:
    """Whether the other transaction waits for this one, or is over."""
    if other.done() or uow.dialect == "sqlite":  # where one writer waits for the other from its first statement
        return True
    return bool(uow.session.scalar(sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")))


def disabled(database: Database, cast: Cast, name: str) -> AccountUpdate:
    return AccountUpdate(version=account_row(database, name).version, enabled=False)


def links(database: Database) -> list[str]:
    return [row.created_by for row in rows(database, sa.select(InvitationRow))]


@pytest.mark.parametrize("ends", ["membership", "role", "account"])
def test_who_is_put_out_meanwhile_makes_no_link_that_stays(
    database: Database, replica: Database, cast: Cast, pool: ThreadPoolExecutor, ends: str
) -> None:
    root, gil = cast.platform_admin, cast.group_admin
    takes_away: dict[str, Callable[[UnitOfWork], object]] = {
        "membership": lambda uow: members.delete(uow, root, "research", "gil"),
        "role": lambda uow: members.put(uow, root, "research", "gil", MembershipPut(role=Role.MEMBER)),
        "account": lambda uow: accounts.update(uow, root, "gil", update),
    }
    update = disabled(database, cast, "gil")

    def invite(uow: UnitOfWork) -> Future[object]:
        invitations.create(uow, gil, INTO_GROUP)
        other = pool.submit(replica.write_now, takes_away[ends])
        wait_for(lambda: waits(uow, other))
        return other

    database.write_now(invite).result(10)
    assert links(database) == []


@pytest.mark.parametrize("ends", ["membership", "role", "account"])
def test_who_was_put_out_before_it_was_their_turn_makes_none(
    database: Database, replica: Database, cast: Cast, pool: ThreadPoolExecutor, ends: str
) -> None:
    root, gil = cast.platform_admin, cast.group_admin
    update = disabled(database, cast, "gil")

    def put_out(uow: UnitOfWork) -> Future[object]:
        if ends == "membership":
            members.delete(uow, root, "research", "gil")
        elif ends == "role":
            members.put(uow, root, "research", "gil", MembershipPut(role=Role.MEMBER))
        else:
            accounts.update(uow, root, "gil", update)
        # gil's request was recognised before
        other: Future[object] = pool.submit(replica.write_now, invitations.create, gil, INTO_GROUP)
        wait_for(lambda: waits(uow, other))
        return other

    with pytest.raises((Forbidden, Unauthenticated)):
        database.write_now(put_out).result(10)
    assert links(database) == []


def test_a_group_admin_who_was_put_out_does_not_come_back_by_a_request_on_its_way(
    database: Database, cast: Cast
) -> None:
    database.write_now(members.delete, cast.platform_admin, "research", "gil")
    with pytest.raises(Forbidden):
        database.write_now(members.put, cast.group_admin, "research", "gil", MembershipPut(role=Role.ADMIN))


def test_a_platform_admin_who_was_one_undoes_nothing_by_a_request_on_its_way(
    database: Database, replica: Database, cast: Cast, boss: Actor, pool: ThreadPoolExecutor
) -> None:
    demotion = AccountUpdate(version=account_row(database, "boss").version, platform_admin=False)
    undoing = AccountUpdate(version=demotion.version + 1, platform_admin=True)

    def demote(uow: UnitOfWork) -> list[Future[object]]:
        accounts.update(uow, cast.platform_admin, "boss", demotion)
        others: list[Future[object]] = [
            pool.submit(replica.write_now, accounts.update, boss, "boss", undoing),
            pool.submit(replica.write_now, accounts.create, boss, AccountCreate(name="mole", platform_admin=True)),
        ]
        wait_for(lambda: all(waits(uow, other) for other in others))
        return others

    for other in database.write_now(demote):
        with pytest.raises(Forbidden):
            other.result(10)
    for operation, arguments in (
        (invitations.create, (InvitationCreate(user="ann"),)),
        (accounts.set_temporary_password, ("ann", "password", "hash")),
    ):
        with pytest.raises(Forbidden):
            database.write_now(operation, boss, *arguments)
    assert links(database) == []
    admins = rows(database, sa.select(AccountRow).where(AccountRow.platform_admin))
    assert [row.name for row in admins] == ["root"]
