"""Notebooks' pods, as controllers and API look at them through their narrow ports."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Iterable, Mapping
from typing import TypeVar

from .blobs import LogChunk
from .controllers.ports import EngineUnavailable, WorkloadState
from .engines.base import EngineUnavailable as NoAnswer
from .engines.kubernetes.notebooks import NotebookPods

T = TypeVar("T")
LOG_KEPT = 1.0
"""Seconds for which a log that is looked at is not asked for anew: several may follow it."""
LOGS_KEPT = 20
ASK_S = 20


class PodWorkloads:
    """``WorkloadPort`` over the pods that the spawner made."""

    def __init__(self, pods: NotebookPods) -> None:
        self._pods = pods

    async def list_owned(self) -> Mapping[str, WorkloadState]:
        """Every one that bears our mark."""
        found = await _told(self._pods.list_owned())
        return {
            start_id: WorkloadState(running=pod.running, exit_code=pod.exit_code, reason=pod.reason)
            for start_id, pod in found.items()
        }

    async def stop(self, start_id: str) -> None:
        """End it and keep it to be read."""
        await _told(self._pods.stop(start_id))

    async def log(self, start_id: str) -> Iterable[tuple[int, bytes]]:
        """The whole log, in one piece; none where nothing ever ran."""
        text = await _told(self._pods.log(start_id))
        return [(0, text)] if text else []

    async def remove(self, start_id: str) -> None:
        """Delete its pod."""
        await _told(self._pods.remove(start_id))


class PodLogs:
    """``LiveLogs`` over the cluster's own logs of pods that are there. Called in a thread."""

    def __init__(self, pods: NotebookPods) -> None:
        self._pods = pods
        self._loop = asyncio.get_running_loop()
        self._kept: dict[str, tuple[float, bytes]] = {}

    def read(self, workload: str, offset: int, limit: int) -> LogChunk | None:
        """A part of the log; None where there is no such pod."""
        text = self._whole(workload)
        if text is None:
            return None
        start = min(offset, len(text)) if offset >= 0 else max(0, len(text) + offset)
        data = text[start : start + limit]
        return LogChunk(data=data, start=start, next_offset=start + len(data), size=len(text))

    def _whole(self, workload: str) -> bytes | None:
        known = self._kept.get(workload)
        if known is not None and time.monotonic() - known[0] < LOG_KEPT:
            return known[1]
        try:
            text = asyncio.run_coroutine_threadsafe(self._pods.log(workload), self._loop).result(ASK_S)
        except (NoAnswer, TimeoutError):
            return known[1] if known is not None else None
        if text is not None:
            while len(self._kept) >= LOGS_KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[workload] = (time.monotonic(), text)
        return text


async def _told(asking: Awaitable[T]) -> T:
    try:
        return await asking
    except NoAnswer as error:
        raise EngineUnavailable(str(error)) from error
