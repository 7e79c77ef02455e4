"""Keeps what an attempt of a job leaves, before its workload is dropped: the log first, the files last."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from itertools import chain

from ..blobs import FolderArtifactStore, FolderUsageStore, LogStore, attempt_key
from ..domain.jobs import ArtifactSummary
from ..domain.results import ARTIFACTS, KeptArtifacts, expiry, shortcoming
from ..domain.system import SystemSettings
from ..domain.workloads import FileLimits
from ..store import settings
from ..store.database import Database
from .job_ports import EndedAttempt
from .monitoring import point_of
from .ports import ResultsPort

log = logging.getLogger(__name__)
PATIENCE = timedelta(minutes=5)
"""For so long what cannot be written is tried again, with the attempt's quota held; then it is given up."""
MB = 10**6


class AttemptKeeper:
    """Called by the controller of jobs between the end of a workload and its drop; again after any crash."""

    def __init__(
        self,
        database: Database,
        engine: ResultsPort,
        logs: LogStore,
        artifacts: FolderArtifactStore,
        usage: FolderUsageStore,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._engine = engine
        self._logs = logs
        self._artifacts = artifacts
        self._usage = usage
        self._clock = clock
        self._failing: dict[str, float] = {}
        """Since when keeping an attempt fails."""

    async def keep(self, attempt: EndedAttempt, now: datetime) -> ArtifactSummary:
        """Keep log and artifacts, and say what became of the artifacts. What was kept before stays.

        Raises ``EngineUnavailable``, and ``OSError`` where the disk cannot take it: ask again later. After five minutes of
        ``OSError`` it returns without having kept everything, and the summary says so.
        """
        known = await asyncio.to_thread(self._artifacts.manifest, attempt.job_id, attempt.number)
        if known is not None:
            return _summary(known)
        try:
            await self._keep_log(attempt)
            await self._keep_usage(attempt)
            kept = await self._keep_artifacts(attempt, now)
        except OSError as error:
            since = self._failing.setdefault(attempt.id, self._clock())
            if self._clock() - since < PATIENCE.total_seconds():
                raise
            log.warning("the results of %s could not be kept: %s", attempt.id, error)
            del self._failing[attempt.id]
            log_kept = await asyncio.to_thread(self._logs.exists, attempt_key(attempt.job_id, attempt.number))
            what = "Its files were not kept" if log_kept else "Neither its log nor its files were kept"
            return ArtifactSummary(message=f"{what}: the platform's disk did not take them ({error.strerror}).")
        self._failing.pop(attempt.id, None)
        return _summary(kept)

    async def _keep_log(self, attempt: EndedAttempt) -> None:
        pieces = await self._engine.log(attempt.id)
        await asyncio.to_thread(self._put_log, attempt_key(attempt.job_id, attempt.number), pieces)

    def _put_log(self, key: str, pieces: Iterable[tuple[int, bytes]]) -> None:
        left = iter(pieces)
        first = next(left, None)
        # what was lost with its workload after it was kept must not take the place of what is kept
        if first is not None or not self._logs.exists(key):
            self._logs.put(key, chain(() if first is None else (first,), left))

    async def _keep_usage(self, attempt: EndedAttempt) -> None:
        """The last sample, which nobody has seen while it ran; a short attempt has no other."""
        sample = (await self._engine.usage([attempt.id])).get(attempt.id)
        if sample is not None:
            await asyncio.to_thread(self._usage.append, attempt.job_id, attempt.number, point_of(sample))
        self._usage.forget(attempt.job_id, attempt.number)

    async def _keep_artifacts(self, attempt: EndedAttempt, now: datetime) -> KeptArtifacts:
        system = await self._database.read(settings.load)
        limits = limits_of(system)
        staging = await asyncio.to_thread(self._artifacts.stage, attempt.job_id, attempt.number)
        try:
            listing = await self._engine.copy_out(attempt.id, ARTIFACTS, staging, limits)
            kept = KeptArtifacts(
                files=listing.files,
                left_out=listing.left_out,
                message=shortcoming(listing, limits),
                kept_at=now,
                expires_at=expiry(now, system.artifact_retention),
            )
            await asyncio.to_thread(staging.keep, kept)
            return kept
        finally:
            await asyncio.to_thread(staging.drop)


def limits_of(system: SystemSettings) -> FileLimits:
    """How much of a job's files is kept."""
    return FileLimits(size=system.artifact_size * MB, files=system.artifact_files)


def _summary(kept: KeptArtifacts) -> ArtifactSummary:
    return ArtifactSummary(
        files=len(kept.files), size=kept.size, message=kept.message[:1500], expires_at=kept.expires_at
    )
