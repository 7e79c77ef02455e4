"""Writes down what running jobs and notebooks take: the engine samples, here the series is kept."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime

from ..blobs import FolderUsageStore
from ..domain.results import UsagePoint
from ..domain.workloads import UsageSample
from ..store import notebooks, results
from ..store.database import Database
from ..store.unit_of_work import UnitOfWork
from .ports import ResultsPort

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Running:
    """What is sampled, and whose it is: an attempt of a job, or with no number a notebook's start."""

    workload: str
    owner: str
    number: int | None
    since: datetime

    @property
    def series(self) -> tuple[str, int | None]:
        """What its series is kept by."""
        return self.owner, self.number


class MonitoringController:
    """Looks twice as often as engines sample, so that no sample is missed; one that is known is not written again."""

    name = "monitoring"
    interval = 5.0
    hints: frozenset[str] = frozenset()

    def __init__(self, database: Database, engine: ResultsPort, usage: FolderUsageStore) -> None:
        self._database = database
        self._engine = engine
        self._usage = usage
        self._last: dict[tuple[str, int | None], datetime] = {}
        """When the newest point of each series was taken, by owner and number."""

    async def step(self, now: datetime) -> None:
        """Raises ``EngineUnavailable``; a disk that takes nothing loses points, and no job ends for that."""
        running = await self._database.read(_running)
        for gone in self._last.keys() - {one.series for one in running}:
            del self._last[gone]
            self._usage.forget(*gone)
        samples = await self._engine.usage([one.workload for one in running]) if running else {}
        for one in running:
            sample = samples.get(one.workload)
            if sample is not None and sample.at > self._last.get(one.series, one.since):
                try:
                    await asyncio.to_thread(self._usage.append, *one.series, point_of(sample))
                except OSError as error:
                    log.warning("what %s uses cannot be written down: %s", one.workload, error)
                self._last[one.series] = sample.at


def _running(uow: UnitOfWork) -> list[Running]:
    jobs = (Running(*found) for found in results.running_attempts(uow))
    return [*jobs, *(Running(start_id, start_id, None, since) for start_id, since in notebooks.running_starts(uow))]


def point_of(sample: UsageSample) -> UsagePoint:
    """A sample as it is kept."""
    return UsagePoint(at=sample.at, cpu=sample.cpu, memory=sample.memory, gpus=sample.gpus)
