"""Writes down how far running notebooks are."""

from __future__ import annotations

from datetime import datetime

from ..domain import notebook_runs
from ..domain.jobs import JobProgress
from ..domain.workloads import EngineRef
from ..engines.base import WorkFiles
from ..operations import job_starts
from ..store import jobs
from ..store.database import Database
from ..store.unit_of_work import UnitOfWork


class ProgressController:
    """Every second and a half, so that a person who watches sees cells pass. What cannot be read is read the next time."""

    name = "progress"
    interval = 1.5
    hints: frozenset[str] = frozenset()

    def __init__(self, database: Database, files: WorkFiles) -> None:
        self._database = database
        self._files = files
        self._told: dict[str, JobProgress] = {}

    async def step(self, now: datetime) -> None:
        """Raises ``EngineUnavailable``."""
        running = await self._database.read(_running)
        self._told = {attempt: told for attempt, told in self._told.items() if attempt in running}
        for attempt, ref in running.items():
            data = await self._files.read_file(ref, notebook_runs.PROGRESS, 0, notebook_runs.MAX_FILE)
            progress = notebook_runs.read_progress(data or b"")
            if progress is not None and progress != self._told.get(attempt):
                await self._database.write(job_starts.note_progress, attempt, progress)
                self._told[attempt] = progress


def _running(uow: UnitOfWork) -> dict[str, EngineRef]:
    found = ((attempt.id, job_starts.refs_of(attempt)) for attempt in jobs.running_notebooks(uow))
    return {attempt: refs[-1] for attempt, refs in found if refs}
