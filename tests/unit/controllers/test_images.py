"""Environments are made one at a time, with their progress and log to be seen, also after a crash."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from primehub_services.blobs import FolderLogStore, build_key
from primehub_services.controllers import ImageController
from primehub_services.controllers import images as module
from primehub_services.domain.images import EnvironmentSource
from primehub_services.engines.base import BuildFailed, ImageBuilder
from primehub_services.store.database import Database
from primehub_services.store.orm import ImageRow
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support import factories
from tests.support.waiting import wait_for_async


class Builder(ImageBuilder):
    """Makes an environment when it is told to go on."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.go_on = asyncio.Event()
        self.fails: Exception | None = None
        self.cancelled = False
        self.there: set[str] = set()

    async def build(
        self,
        slug: str,
        source: EnvironmentSource,
        *,
        revision: str,
        progress: Callable[[int, str], None],
        log: Path,
        trusted: bool = False,
    ) -> str:
        self.begun.append(slug)
        progress(30, "Installing packages")
        with log.open("ab") as file:
            file.write(b"collecting numpy\n")
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        if self.fails is not None:
            raise self.fails
        return f"/envs/{slug}"

    async def has_image(self, location: str) -> bool:
        return location in self.there

    async def remove_image(self, location: str) -> None:
        raise AssertionError("nobody asked for it")


@pytest.fixture
def builder() -> Builder:
    return Builder()


@pytest.fixture
def logs(tmp_path: Path) -> FolderLogStore:
    return FolderLogStore(tmp_path / "blobs")


@pytest.fixture
def controller(database: Database, builder: Builder, logs, tmp_path, monkeypatch) -> ImageController:
    monkeypatch.setattr(module, "LOOK", 0.02)
    return ImageController(database, builder, logs, tmp_path / "run")


def ask(database: Database, name: str, phase: str = "PENDING") -> str:
    def fill(uow: UnitOfWork) -> str:
        source = {"type": "environment", "packages": ["numpy"]}
        row = factories.image(uow, name, source=source, phase=phase, progress=0, location=None)
        row.build = 1
        return row.id

    return database.write_now(fill)


def state(database: Database, image_id: str) -> tuple[str, int, str, str | None]:
    def read(uow: UnitOfWork) -> tuple[str, int, str, str | None]:
        row = uow.session.get_one(ImageRow, image_id)
        return row.phase, row.progress, row.message, row.location

    return database.read_now(read)


@pytest.mark.parametrize("phase", ["PENDING", "BUILDING"])
async def test_an_image_that_is_asked_for_or_was_left_in_the_middle_is_made(
    database, clock, controller, builder, logs, phase: str
) -> None:
    image_id = ask(database, "science", phase)
    logs.append(build_key(image_id, 1), b"of an earlier build\n")

    step = asyncio.create_task(controller.step(clock.now))
    await wait_for_async(lambda: state(database, image_id) == ("BUILDING", 30, "Installing packages", None))
    await wait_for_async(lambda: logs.read(build_key(image_id, 1), 0, 1000).data == b"collecting numpy\n")
    builder.go_on.set()
    await step

    assert state(database, image_id) == ("READY", 100, "", "/envs/science")
    assert logs.read(build_key(image_id, 1), 0, 1000).data == b"collecting numpy\n"


async def test_one_after_the_other(database, clock, controller, builder) -> None:
    first = ask(database, "one")
    clock.advance(1)
    ask(database, "two")

    step = asyncio.create_task(controller.step(clock.now))
    await wait_for_async(lambda: state(database, first)[1] == 30)
    assert builder.begun == ["one"]
    builder.go_on.set()
    await step

    assert builder.begun == ["one", "two"]


@pytest.mark.parametrize(
    ("error", "message"),
    [(BuildFailed("no package named nump"), "no package named nump"), (OSError(28, "No space left"), "No space left")],
)
async def test_a_failure_is_said_and_holds_up_no_other(database, clock, controller, builder, error, message) -> None:
    failing = ask(database, "bad")
    builder.fails = error
    builder.go_on.set()

    await controller.step(clock.now)

    phase, _, said, location = state(database, failing)
    assert (phase, location) == ("FAILED", None)
    assert message in said


async def test_a_build_whose_image_is_deleted_or_asked_for_anew_ends(database, clock, controller, builder) -> None:
    image_id = ask(database, "gone")
    step = asyncio.create_task(controller.step(clock.now))
    await wait_for_async(lambda: state(database, image_id)[1] == 30)
    database.write_now(
        lambda uow: uow.session.execute(sa.update(ImageRow).values(deleted_at=uow.now, progress=30, phase="BUILDING"))
    )

    await asyncio.wait_for(step, 10)  # though the build says no more, and would go on for ever

    assert builder.cancelled
    assert state(database, image_id)[0] == "BUILDING"


async def test_stopping_the_platform_ends_the_build_and_the_next_start_makes_it(
    database, clock, controller, builder
) -> None:
    image_id = ask(database, "long")
    step = asyncio.create_task(controller.step(clock.now))
    await wait_for_async(lambda: state(database, image_id)[1] == 30)

    step.cancel()
    await asyncio.gather(step, return_exceptions=True)
    assert builder.cancelled
    assert state(database, image_id)[0] == "BUILDING"
    builder.go_on.set()
    await controller.step(clock.now)

    assert state(database, image_id)[0] == "READY"


def made(database: Database, name: str, **changes: object) -> str:
    """An image that is ready."""

    def fill(uow: UnitOfWork) -> str:
        row = factories.image(uow, name, **({"source": {"type": "environment", "packages": ["numpy"]}} | changes))
        row.build = 1
        return row.id

    return database.write_now(fill)


async def test_what_was_made_and_is_gone_when_the_platform_comes_up_is_made_again(
    database, clock, controller, builder, caplog
) -> None:
    gone, there = made(database, "gone"), made(database, "there")
    given = made(database, "given", source={"type": "environment", "prefix": "/opt/given"})
    container = made(database, "container", source={"type": "container", "url": "a/b:c"}, location=None)
    builder.there.add("/opt/there")
    builder.go_on.set()

    await controller.step(clock.now)

    assert builder.begun == ["gone"]
    assert "image gone is gone from /opt/gone: it is made again" in caplog.text
    assert state(database, gone) == ("READY", 100, "", "/envs/gone")
    assert [state(database, i)[3] for i in (there, given, container)] == ["/opt/there", "/opt/given", None]
    builds = database.read_now(lambda uow: dict(uow.session.execute(sa.select(ImageRow.name, ImageRow.build)).all()))
    assert builds == {"gone": 2, "there": 1, "given": 1, "container": 1}


async def test_what_goes_while_the_platform_runs_is_made_again_at_its_next_start(
    database, clock, controller, builder, logs, tmp_path
) -> None:
    image_id = made(database, "science")
    builder.there.add("/opt/science")
    builder.go_on.set()
    await controller.step(clock.now)

    builder.there.clear()
    await controller.step(clock.now)
    assert builder.begun == []

    await ImageController(database, builder, logs, tmp_path / "run").step(clock.now)
    assert builder.begun == ["science"]
    assert state(database, image_id)[3] == "/envs/science"
