"""Migrations: the models are what the revisions make, and upgrades are safe side by side and after crashes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext

from primehub_services.store import migrate
from primehub_services.store.orm import Base
from tests.support import databases


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'a %(b)s.sqlite'}"
    else:
        with databases.postgres_database(databases.postgres_server()) as url:
            yield url


def _tables(url: str) -> set[str]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    return set(sa.inspect(engine).get_table_names())


def test_the_models_are_what_the_revisions_make(empty_url: str) -> None:
    migrate.upgrade(empty_url)
    engine = sa.create_engine(empty_url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_every_partial_index_exists_with_its_condition(database_url: str) -> None:
    # compare_metadata does not look at the conditions of indexes
    engine = sa.create_engine(database_url, poolclass=sa.NullPool)
    dialect = engine.dialect.name
    for table in Base.metadata.sorted_tables:
        found = {index["name"]: index for index in sa.inspect(engine).get_indexes(table.name)}
        for index in table.indexes:
            condition = index.dialect_options[dialect]["where"]
            actual = found[index.name].get("dialect_options", {}).get(f"{dialect}_where")
            assert _plain(actual) == _plain(condition), index.name


def _plain(condition: object) -> str:
    return str(condition if condition is not None else "").replace("(", "").replace(")", "")


def test_a_second_upgrade_changes_nothing(empty_url: str) -> None:
    migrate.upgrade(empty_url)
    before = _tables(empty_url)
    migrate.upgrade(empty_url)
    assert _tables(empty_url) == before


def test_processes_that_upgrade_at_once_all_succeed(empty_url: str) -> None:
    code = "import sys; from primehub_services.store.migrate import upgrade; sys.stdin.readline(); upgrade(sys.argv[1])"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, empty_url], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    errors = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], errors
    assert set(Base.metadata.tables) < _tables(empty_url)


def test_an_upgrade_that_fails_half_way_leaves_nothing(empty_url: str) -> None:
    engine = sa.create_engine(empty_url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        # stands in the way of a table that is made late
        connection.execute(sa.text("CREATE TABLE group_images (x INTEGER)"))
    with pytest.raises(migrate.MigrationError, match=r"not changed.*group_images"):
        migrate.upgrade(empty_url)
    assert _tables(empty_url) == {"group_images"}


def test_a_database_of_a_newer_version_is_refused_with_what_to_do(empty_url: str) -> None:
    migrate.upgrade(empty_url)
    engine = sa.create_engine(empty_url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(migrate.MigrationError, match=r"9999.*[Ii]nstall that version"):
        migrate.upgrade(empty_url)


def test_rows_survive_a_table_that_is_rebuilt(tmp_path: Path) -> None:
    """On SQLite a changed table is made anew and the old one dropped: nothing may cascade from that."""
    url = f"sqlite:///{tmp_path / 'primehub.sqlite'}"
    migrate.upgrade(url)
    with migrate.exclusive(url) as connection:
        connection.execute(sa.text("CREATE TABLE child (slug VARCHAR(40) REFERENCES groups(slug) ON DELETE CASCADE)"))
        connection.execute(
            sa.text(
                "INSERT INTO groups (id, version, name, slug, display_name, description, shared_volume, "
                "launch_group_only, created_at) VALUES ('g', 1, 'g', 'g', '', '', 1, 1, '2026-01-01')"
            )
        )
        connection.execute(sa.text("INSERT INTO child VALUES ('g')"))
    with migrate.exclusive(url) as connection:
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table("groups", recreate="always") as batch:
            batch.add_column(sa.Column("colour", sa.String(10)))
    with migrate.exclusive(url) as connection:
        assert connection.execute(sa.text("SELECT slug FROM child")).all() == [("g",)]


def test_a_folder_that_is_not_there_is_named_with_what_to_check(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'absent' / 'primehub.sqlite'}"
    with pytest.raises(migrate.MigrationError, match=r"absent/primehub\.sqlite.*folder is there"):
        migrate.upgrade(url)


@pytest.mark.parametrize("host", ["127.0.0.1", "nobody.invalid"])
def test_a_server_that_does_not_answer_is_away_and_named_without_its_password(host: str) -> None:
    with pytest.raises(migrate.DatabaseAway, match=r"cannot be reached.*Check that the server runs") as caught:
        migrate.upgrade(f"postgresql+psycopg://ann:hunter2@{host}:9/primehub")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "words",
    [
        "the database system is starting up",
        "the database system is not yet accepting connections",
        "sorry, too many clients already",
    ],
)
def test_a_server_that_refuses_everybody_for_a_while_is_away(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    def refuses(*_: Any, **_more: Any) -> None:
        raise psycopg.OperationalError(f'connection failed: connection to server at "x" failed: FATAL:  {words}')

    monkeypatch.setattr(psycopg, "connect", refuses)
    with pytest.raises(migrate.DatabaseAway, match=words):
        migrate.upgrade("postgresql+psycopg://ann@x/primehub")


@pytest.mark.postgres
def test_a_database_that_the_server_does_not_have_is_not_waited_for() -> None:
    url = sa.make_url(databases.postgres_server()).set(database="nobodys")
    with pytest.raises(migrate.MigrationError, match=r"cannot be reached.*nobodys.*does not exist") as caught:
        migrate.upgrade(url.render_as_string(hide_password=False))
    assert not isinstance(caught.value, migrate.DatabaseAway)


def test_a_group_that_was_there_keeps_to_restricted_and_the_change_can_be_taken_back(empty_url: str) -> None:
    def columns(connection: sa.Connection) -> set[str]:
        return {column["name"] for column in sa.inspect(connection).get_columns("groups")}

    with migrate.exclusive(empty_url) as connection:
        command.upgrade(migrate.configuration(connection), "0002")
        insert = "INSERT INTO groups (id, version, name, slug, display_name, description, shared_volume, launch_group_only, created_at)"
        connection.execute(
            sa.text(f"{insert} VALUES ('g', 1, 'g', 'g', '', '', :yes, :yes, '2026-01-01')"), {"yes": True}
        )
    migrate.upgrade(empty_url)
    with migrate.exclusive(empty_url) as connection:
        assert connection.execute(sa.text("SELECT pod_security FROM groups")).all() == [("restricted",)]
        command.downgrade(migrate.configuration(connection), "0002")
        assert "pod_security" not in columns(connection)
        assert connection.execute(sa.text("SELECT slug FROM groups")).all() == [("g",)]
