"""Notebooks' pods, as controllers and API look at them through their narrow ports."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Iterable, Mapping
from typing import TypeVar

from .blobs import LogChunk
from .controllers.ports import EngineUnavailable, WorkloadState
from .engines.base import EngineUnavailable as NoAnswer
from .engines.kubernetes.both_ends import BothEnds
from .engines.kubernetes.notebooks import NotebookPods

T = TypeVar("T")
LOG_KEPT = 1.0
"""Seconds for which a log that is looked at is not asked for anew: several may follow it."""
LOG_FORGOTTEN = 60.0
LOGS_KEPT = 20
SHOWN = 8 << 20
"""Bytes of a log that are held to be shown while it grows; of what has ended both ends are kept, ``KEPT`` in all."""
KEPT = 32 << 20
ASK_S = 20


class PodWorkloads:
    """``WorkloadPort`` over the pods that the spawner made."""

    def __init__(self, pods: NotebookPods) -> None:
        self._pods = pods

    async def list_owned(self) -> Mapping[str, WorkloadState]:
        """Every one that bears our mark."""
        found = await _told(self._pods.list_owned())
        return {
            start_id: WorkloadState(running=pod.running, lost=pod.lost, exit_code=pod.exit_code, reason=pod.reason)
            for start_id, pod in found.items()
        }

    async def stop(self, start_id: str) -> None:
        """End it and keep it to be read."""
        await _told(self._pods.stop(start_id))

    async def log(self, start_id: str) -> Iterable[tuple[int, bytes]]:
        """The log, both ends of a long one; none where nothing ever ran."""
        text = await _told(self._pods.log(start_id, KEPT))
        return [] if text is None else text.pieces()

    async def remove(self, start_id: str) -> None:
        """Delete its pod."""
        await _told(self._pods.remove(start_id))


class PodLogs:
    """``LiveLogs`` over the cluster's own logs of pods that are there. Called in a thread."""

    def __init__(self, pods: NotebookPods) -> None:
        self._pods = pods
        self._loop = asyncio.get_running_loop()
        self._kept: dict[str, tuple[float, BothEnds]] = {}

    def read(self, workload: str, offset: int, limit: int) -> LogChunk | None:
        """A part of the log; None where there is no such pod."""
        text = self._whole(workload)
        if text is None:
            return None
        start, data = text.read(offset if offset >= 0 else max(0, text.size + offset), limit)
        return LogChunk(data=data, start=start, next_offset=start + len(data), size=text.size)

    def _whole(self, workload: str) -> BothEnds | None:
        known = self._kept.get(workload)
        if known is not None and time.monotonic() - known[0] < LOG_KEPT:
            return known[1]
        try:
            text = asyncio.run_coroutine_threadsafe(self._pods.log(workload, SHOWN), self._loop).result(ASK_S)
        except (NoAnswer, TimeoutError):
            return known[1] if known is not None else None
        # nobody follows what was not asked for lately
        fresh = {key: kept for key, kept in self._kept.items() if time.monotonic() - kept[0] < LOG_FORGOTTEN}
        fresh.pop(workload, None)
        if text is not None:
            fresh[workload] = (time.monotonic(), text)
        self._kept = dict(list(fresh.items())[-LOGS_KEPT:])
        return text


async def _told(asking: Awaitable[T]) -> T:
    try:
        return await asking
    except NoAnswer as error:
        raise EngineUnavailable(str(error)) from error
