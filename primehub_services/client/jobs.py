"""Jobs and recurring jobs, as a person uses them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from ..domain.jobs import FINAL, Job, JobCheck, JobCounts, JobSpec, JobSubmit, QueueEntry
from ..domain.notebooks import LogPart
from ..domain.results import ArtifactList, Preview, UsageSeries
from ..domain.schedules import CronPreview, Firing, Schedule
from ..domain.snapshots import Snapshot
from .base import ApiProblem
from .collection import Collection, given

if TYPE_CHECKING:
    from .base import ApiClient

T = TypeVar("T")
EVERY = 0.5
"""Seconds between two looks at a job that is waited for."""
PATIENCE = 120.0
"""Seconds without an answer after which waiting for a job is given up: a restart of the platform takes fewer."""
_AWAY = frozenset({0, 502, 503, 504})


class Patience:
    """Asks again where a platform that restarts does not answer; for reads alone, which may be sent twice."""

    def __init__(self, told: Callable[[ApiProblem], None] | None = None) -> None:
        """``told`` is called once for each time that the platform is away."""
        self._told = told

    async def ask(self, request: Callable[[], Awaitable[T]]) -> T:
        """The answer. Raises ``ApiProblem`` for a refusal at once, and where nothing answered for ``PATIENCE``."""
        since: float | None = None
        while True:
            try:
                return await request()
            except ApiProblem as problem:
                if problem.status not in _AWAY:
                    raise
                if since is None:
                    since = time.monotonic()
                    if self._told is not None:
                        self._told(problem)
                if time.monotonic() - since >= PATIENCE:
                    raise
            await asyncio.sleep(2 * EVERY)


class Jobs(Collection[Job]):
    """``PersonClient.jobs``. Every method raises ``ApiProblem``."""

    def __init__(self, client: ApiClient) -> None:
        super().__init__(client, "/jobs", Job)

    async def submit(self, request: JobSubmit) -> Job:
        """Put a job into its group's queue. Raises ``ApiProblem`` of code ``refused`` for one that can never run."""
        return await self.create(request)

    async def upload(self, group: str, name: str, notebook: bytes) -> Snapshot:
        """Upload a notebook to run in the group; its id is what ``NotebookRun.snapshot`` names."""
        query = {"group": group, "name": name}
        answer = await self._client.upload("/snapshots", notebook, "application/x-ipynb+json", query)
        snapshot: Snapshot = self._client.read(Snapshot, answer)
        return snapshot

    async def check(self, group: str, spec: JobSpec) -> JobCheck:
        """Whether it would start at once, would wait, or could never run (``never``)."""
        return await self._client.fetch(JobCheck, "POST", f"{_of_group(group)}/job-checks", body=spec)

    def queue(self, group: str) -> Collection[QueueEntry]:
        """Which jobs wait in a group, in their order, and for what."""
        return Collection(self._client, f"{_of_group(group)}/queue", QueueEntry)

    async def counts(self, **query: Any) -> JobCounts:
        """How many jobs there are in each state; ``query`` is as that of ``page``."""
        return await self._client.fetch(JobCounts, "GET", "/job-counts", query=given(query))

    async def artifacts(self, job: str, attempt: int | None = None) -> ArtifactList:
        """The files that an attempt (the latest) left in ``artifacts/``, or has written so far."""
        return await self._client.fetch(
            ArtifactList, "GET", f"{self.path(job)}/artifacts", query=given({"attempt": attempt})
        )

    def download(
        self, job: str, path: str, attempt: int | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The content of one of them, piece by piece."""
        query = {"download": "true"} | given({"attempt": attempt})
        return self._client.download(f"{self.path(job)}/artifacts/{quote(path)}", query)

    async def preview(self, job: str, path: str, attempt: int | None = None) -> Preview:
        """The first part of one of them: text, rows of a table, what a notebook says."""
        return await self._client.fetch(
            Preview, "GET", f"{self.path(job)}/previews/{quote(path)}", query=given({"attempt": attempt})
        )

    async def usage(self, job: str, attempt: int | None = None) -> UsageSeries:
        """What an attempt (the latest) took of CPU, memory and GPUs over its life."""
        query = given({"attempt": attempt})
        return await self._client.fetch(UsageSeries, "GET", f"{self.path(job)}/usage", query=query)

    async def cancel(self, job: str) -> Job:
        """Ask for its end."""
        return await self._read("POST", f"{self.path(job)}/cancel")

    async def rerun(self, job: str) -> Job:
        """The same once more, as this person."""
        return await self._read("POST", f"{self.path(job)}/rerun")

    async def log(self, job: str, **query: Any) -> LogPart:
        """A part of its log; ``query`` is as in the API (``attempt``, ``offset``, ``limit``, ``tail``, ``search``)."""
        return await self._client.fetch(LogPart, "GET", f"{self.path(job)}/log", query=given(query))

    async def watch(self, job: str, *, every: float = EVERY, patience: Patience | None = None) -> AsyncIterator[Job]:
        """The job each time it changed, until it has ended. A restart of the platform meanwhile is waited for."""
        last = None
        patience = patience or Patience()
        while True:
            now = await patience.ask(lambda: self.get(job))
            if now != last:
                yield now
            last = now
            if now.phase in FINAL:
                return
            await asyncio.sleep(every)

    async def wait(self, job: str, *, every: float = EVERY) -> Job:
        """The job once it has ended."""
        async for now in self.watch(job, every=every):
            last = now
        return last


def _of_group(group: str) -> str:
    return f"/groups/{quote(group, safe='')}"


class Schedules(Collection[Schedule]):
    """``PersonClient.schedules``: recurring jobs. Every method raises ``ApiProblem``."""

    def __init__(self, client: ApiClient) -> None:
        super().__init__(client, "/schedules", Schedule)

    async def run(self, schedule: str) -> Job:
        """A job of it now, whatever its clock says."""
        return await self._client.fetch(Job, "POST", f"{self.path(schedule)}/run")

    def firings(self, schedule: str) -> Collection[Firing]:
        """What became of each due instant, the newest first."""
        return Collection(self._client, f"{self.path(schedule)}/firings", Firing)

    async def preview(self, cron: str, timezone: str) -> CronPreview:
        """A cron expression in words, with its next five instants."""
        body = {"cron": cron, "timezone": timezone}
        return await self._client.fetch(CronPreview, "POST", "/schedule-previews", body=body)
