"""Who leads: one at a time, whoever is quick after it, and nothing is written by one who does not any more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest

from primehub_services.store import leader
from primehub_services.store.database import Database
from primehub_services.store.leader import Election, NotLeading, Term
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support import databases, factories
from tests.support.waiting import wait_for, wait_for_async

pytestmark = [pytest.mark.asyncio, pytest.mark.postgres]


@pytest.fixture
def store(migrated_postgres: str) -> Database:
    """A store that can elect."""
    databases.empty(migrated_postgres)
    return Database(migrated_postgres)


@asynccontextmanager
async def candidate(database: Database, name: str) -> AsyncIterator[Election]:
    """One that stands for election until the block ends."""
    election = Election(database, name)
    election.start()
    try:
        yield election
    finally:
        await asyncio.to_thread(election.stop)


def _add_group(uow: UnitOfWork, name: str) -> None:
    factories.group(uow, name)


async def test_one_leads_and_the_next_follows_as_soon_as_it_ends(store: Database) -> None:
    async with candidate(store, "second") as second, candidate(store, "first") as first:
        waits = [asyncio.ensure_future(one.next_term()) for one in (first, second)]
        (won,), (waiting,) = await asyncio.wait(waits, timeout=10, return_when=asyncio.FIRST_COMPLETED)
        assert won.result().holds()
        known = store.read_now(leader.leadership)
        assert known is not None
        assert known.held
        winner, loser = (first, second) if won is waits[0] else (second, first)
        assert known.holder == winner.holder
        assert not waiting.done()
        await asyncio.to_thread(winner.stop)
        term = await asyncio.wait_for(waiting, 30)
        assert term.holds()
        assert not won.result().holds()
        known = store.read_now(leader.leadership)
        assert known is not None
        assert (known.holder, known.held) == (loser.holder, True)


async def test_a_term_that_is_over_writes_nothing(store: Database) -> None:
    async with candidate(store, "first") as first:
        stale = await first.next_term()
        guarded = store.guarded(stale.guard)
        await guarded.write(_add_group, "before")
    async with candidate(store, "second") as second:
        term = await second.next_term()
        with pytest.raises(NotLeading):
            await guarded.write(_add_group, "after")
        await store.guarded(term.guard).write(_add_group, "own")
    with store.engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT name FROM groups ORDER BY name").scalars().all()
    assert found == ["before", "own"]


async def test_what_a_term_is_writing_is_committed_before_the_next_one_begins(store: Database) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def slow(uow: UnitOfWork) -> None:
        factories.group(uow, "slow")
        uow.session.flush()
        inside.set()
        go_on.wait(10)

    async with candidate(store, "first") as first:
        term = await first.next_term()
        writing = asyncio.ensure_future(store.guarded(term.guard).write(slow))
        await asyncio.to_thread(inside.wait, 10)
    async with candidate(store, "second") as second:
        following = asyncio.ensure_future(second.next_term())
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        with store.engine.connect() as connection:
            await wait_for_async(lambda: connection.exec_driver_sql(waiting).scalar(), what="the next one waits")
        assert not following.done()
        go_on.set()
        await writing
        assert (await asyncio.wait_for(following, 30)).holds()


async def test_whose_connection_is_cut_does_not_lead_any_more(store: Database) -> None:
    async with candidate(store, "first") as first:
        term = await first.next_term()
        _end_sessions(store)
        await asyncio.wait_for(term.over(), 3)
        again = await asyncio.wait_for(first.next_term(), 5)
        assert again.holds()
        assert again.id != term.id


async def test_the_server_ends_the_session_of_who_is_silent(store: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leader, "LEASE", 1.0)
    monkeypatch.setattr(leader, "BEAT", 60.0)  # as if it were stopped
    async with candidate(store, "first") as first:
        await first.next_term()
        wait_for(lambda: not _held(store), 5, what="the lock is free")


async def test_who_has_not_heard_of_the_server_for_long_does_not_believe_that_it_leads() -> None:
    term = Term(0.0)
    assert not term.holds()
    term.extend(float("inf"))
    assert not term.holds()
    await asyncio.wait_for(term.over(), 1)


async def test_sqlite_elects_nobody(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: object) -> None:
    with pytest.raises(leader.ElectionError, match="PostgreSQL"):
        Database(f"sqlite:///{migrated_sqlite}").read_now(leader.check)


def _held(store: Database) -> bool:
    known = store.read_now(leader.leadership)
    assert known is not None
    return known.held


def _end_sessions(store: Database) -> None:
    """As an administrator of the database would, of whoever holds a lock."""
    with psycopg.connect(store.url.set(drivername="postgresql").render_as_string(hide_password=False)) as connection:
        ours = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        held = f"SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND {ours}"
        connection.execute(f"SELECT pg_terminate_backend(pid) FROM ({held}) AS held")
