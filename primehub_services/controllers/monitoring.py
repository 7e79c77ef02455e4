"""Writes down what running jobs take: the engine samples, here the series is kept."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime

from ..blobs import FolderUsageStore
from ..domain.results import UsagePoint
from ..domain.workloads import UsageSample
from ..store import results
from ..store.database import Database
from .ports import ResultsPort

log = logging.getLogger(__name__)


class MonitoringController:
    """Looks twice as often as engines sample, so that no sample is missed; one that is known is not written again."""

    name = "monitoring"
    interval = 5.0
    hints: frozenset[str] = frozenset()

    def __init__(self, database: Database, engine: ResultsPort, usage: FolderUsageStore) -> None:
        self._database = database
        self._engine = engine
        self._usage = usage
        self._last: dict[str, datetime] = {}
        """When the newest point of each attempt was taken."""

    async def step(self, now: datetime) -> None:
        """Raises ``EngineUnavailable``; a disk that takes nothing loses points, and no job ends for that."""
        running = await self._database.read(results.running_attempts)
        for gone in self._last.keys() - {attempt.id for attempt in running}:
            del self._last[gone]
        samples = await self._engine.usage([attempt.id for attempt in running]) if running else {}
        for attempt in running:
            sample = samples.get(attempt.id)
            if sample is not None and sample.at > self._last.get(attempt.id, attempt.created_at):
                try:
                    await asyncio.to_thread(self._usage.append, attempt.job, attempt.number, point_of(sample))
                except OSError as error:
                    log.warning("what %s uses cannot be written down: %s", attempt.id, error)
                self._last[attempt.id] = sample.at


def point_of(sample: UsageSample) -> UsagePoint:
    """A sample as it is kept."""
    return UsagePoint(at=sample.at, cpu=sample.cpu, memory=sample.memory, gpus=sample.gpus)
