"""A log that an event stream carries: of a notebook, or of a job, whose attempts follow one another."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..blobs import LogOf, of_attempt, of_notebook
from ..domain.notebooks import FINAL
from ..operations import actors, notebooks, results
from ..store.results import AttemptOf
from ..store.unit_of_work import UnitOfWork

_PARTS = re.compile(r"^([^/:]+)(?:/(\d+))?:(\d+)\Z")


@dataclass(slots=True)
class Look:
    """What the store says of a followed log."""

    attempt: AttemptOf | None
    ended: bool
    """Whether nothing is added to it any more."""
    last: bool
    """Whether no other follows it."""


@dataclass(slots=True)
class Followed:
    """Where a stream is in a log."""

    id: str
    """The notebook's or the job's."""
    offset: int
    wanted: int | None = None
    """The attempt, where one was named; else the latest, and those that come after it."""
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
    def is_job(self) -> bool:
        """Whether it is a job's."""
        return self.id.startswith("job-")

    def take(self, look: Look) -> None:
        """Go by what the store says. An attempt that was read to its end makes room for the next one."""
        if not self.is_job:
            self.log, self.ended, self.last = of_notebook(self.id), look.ended, True
            return
        self.ended, self.last = look.ended, look.last
        if look.attempt is not None:
            self.number = look.attempt.number
            self.log = of_attempt(look.attempt.job, look.attempt.number, look.attempt.id)

    def go_on(self) -> None:
        """To the next attempt, which begins at its beginning."""
        self.number, self.offset, self.log, self.ended, self.checked = self.number + 1, 0, None, False, 0.0

    def look(self, uow: UnitOfWork, model: Mapping[str, Any]) -> Look:
        """Read where it stands now. Raises a ``Problem`` where it may not be read."""
        actor = actors.actor_for(uow, model)
        if not self.is_job:
            found = notebooks.notebook_for_log(uow, actor, self.id)
            return Look(None, found.phase in FINAL, True)
        job = results.job(uow, actor, self.id)
        number = self.wanted or self.number or None
        if number is not None and number > job.attempts:
            return Look(None, job.ended, job.ended)  # it may come yet
        attempt = results.attempt(uow, actor, self.id, number)
        if attempt is None:
            return Look(None, job.ended, job.ended)
        last = self.wanted is not None or (job.ended and attempt.latest)
        return Look(attempt, attempt.ended, last)


def parse(text: str) -> list[Followed]:
    """Of the query ``logs``, which was found to fit its pattern."""
    found = []
    for part in filter(None, text.split(",")):
        match = _PARTS.match(part)
        assert match is not None
        number = int(match[2]) if match[2] else None
        found.append(Followed(match[1], int(match[3]), wanted=number))
    return found
