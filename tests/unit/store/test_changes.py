"""The stream of changes: nothing is missed, whatever the order of commits, and nobody hears of others' groups."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from primehub_services.domain.identity import Actor
from primehub_services.domain.system import Change, visible
from primehub_services.store import changes
from primehub_services.store.changes import Cursor
from primehub_services.store.database import Database
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support import factories
from tests.support.clock import FixedClock
from tests.support.factories import Cast


def _write(database: Database, *names: str) -> None:
    def record(uow: UnitOfWork) -> None:
        for name in names:
            uow.changed("group", name, "update")
            uow.session.flush()

    database.write_now(record)


def _read(database: Database, cursor: Cursor) -> tuple[list[str], Cursor]:
    found, after = database.read_now(changes.read, cursor)
    return [change.id for change in found], after


@contextmanager
def _open_transaction(database: Database) -> Iterator[UnitOfWork]:
    """A transaction beside the writer's, committed at the end."""
    with database._begin(write=True) as uow:
        yield uow


def test_a_reader_gets_each_change_once_in_order(database: Database) -> None:
    _write(database, "before")
    cursor = database.read_now(changes.newest)
    assert _read(database, cursor)[0] == []
    _write(database, "a", "b")
    found, cursor = _read(database, cursor)
    assert found == ["a", "b"]
    _write(database, "c")
    found, cursor = _read(database, cursor)
    assert found == ["c"]
    assert _read(database, cursor)[0] == []


def test_a_limit_leaves_the_rest_for_the_next_time(database: Database) -> None:
    cursor = database.read_now(changes.newest)
    _write(database, *"abcde")
    seen = []
    for _ in range(3):
        found, cursor = database.read_now(changes.read, cursor, limit=2)
        seen += [change.id for change in found]
    assert seen == list("abcde")


on_postgres = pytest.mark.parametrize(
    # SQLite has one writer at a time: its numbers appear in order
    "database_url",
    [pytest.param("postgres", marks=pytest.mark.postgres)],
    indirect=True,
)


@on_postgres
def test_a_change_that_is_committed_late_is_not_missed(database: Database) -> None:
    cursor = database.read_now(changes.newest)
    with _open_transaction(database) as late:
        late.changed("group", "late", "update")
        late.session.flush()
        _write(database, "early")
        found, cursor = _read(database, cursor)
        assert found == ["early"]
        _write(database, "more")
        found, cursor = _read(database, cursor)
        assert found == ["more"]
    found, cursor = _read(database, cursor)
    assert found == ["late"]
    assert _read(database, cursor)[0] == []


@on_postgres
def test_a_late_change_is_not_missed_by_one_who_comes_back_or_begins(database: Database) -> None:
    with _open_transaction(database) as late:
        late.changed("group", "late", "update")
        late.session.flush()
        _write(database, "early")
        (early,), _ = database.read_now(changes.read, Cursor(0))
        resumed = database.read_now(changes.resume, early.seq)
        fresh = database.read_now(changes.newest)
        assert not resumed.lost
    assert _read(database, resumed.cursor)[0] == ["late"]
    assert _read(database, fresh)[0] == ["late"]


@on_postgres
def test_a_number_that_was_rolled_back_is_given_up(database: Database, clock: FixedClock) -> None:
    cursor = database.read_now(changes.newest)
    with _open_transaction(database) as gone:
        gone.changed("group", "gone", "update")
        gone.session.flush()
        gone.session.rollback()
    _write(database, "a")
    _, cursor = _read(database, cursor)
    assert len(cursor.missing) == 1
    clock.advance(changes.PATIENCE.total_seconds() + 1)
    _, cursor = _read(database, cursor)
    assert cursor.missing == {}


def test_one_who_comes_back_reads_on_from_the_number(database: Database) -> None:
    _write(database, "a", "b", "c")
    everything, _ = database.read_now(changes.read, Cursor(0))
    resumed = database.read_now(changes.resume, everything[0].seq)
    assert not resumed.lost
    assert _read(database, resumed.cursor)[0] == ["b", "c"]


def test_one_who_was_away_for_too_long_is_told_that_changes_are_lost(database: Database, clock: FixedClock) -> None:
    _write(database, "a", "b", "c")
    everything, _ = database.read_now(changes.read, Cursor(0))
    clock.advance(3600)
    _write(database, "d")
    assert database.write_now(changes.sweep, clock.now - timedelta(minutes=10)) == 3
    assert database.read_now(changes.resume, everything[0].seq).lost
    assert not database.read_now(changes.resume, everything[2].seq).lost
    assert database.read_now(changes.resume, everything[2].seq + 100).lost, "of another database"


def test_the_sweep_takes_the_oldest_first_and_no_more_than_asked(database: Database, clock: FixedClock) -> None:
    _write(database, "a", "b", "c")
    clock.advance(3600)
    assert database.write_now(changes.sweep, clock.now, limit=1) == 1
    assert _read(database, Cursor(0))[0] == ["b", "c"]


def test_the_sweep_keeps_the_newest_so_that_numbers_never_repeat(database: Database, clock: FixedClock) -> None:
    _write(database, "a", "b")
    cursor = database.read_now(changes.newest)
    clock.advance(3600)
    database.write_now(changes.sweep, clock.now)
    _write(database, "c")
    assert _read(database, cursor)[0] == ["c"]


def test_an_empty_store_has_lost_nothing(database: Database) -> None:
    assert not database.read_now(changes.resume, 0).lost
    assert database.read_now(changes.resume, 7).lost


def _change(kind: str = "notebook", group: str | None = None, account: str | None = None) -> Change:
    return Change(seq=1, kind=kind, id="x", action="update", group_id=group, account_id=account)


def _told(cast: Cast, change: Change) -> set[str]:
    return {name for name, actor in cast.everyone().items() if visible(change, actor)}


def test_who_is_told_of_what(database: Database, cast: Cast) -> None:
    assert cast.member.account is not None
    assert cast.outsider.account is not None
    ann, olga = cast.member.account.id, cast.outsider.account.id
    assert _told(cast, _change(group=cast.group.id)) == {"member", "group_admin", "notebook", "platform_admin"}
    assert _told(cast, _change(group=cast.other_group.id)) == {"outsider", "platform_admin"}
    assert _told(cast, _change("account", account=ann)) == {"member", "notebook", "platform_admin"}
    assert _told(cast, _change("account", account=olga)) == {"outsider", "platform_admin"}
    # of a group that the person has just left
    assert _told(cast, _change("membership", group="left", account=ann)) == {"member", "platform_admin"}
    assert _told(cast, _change("secret", group="")) == {"platform_admin"}
    assert _told(cast, _change("group")) == {"platform_admin"}
    people = {"member", "group_admin", "outsider", "platform_admin", "notebook"}
    for kind in ("settings", "announcement", "instance-type", "image", "volume"):
        assert _told(cast, _change(kind)) == people


def test_a_disabled_person_is_told_nothing(database: Database, cast: Cast) -> None:
    def disable(uow: UnitOfWork) -> Actor:
        return factories.actor(uow, factories.account(uow, "gone", enabled=False, platform_admin=True))

    actor = database.write_now(disable)
    assert not any(visible(_change(kind), actor) for kind in ("settings", "notebook"))
