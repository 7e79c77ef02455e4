"""What is old is forgotten, and nothing that is not."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from primehub_services.blobs import FolderLogStore, notebook_key
from primehub_services.controllers import SweepController
from primehub_services.domain.claims import MachineCapacity
from primehub_services.domain.system import SystemSettingsUpdate
from primehub_services.operations import notebooks, system
from primehub_services.store import notebooks as notebook_store
from primehub_services.store.database import Database
from primehub_services.store.orm import ChangeRow, NotebookRow
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support import factories
from tests.support.clock import FixedClock
from tests.support.factories import Cast

from .world import REQUEST


@pytest.fixture
def logs(tmp_path: Path) -> FolderLogStore:
    return FolderLogStore(tmp_path)


def ended(database: Database, cast: Cast, logs: FolderLogStore) -> str:
    started = database.write_now(notebooks.start, cast.member, REQUEST, MachineCapacity())
    database.write_now(notebooks.abandon, started.id, "no hub")
    logs.append(notebook_key(started.id), b"log\n")
    return started.id


async def test_logs_go_before_rows_and_what_runs_stays(
    database: Database, cast: Cast, clock: FixedClock, logs: FolderLogStore
) -> None:
    def fill(uow: UnitOfWork) -> None:
        factories.instance_type(uow)
        factories.image(uow)

    database.write_now(fill)
    sweeper = SweepController(database, logs)
    old = ended(database, cast, logs)
    running = database.write_now(notebooks.start, cast.group_admin, REQUEST, MachineCapacity()).id
    clock.advance(timedelta(days=29).total_seconds())
    young = ended(database, cast, logs)

    def rows() -> set[str]:
        return database.read_now(lambda uow: set(uow.session.scalars(sa.select(NotebookRow.id))))

    await sweeper.step(clock.now)
    assert logs.exists(notebook_key(old))
    clock.advance(timedelta(days=2).total_seconds())
    await sweeper.step(clock.now)
    assert not logs.exists(notebook_key(old))
    assert logs.exists(notebook_key(young))
    assert rows() == {old, young, running}
    clock.advance(timedelta(days=340).total_seconds())
    await sweeper.step(clock.now)
    assert not logs.exists(notebook_key(young))
    assert rows() == {young, running}


async def test_changes_that_every_reader_has_seen_go(database: Database, clock: FixedClock, logs) -> None:
    for number in range(3):
        database.write_now(lambda uow, n=number: uow.changed("group", str(n), "create"))
        clock.advance(timedelta(hours=12).total_seconds())

    await SweepController(database, logs).step(clock.now + timedelta(minutes=1))

    left = database.read_now(lambda uow: list(uow.session.scalars(sa.select(ChangeRow.target_id))))
    assert left == ["2"]


async def test_logs_that_are_kept_for_ever_go_with_the_rows_that_they_are_found_by(
    database: Database, cast: Cast, clock: FixedClock, logs: FolderLogStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(uow: UnitOfWork) -> None:
        factories.instance_type(uow)
        factories.image(uow)

    database.write_now(fill)
    for_ever = SystemSettingsUpdate(version=0, log_retention=0)
    database.write_now(system.update, cast.platform_admin, for_ever)
    old = ended(database, cast, logs)
    clock.advance(timedelta(days=364).total_seconds())
    await SweepController(database, logs).step(clock.now)
    assert logs.exists(notebook_key(old))
    clock.advance(timedelta(days=2).total_seconds())

    def killed(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(notebook_store, "delete", killed)
        with pytest.raises(RuntimeError, match="killed"):
            await SweepController(database, logs).step(clock.now)
    assert not logs.exists(notebook_key(old))
    await SweepController(database, logs).step(clock.now)
    assert database.read_now(lambda uow: uow.session.scalars(sa.select(NotebookRow.id)).all()) == []
