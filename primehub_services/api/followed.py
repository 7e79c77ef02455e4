"""A log that an event stream carries: of a notebook, of an image's build, or of a job, whose attempts follow one another."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..blobs import LogOf, of_attempt, of_build, of_notebook
from ..domain.identity import Actor
from ..domain.images import MAKING
from ..domain.notebooks import FINAL
from ..operations import actors, images, notebooks, results
from ..store.unit_of_work import UnitOfWork

BUILD = "build-"
_PARTS = re.compile(r"^([^/:]+)(?:/(\d+))?:(\d+)\Z")


@dataclass(slots=True)
class Look:
    """What the store says of a followed log."""

    log: LogOf | None
    """Null while there is none."""
    ended: bool
    """Whether nothing is added to it any more."""
    last: bool
    """Whether no other follows it."""
    number: int | None = None
    """The attempt that it is of, where it is of one."""


@dataclass(slots=True)
class Followed:
    """Where a stream is in a log."""

    id: str
    """The notebook's, the job's, or ``build-`` and the image's slug."""
    offset: int
    wanted: int | None = None
    """The attempt or build, where one was named; else the latest, and those that come after it."""
    number: int = 0
    """The attempt; 0 for a notebook, and for a job that waits for its first."""
    log: LogOf | None = None
    """Null while there is none."""
    ended: bool = False
    last: bool = False
    over: bool = False
    """Whether the stream has said that it was all, or that it may not be read."""
    checked: float = 0.0

    @property
    def name(self) -> str:
        """What the stream calls it: a build by its number too, since the next one is another log."""
        return f"{self.id}/{self.wanted}" if self.id.startswith(BUILD) and self.wanted else self.id

    @property
    def is_job(self) -> bool:
        """Whether it is a job's."""
        return self.id.startswith("job-")

    def take(self, look: Look) -> None:
        """Go by what the store says. An attempt that was read to its end makes room for the next one."""
        self.ended, self.last = look.ended, look.last
        if look.log is not None:
            self.log = look.log
        if look.number is not None:
            self.number = look.number

    def go_on(self) -> None:
        """To the next attempt, which begins at its beginning."""
        self.number, self.offset, self.log, self.ended, self.checked = self.number + 1, 0, None, False, 0.0

    def look(self, uow: UnitOfWork, model: Mapping[str, Any]) -> Look:
        """Read where it stands now. Raises a ``Problem`` where it may not be read."""
        actor = actors.actor_for(uow, model)
        if self.is_job:
            return self._attempt(uow, actor)
        if self.id.startswith(BUILD):
            image = images.image_for_log(uow, actor, self.id.removeprefix(BUILD))
            build = self.wanted or image.build
            return Look(of_build(image.id, build), build != image.build or image.phase not in MAKING, True)
        found = notebooks.notebook_for_log(uow, actor, self.id)
        return Look(of_notebook(self.id), found.phase in FINAL, True)

    def _attempt(self, uow: UnitOfWork, actor: Actor) -> Look:
        job = results.job(uow, actor, self.id)
        number = self.wanted or self.number or None
        if number is not None and number > job.attempts:
            return Look(None, job.ended, job.ended)  # it may come yet
        found = results.attempt(uow, actor, self.id, number)
        if found is None:
            return Look(None, job.ended, job.ended)
        last = self.wanted is not None or (job.ended and found.latest)
        return Look(of_attempt(found.job, found.number, found.id), found.ended, last, found.number)


def parse(text: str) -> list[Followed]:
    """Of the query ``logs``, which was found to fit its pattern."""
    found = []
    for part in filter(None, text.split(",")):
        match = _PARTS.match(part)
        assert match is not None
        number = int(match[2]) if match[2] else None
        found.append(Followed(match[1], int(match[3]), wanted=number))
    return found
