"""Following a job: its log on standard output, its state on standard error."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from ..client.jobs import Patience
from ..domain.jobs import FINAL, JobPhase
from .output import note

if TYPE_CHECKING:
    from ..client.base import ApiProblem
    from ..client.person import PersonClient
    from ..domain.jobs import Job

EVERY = 0.5


async def lines(client: PersonClient, job: str, **query: Any) -> AsyncIterator[str]:
    """What there is of a log by now, in pieces; with ``search``, the lines that hold the text."""
    attempt = query.get("attempt")
    begin = {} if query.get("tail") else {"offset": 0}  # the API takes one of both
    part = await client.jobs.log(job, **begin, **query)
    if query.get("search"):
        for match in part.matches:
            yield f"{match.text}\n"
        if part.more_matches:
            note(f"More lines have it: these are the first {len(part.matches)}.")
        return
    while part.text:
        yield part.text
        part = await client.jobs.log(job, offset=part.next_offset, attempt=attempt)


async def watch(client: PersonClient, job: Job) -> Job:
    """The job once it has ended; meanwhile a bar for a notebook's cells, and a line for each change of state."""
    with closing(_Told()) as told:
        async for now in client.jobs.watch(job.id, every=EVERY, patience=Patience(_away)):
            told.tell(now)
            job = now
    return job


async def follow(client: PersonClient, job: Job, *, tail: int | None = None, quiet: bool = False) -> Job:
    """The job once it has ended and all of its log is printed, attempt after attempt. ``quiet`` prints no log;
    ``tail`` begins with so many lines of the attempt that is the latest now."""
    patience = Patience(_away)
    attempt, offset, wanted = 0, 0, job.id
    with closing(_Told()) as told:
        while True:
            job = await patience.ask(lambda: client.jobs.get(wanted))
            told.tell(job)
            ended = job.phase in FINAL
            numbers = [a.number for a in job.attempts if a.number >= max(attempt, 1)] if not quiet else []
            if tail:
                numbers = numbers[-1:]
            for number in numbers:
                if number != attempt:
                    attempt, offset = number, 0
                offset = await _print(client, patience, job.id, attempt, offset, tail)
                tail = None
            if ended:
                return job
            await asyncio.sleep(EVERY)


async def _print(
    client: PersonClient, patience: Patience, job: str, attempt: int, offset: int, tail: int | None
) -> int:
    query: dict[str, Any] = {"tail": tail} if tail else {"offset": offset}
    while True:
        part = await patience.ask(partial(client.jobs.log, job, attempt=attempt, **query))
        if not part.text:
            return part.next_offset
        click.echo(part.text, nl=False)
        query = {"offset": part.next_offset}


def _away(problem: ApiProblem) -> None:
    note(f"{problem.detail.rstrip('.')}. Asking again; the job itself goes on.")


class _Told:
    """What has been said of a job, so that only news is."""

    def __init__(self) -> None:
        self._last = ""
        self._bar: Any = None

    def tell(self, job: Job) -> None:
        """Say what is new."""
        line = self._sentence(job)
        if line != self._last:
            note(line)
        self._last = line
        if job.progress is not None and job.progress.cells:
            self._show(job.progress.done, job.progress.cells, job.progress.label)

    def _sentence(self, job: Job) -> str:
        if job.phase is JobPhase.PENDING and job.queue is not None:
            why = job.queue.decision.sentence
            return f"{job.id} waits, {job.queue.position} of {job.queue.of} in the queue. {why}".rstrip()
        attempt = f" (attempt {len(job.attempts)})" if len(job.attempts) > 1 else ""
        return f"{job.id} {job.phase.value}{attempt}"

    def _show(self, done: int, cells: int, label: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        if self._bar is None:
            columns = (TextColumn("cells"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
            console = Console(stderr=True)
            self._bar = Progress(*columns, console=console, disable=not console.is_terminal, transient=True)
            self._bar.start()
            self._bar.add_task("", total=cells)
        self._bar.update(self._bar.task_ids[0], completed=done, description=label[:60])

    def close(self) -> None:
        """Take the bar away: it hides the cursor, which is to come back however this ends."""
        if self._bar is not None:
            self._bar.stop()
