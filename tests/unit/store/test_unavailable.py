"""A database that is away, or full, is no mistake of anybody's, and is said to be what it is."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from primehub_services.domain.problems import Unavailable
from primehub_services.store import migrate
from primehub_services.store.database import Database
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support import factories


def ask(uow: UnitOfWork) -> None:
    uow.session.execute(sa.text("SELECT 1"))


def test_a_full_disk_is_called_one_and_nothing_is_half_written(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.sqlite'}"
    migrate.upgrade(url)
    database = Database(url)

    @event.listens_for(database.engine, "connect")
    def full(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA max_page_count=1")  # SQLite takes the present size for it: not a page more

    def fill(uow: UnitOfWork) -> None:
        for number in range(500):
            factories.account(uow, f"person-{number}")

    try:
        with pytest.raises(Unavailable, match="full"):
            database.write_now(fill)
        count = database.read_now(lambda uow: uow.session.scalar(sa.text("SELECT count(*) FROM accounts")))
    finally:
        database.close()
    assert count == 0


def test_a_server_that_is_away_is_said_to_be_and_its_address_is_for_the_log(caplog: pytest.LogCaptureFixture) -> None:
    database = Database("postgresql+psycopg://someone:secret@127.0.0.1:1/primehub?connect_timeout=2")
    try:
        with caplog.at_level(logging.ERROR), pytest.raises(Unavailable, match="does not answer") as caught:
            database.read_now(ask)
    finally:
        database.close()
    assert "127.0.0.1" not in str(caught.value)
    assert "127.0.0.1" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize("database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
def test_a_connection_to_what_became_a_standby_is_not_kept(database: Database) -> None:
    """As after a failover: the address is another server's now, and the old connections can only read."""
    database.write_now(lambda uow: uow.session.execute(sa.text("SET default_transaction_read_only = on")))
    with pytest.raises(Unavailable, match="does not answer"):
        database.write_now(factories.account)
    database.write_now(factories.account)
    assert database.read_now(lambda uow: uow.session.scalar(sa.text("SELECT count(*) FROM accounts"))) == 1


def test_a_mistake_of_ours_is_not_called_a_database_that_is_away(database: Database) -> None:
    with pytest.raises(sa.exc.IntegrityError):
        database.write_now(lambda uow: [factories.account(uow) for _ in range(2)])
