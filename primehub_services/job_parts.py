"""Puts the parts together that run jobs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from .blobs import FolderArtifactStore, FolderUsageStore, LogStore
from .composition import EngineParts
from .controllers import results
from .controllers.job_ports import EndedAttempt, Kept
from .controllers.job_secrets import StoredSecrets
from .controllers.jobs import JobController
from .domain import notebook_runs
from .domain.job_life import Ending
from .domain.jobs import JobPhase
from .domain.workloads import EngineRef
from .engines.base import Engine, WorkFiles
from .store.crypto import Keyring
from .store.database import Database


def job_controller(
    database: Database,
    parts: EngineParts,
    logs: LogStore,
    artifacts: FolderArtifactStore,
    usage: FolderUsageStore,
    keyring: Keyring,
    *,
    blobs: Path,
) -> JobController:
    """The controller of jobs on the engine; ``blobs`` is the folder of everything that is kept."""
    keeper = None
    if parts.results is not None:
        keeper = results.AttemptKeeper(database, parts.results, logs, artifacts, usage)
    return JobController(
        database,
        parts.engine,
        JobResults(parts.engine, keeper),
        StoredSecrets(database, keyring),
        snapshots=blobs / "snapshots",
    )


class JobResults:
    """``ResultsKeeper`` of the jobs' controller: log and artifacts, and what a notebook said of its end."""

    def __init__(self, engine: Engine, keeper: results.AttemptKeeper | None) -> None:
        self._engine = engine
        self._keeper = keeper

    async def keep(self, attempt: EndedAttempt) -> Kept:
        """See ``ResultsKeeper``."""
        artifacts = None
        if self._keeper is not None:
            artifacts = await self._keeper.keep(attempt, datetime.now(UTC))
        progress = notebook_runs.read_progress(await self._read(attempt.ref, notebook_runs.PROGRESS))
        said = notebook_runs.read_end(await self._read(attempt.ref, notebook_runs.RESULT))
        end = None
        if said is not None and said.reason in notebook_runs.FAILURES:
            end = Ending(phase=JobPhase.FAILED, reason=said.reason, message=said.message)
        return Kept(artifacts=artifacts, progress=progress, end=end)

    async def _read(self, ref: EngineRef | None, path: str) -> bytes:
        if ref is None or not isinstance(self._engine, WorkFiles):
            return b""
        return await self._engine.read_file(ref, path, 0, notebook_runs.MAX_FILE) or b""
