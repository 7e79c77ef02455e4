"""Fixtures that every part of the test suite may use."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from primehub_services.store import migrate
from primehub_services.store.database import Database
from tests.support import databases, factories
from tests.support.clock import FixedClock
from tests.support.factories import Cast
from tests.support.turns import alone, among_others

BACKENDS = ("sqlite", pytest.param("postgres", marks=pytest.mark.postgres))


@pytest.fixture
def clock() -> FixedClock:
    """The clock of ``database``; it stands still until the test moves it."""
    return FixedClock()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to copy."""
    path = tmp_path_factory.mktemp("migrated") / "primehub.sqlite"
    migrate.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_postgres() -> Iterator[str]:
    """The URL of a migrated PostgreSQL database of this run."""
    with databases.postgres_database(databases.postgres_server()) as url:
        migrate.upgrade(url)
        yield url


@pytest.fixture(params=BACKENDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a migrated database without any row; the test runs once for each kind."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_sqlite"), tmp_path / "primehub.sqlite")
        return f"sqlite:///{tmp_path / 'primehub.sqlite'}"
    url: str = request.getfixturevalue("migrated_postgres")
    databases.empty(url)
    return url


@pytest.fixture
def database(database_url: str, clock: FixedClock) -> Iterator[Database]:
    """An empty store on ``clock``, on SQLite and on PostgreSQL."""
    opened = Database(database_url, clock=clock)
    yield opened
    opened.close()


@pytest.fixture
def cast(database: Database) -> Cast:
    """Two groups and one of each kind of person."""
    return database.write_now(factories.cast)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Every test beside those of other processes, as far as none of them needs the machine alone, as those with the marker
    ``alone`` do. To wait for one's turn costs nothing of a test's time limit."""
    with among_others(), alone() if item.get_closest_marker("alone") else nullcontext():
        return (yield)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures that tests took with ``record_property``, also where several processes ran them."""
    for report in terminalreporter.getreports("passed"):
        for name, figure in report.user_properties:
            terminalreporter.write_line(f"{report.nodeid}: {name}: {figure}")
