"""Environments are made one at a time, with their progress and log to be seen, also after a crash."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from pathlib import Path

import pytest
import sqlalchemy as sa

from primehub_services.blobs import FolderLogStore, build_key
from primehub_services.controllers import ImageController
from primehub_services.controllers import images as module
from primehub_services.domain.claims import MachineCapacity
from primehub_services.domain.images import EnvironmentSource
from primehub_services.domain.launch import LaunchRequest
from primehub_services.domain.lifecycle import Ending
from primehub_services.engines.base import BuildFailed, ImageBuilder
from primehub_services.engines.local import LocalEngine
from primehub_services.operations import images, notebooks, starts
from primehub_services.sandbox.workloads import Workloads
from primehub_services.store.database import Database
from primehub_services.store.orm import AttemptRow, ImageRow, NotebookRow
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support import factories
from tests.support.clock import FixedClock
from tests.support.environment import made_environment
from tests.support.factories import Cast
from tests.support.jobs import World, make_world
from tests.support.waiting import wait_for_async


class Builder(ImageBuilder):
    """Makes an environment when it is told to go on."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.go_on = asyncio.Event()
        self.fails: Exception | None = None
        self.cancelled = False
        self.there: set[str] = set()
        self.removed: list[str] = []
        self.stuck: set[str] = set()

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

    async def images(self) -> Collection[str]:
        return self.there

    async def remove_image(self, location: str) -> None:
        self.removed.append(location)
        if location in self.stuck:
            raise OSError(13, "Permission denied", location)
        self.there.discard(location)


@pytest.fixture
def builder() -> Builder:
    return Builder()


@pytest.fixture
def logs(tmp_path: Path) -> FolderLogStore:
    return FolderLogStore(tmp_path / "blobs")


@pytest.fixture
def world(database: Database, clock: FixedClock, cast: Cast, tmp_path: Path) -> World:
    return make_world(database, clock, cast, tmp_path)


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


async def sweeps(controller: ImageController, clock: FixedClock, times: int = 2) -> None:
    for _ in range(times):
        clock.advance(module.SWEEP_EVERY.total_seconds())
        await controller.step(clock.now)


async def test_what_no_image_is_made_of_is_removed_once_it_was_unused_for_two_sweeps(
    database, clock, controller, builder
) -> None:
    made(database, "live")
    made(database, "given", source={"type": "environment", "prefix": "/opt/other-image"}, phase="FAILED", location=None)
    made(database, "based", source={"type": "environment", "base": "/opt/base-image/bin/python"}, location="/opt/based")
    made(database, "gone", deleted_at=clock.now)
    builder.there = {f"/opt/{name}" for name in ("live", "other-image", "base-image", "based", "gone", "stray")}
    await controller.step(clock.now)
    assert builder.removed == []
    await controller.step(clock.now)
    assert builder.removed == []
    await sweeps(controller, clock, 1)
    assert builder.removed == ["/opt/gone", "/opt/stray"]
    await sweeps(controller, clock, 3)
    assert builder.removed == ["/opt/gone", "/opt/stray"]


@pytest.mark.parametrize("spelled", ["/opt/used", "/link/to/used"])
async def test_what_starts_or_runs_keeps_what_it_runs_in(database, cast, clock, controller, builder, spelled) -> None:
    builder.there = {"/opt/used", "/opt/base"}

    def start(uow: UnitOfWork) -> str:
        factories.instance_type(uow)
        factories.image(uow, location=spelled)
        request = LaunchRequest(group="research", instance_type="cpu-1", image="base")
        return notebooks.start(uow, cast.member, request, MachineCapacity()).id

    start_id = database.write_now(start)
    database.write_now(lambda uow: uow.session.execute(sa.update(ImageRow).values(location="/opt/base")))
    await sweeps(controller, clock, 3)
    assert builder.removed == []
    database.write_now(lambda uow: starts.end(uow, uow.session.get_one(NotebookRow, start_id), Ending()))
    await sweeps(controller, clock)
    assert builder.removed == ["/opt/used"]


async def test_a_running_job_keeps_what_it_runs_in(world: World, builder, logs, tmp_path, clock) -> None:
    job = await world.running()
    [plan] = world.database.read_now(lambda uow: uow.session.scalars(sa.select(AttemptRow.plan)).all())
    location = plan["image_location"]
    builder.there = {location}
    controller = ImageController(world.database, builder, logs, tmp_path / "run")
    world.database.write_now(lambda uow: uow.session.execute(sa.update(ImageRow).values(deleted_at=uow.now)))
    await sweeps(controller, clock, 3)
    assert builder.removed == []
    world.fake.finish(f"{job.id}-1")
    await world.look()
    await sweeps(controller, clock)
    assert builder.removed == [location]


async def test_what_cannot_be_removed_keeps_nothing_else_and_is_tried_again(
    database, clock, controller, builder
) -> None:
    builder.there, builder.stuck = {"/opt/a", "/opt/b"}, {"/opt/a"}
    await controller.step(clock.now)
    await sweeps(controller, clock, 2)
    assert builder.removed == ["/opt/a", "/opt/b", "/opt/a"]


async def test_the_logs_of_a_deleted_images_builds_go(database, clock, controller, builder, logs) -> None:
    gone, kept = made(database, "gone"), made(database, "kept")
    builder.there = {"/opt/gone", "/opt/kept"}
    for image_id in (gone, kept):
        logs.append(build_key(image_id, 1), b"collecting numpy\n")
    await controller.step(clock.now)
    deletes = sa.update(ImageRow).where(ImageRow.id == gone).values(deleted_at=clock.now)
    database.write_now(lambda uow: uow.session.execute(deletes))
    await sweeps(controller, clock, 1)
    assert not logs.exists(build_key(gone, 1))
    assert logs.exists(build_key(kept, 1))


class Quick(LocalEngine):
    """Builds at once, what a build would leave."""

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
        return str(made_environment(self._workloads.layout, f"{slug}-{revision:0>12}"))


async def test_of_an_image_that_was_built_three_times_the_first_stays_while_a_notebook_runs_in_it(
    database, cast, clock, logs, tmp_path
) -> None:
    layout = Workloads(tmp_path / "data").layout
    controller = ImageController(database, Quick(Workloads(tmp_path / "data")), logs, tmp_path / "run")
    image_id = ask(database, "base")
    await controller.step(clock.now)
    (layout.environments / ".cache" / "base").mkdir(parents=True)
    foreign = layout.environments / "mine"
    foreign.mkdir()

    def start(uow: UnitOfWork) -> str:
        factories.instance_type(uow)
        request = LaunchRequest(group="research", instance_type="cpu-1", image="base")
        return notebooks.start(uow, cast.member, request, MachineCapacity()).id

    start_id = database.write_now(start)
    for _ in range(2):
        database.write_now(images.rebuild, cast.platform_admin, "base")
        await controller.step(clock.now)
    first, second, third = (layout.environments / f"base-{n:012}" for n in (1, 2, 3))
    assert state(database, image_id)[3] == str(third)

    await sweeps(controller, clock)
    assert [p.exists() for p in (first, second, third, foreign)] == [True, False, True, True]

    database.write_now(lambda uow: starts.end(uow, uow.session.get_one(NotebookRow, start_id), Ending()))
    await sweeps(controller, clock)
    assert sorted(p.name for p in layout.environments.iterdir()) == [
        ".base-000000000003.json",
        ".cache",
        "base-000000000003",
        "mine",
    ]

    database.write_now(images.delete, cast.platform_admin, "base")
    await sweeps(controller, clock, 4)
    assert sorted(p.name for p in layout.environments.rglob("*")) == [".cache", "mine"]
