"""Forgets old jobs, and what they left: logs, files and series whose time is over, or that nobody has a row of."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

from ..blobs import FolderArtifactStore, LogStore, attempt_key
from ..domain.system import SystemSettings
from ..store import results, settings
from ..store.database import Database

_BATCH = 200


class ResultsSweeper:
    """Every ten minutes. Rows go before what they own: cut off in between, what is left has no owner and goes too."""

    name = "results"
    interval = 600.0
    hints: frozenset[str] = frozenset()

    def __init__(self, database: Database, logs: LogStore, artifacts: FolderArtifactStore) -> None:
        self._database = database
        self._logs = logs
        self._artifacts = artifacts

    async def step(self, now: datetime) -> None:
        """A bounded number in each transaction, so that writers never wait long."""
        system = await self._database.read(settings.load)
        await self._sweep_rows(now, system)
        # listed before the rows are read: a job has its row before anything is kept of it
        jobs = await asyncio.to_thread(self._artifacts.jobs)
        for start in range(0, len(jobs), _BATCH):
            batch = jobs[start : start + _BATCH]
            ended = await self._database.read(results.ends, batch)
            await asyncio.to_thread(self._sweep_files, batch, ended, now, system)

    async def _sweep_rows(self, now: datetime, system: SystemSettings) -> None:
        before = now - timedelta(seconds=system.job_retention) if system.job_retention else None
        surplus = None
        # a log goes with its job's row: as long as it is promised, no number of later jobs pushes it out
        if system.job_limit and system.log_retention:
            surplus = results.Surplus(system.job_limit, now - timedelta(seconds=system.log_retention))
        while True:
            old = await self._database.read(results.outlived, before, surplus, limit=_BATCH)
            if not old or not await self._database.write(results.delete_jobs, old):
                return

    def _sweep_files(
        self, jobs: list[str], ended: Mapping[str, datetime | None], now: datetime, system: SystemSettings
    ) -> None:
        for job in jobs:
            if job not in ended:
                self._artifacts.delete_job(job)
                continue
            at = ended[job]
            keep = timedelta(seconds=system.log_retention)
            logs_over = system.log_retention > 0 and at is not None and at + keep <= now
            for number in self._artifacts.attempts(job):
                kept = self._artifacts.manifest(job, number)
                if kept is not None and kept.expires_at is not None and kept.expires_at <= now:
                    self._artifacts.delete(job, number)
                if logs_over:
                    self._logs.delete(attempt_key(job, number))
