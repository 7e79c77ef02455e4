"""Makes images' environments, one at a time, the one asked for first first; keeps their logs, and removes what is not used."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import datetime, timedelta
from pathlib import Path

from ..blobs import LogStore, build_folder, build_key
from ..domain.images import ImageBuild
from ..engines.base import BuildFailed, ImageBuilder, Progress
from ..store import images
from ..store.database import Database
from .runner import Every

log = logging.getLogger(__name__)
SWEEP_EVERY = timedelta(minutes=10)
LOOK = 1.0
"""Seconds between two looks at a build's progress and output."""
_PIECE = 1 << 20


class ImageController:
    """What a process that is gone was building is begun anew: nobody else builds in this store.

    ``scratch`` is a folder for the output of the build that runs.
    """

    name = "images"
    interval = 2.0
    hints = frozenset({"image"})

    def __init__(self, database: Database, builder: ImageBuilder, logs: LogStore, scratch: Path) -> None:
        self._database = database
        self._builder = builder
        self._logs = logs
        self._scratch = scratch
        self._all_there = False
        """Whether it was seen that what was made before this process is there."""
        self._sweep_pause = Every(SWEEP_EVERY)
        self._unused: frozenset[str] = frozenset()
        """Locations that nothing had a use for at the last sweep."""
        self._forgotten: frozenset[str] = frozenset()
        """Deleted images of which nothing is kept any more."""

    async def step(self, now: datetime) -> None:
        """Build everything that is asked for; at first, what is not there any more, too. Then sweep, now and then."""
        if not self._all_there:
            await self._ask_for_lost()
            self._all_there = True
        while pending := await self._database.read(images.pending_builds):
            await self._build(pending[0])
        if self._sweep_pause.due(now):
            self._sweep_pause.done(now)
            await self._remove_unused()
            await self._forget_deleted()

    async def _ask_for_lost(self) -> None:
        """A data folder that came back from a backup has no environments, and another machine not the Python they had."""
        for build, location in await self._database.read(images.made):
            if await self._builder.has_image(location):
                continue
            if await self._database.write(images.build_again, build.image_id, build.build):
                log.warning("the environment of the image %s is gone from %s: it is made again", build.slug, location)

    async def _remove_unused(self) -> None:
        """Remove what earlier builds and deleted images left, once nothing runs in it.

        Two sweeps must have found it unused: what starts just now may be written down after the look at what is used. Where
        it is used is told by its last part: one data folder may be spelled in two ways.
        """
        there = await self._builder.images()
        used = {part for path in await self._database.read(images.in_use) for part in path.split("/")}
        unused = frozenset(location for location in there if location.rpartition("/")[2] not in used)
        for location in sorted(unused & self._unused):
            log.info("removing %s, which nothing uses any more", location)
            try:
                await self._builder.remove_image(location)
            except Exception as error:  # one that cannot be removed keeps no other; the next sweep tries again
                log.warning("%s cannot be removed: %s", location, error)
        self._unused = unused

    async def _forget_deleted(self) -> None:
        gone = await self._database.read(images.deleted)
        for image_id in gone - self._forgotten:
            await asyncio.to_thread(self._logs.delete, build_folder(image_id))
        self._forgotten = gone

    async def _build(self, build: ImageBuild) -> None:
        if not await self._database.write(images.begin_build, build.image_id, build.build):
            return
        key = build_key(build.image_id, build.build)
        output = self._scratch / f"{build.image_id}.log"
        await asyncio.to_thread(self._prepare, build.image_id, output)
        told: list[tuple[int, str]] = []
        task = asyncio.create_task(self._make(build, lambda at, doing: told.append((at, doing)), output))
        try:
            copied = 0
            while True:
                done, _ = await asyncio.wait({task}, timeout=LOOK)
                copied = await asyncio.to_thread(self._copy, key, output, copied)
                if done:
                    break
                if not await (self._say(build, *told[-1]) if told else self._is_wanted(build)):
                    log.info("the build of %s was overtaken by another or by a deletion", build.slug)
                    return
                told.clear()
            await self._finish(build, task)
        finally:
            task.cancel()
            with contextlib.suppress(BaseException):
                await task
            output.unlink(missing_ok=True)

    async def _make(self, build: ImageBuild, progress: Progress, output: Path) -> str:
        return await self._builder.build(
            build.slug,
            build.source,
            revision=str(build.build),
            progress=progress,
            log=output,
            trusted=build.of_platform,
        )

    async def _say(self, build: ImageBuild, progress: int, message: str) -> bool:
        return await self._database.write(images.build_progress, build.image_id, build.build, progress, message)

    async def _is_wanted(self, build: ImageBuild) -> bool:
        """One that says nothing may have been overtaken as well."""
        return await self._database.read(images.is_building, build.image_id, build.build)

    async def _finish(self, build: ImageBuild, task: asyncio.Task[str]) -> None:
        error = task.exception()
        if error is None:
            await self._database.write(images.finish_build, build.image_id, build.build, task.result())
            return
        if not isinstance(error, BuildFailed):
            log.error("building %s failed", build.slug, exc_info=error)
        reason = str(error) or f"{type(error).__name__} while it was made"
        await self._database.write(images.fail_build, build.image_id, build.build, reason)

    def _prepare(self, image_id: str, output: Path) -> None:
        self._logs.delete(build_folder(image_id))  # what earlier builds said
        output.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        output.write_bytes(b"")

    def _copy(self, key: str, output: Path, copied: int) -> int:
        """Move new output into the kept log, where it can be read while the build runs."""
        with contextlib.suppress(FileNotFoundError), output.open("rb") as file:
            file.seek(copied)
            while piece := file.read(_PIECE):
                self._logs.append(key, piece)
                copied += len(piece)
        return copied
