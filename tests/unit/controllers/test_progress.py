"""How far running notebooks are, and how they are started."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from primehub_services.controllers.job_workloads import notebook_files
from primehub_services.controllers.progress import ProgressController
from primehub_services.domain.jobs import Job, NotebookRun
from primehub_services.domain.notebook_runs import PROGRESS, NotebookOrder, read_end, read_progress
from primehub_services.store import changes
from primehub_services.store.database import Database
from primehub_services.store.orm import SnapshotRow
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support.clock import FixedClock
from tests.support.factories import Cast
from tests.support.jobs import World, make_world, spec


@pytest.fixture
def world(database: Database, clock: FixedClock, cast: Cast, tmp_path: Path) -> World:
    return make_world(database, clock, cast, tmp_path)


def uploaded(world: World) -> str:
    """A snapshot of the member's."""

    def add(uow: UnitOfWork) -> str:
        assert world.cast.member.account is not None
        row = SnapshotRow(
            id=uuid.uuid4().hex,
            account_id=world.cast.member.account.id,
            group_id=world.cast.group.id,
            format="zip",
            name="deep/train.ipynb",
            size=2,
            digest="0" * 64,
            created_at=uow.now,
        )
        uow.session.add(row)
        return row.id

    found = world.database.write_now(add)
    world.snapshots.mkdir(parents=True, exist_ok=True)
    (world.snapshots / found).write_bytes(b"{}")
    return found


async def notebook(world: World, **changes: Any) -> Job:
    run = NotebookRun(snapshot=uploaded(world), path="research/train.ipynb", parameters={"a": 1}, **changes)
    return await world.running(command="", notebook=run)


def progress(done: int) -> bytes:
    return json.dumps({"cells": 3, "done": done, "cell": done, "label": "x = 1"}).encode()


async def test_progress_is_told_while_it_changes_and_no_more(world: World) -> None:
    job = await notebook(world)
    controller = ProgressController(world.database, world.fake)
    await controller.step(world.clock())
    assert world.job(job.id).progress is None
    for done in (1, 2):
        world.fake.leave(f"{job.id}-1", PROGRESS, progress(done))
        await controller.step(world.clock())
        now = world.job(job.id).progress
        assert now is not None
        assert (now.cells, now.done, now.label) == (3, done, "x = 1")
    before = world.database.read_now(changes.newest)
    await controller.step(world.clock())
    await ProgressController(world.database, world.fake).step(world.clock())
    assert world.database.read_now(changes.newest) == before


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b"\xff", b'{"cells": -1, "done": 0}', b"[" * 50_000, b'{"cells": "3"']
)
async def test_what_a_notebook_writes_there_itself_does_no_harm(world: World, data: bytes) -> None:
    job = await notebook(world)
    world.fake.leave(f"{job.id}-1", PROGRESS, data)
    await ProgressController(world.database, world.fake).step(world.clock())
    assert world.job(job.id).progress is None
    assert read_end(data) is None


def test_texts_are_cut_to_what_a_row_takes() -> None:
    end = read_end(json.dumps({"reason": "CellFailed", "message": "x" * 9000 + "\0", "more": 1}).encode())
    assert end is not None
    assert len(end.message) == 2000
    told = read_progress(json.dumps({"cells": 1, "done": 0, "label": "y" * 9000}).encode())
    assert told is not None
    assert len(told.label) == 200


async def test_the_runner_is_told_what_to_run(world: World) -> None:
    job = await notebook(world)
    files = world.fake.workloads[f"{job.id}-1"].workload.files
    order = NotebookOrder.model_validate_json(files["notebook.json"].text)
    assert (order.job, order.path, order.member) == (job.id, "research/train.ipynb", "deep/train.ipynb")
    assert (order.parameters, order.reads_file) == ({"a": 1}, False)
    job = await notebook(world, reads_file=True)
    files = world.fake.workloads[f"{job.id}-1"].workload.files
    order = NotebookOrder.model_validate_json(files["notebook.json"].text)
    assert (order.member, order.reads_file) == ("", True)


def test_the_runner_is_told_which_variables_hold_secrets(tmp_path: Path) -> None:
    told = spec(command="", notebook=NotebookRun(path="a.ipynb", snapshot="0" * 32), secrets={"B": "one", "A": "two"})
    files = notebook_files("job-202611221200-abcdef", told, tmp_path, "")
    assert NotebookOrder.model_validate_json(files["notebook.json"].text).masked == ("A", "B")
