"""Notebooks' pods, as controllers and API look at them through their narrow ports."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import TypeVar

from .controllers.ports import EngineUnavailable, WorkloadState
from .engines.base import EngineUnavailable as NoAnswer
from .engines.kubernetes.notebooks import NotebookPods
from .notebook_logs import PodLogs

T = TypeVar("T")


class PodWorkloads:
    """``WorkloadPort`` and ``NotebookLogPort`` over the pods that the spawner made."""

    def __init__(self, pods: NotebookPods, logs: PodLogs) -> None:
        self._pods = pods
        self._logs = logs

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

    async def running(self) -> Mapping[str, bool]:
        """Every one that runs, and whether it is about to end, as a watch last saw it."""
        found = await _told(self._pods.seen())
        return {start_id: pod.ending for start_id, pod in found.items() if pod.running}

    async def keep(self, start_id: str) -> bool:
        """Write down what is new in its log."""
        return await _told(self._logs.keep(start_id))

    async def log(self, start_id: str) -> None:
        """Write down the rest of its log, which was kept while it grew."""
        await _told(self._logs.keep(start_id, ended=True))

    async def remove(self, start_id: str) -> None:
        """Delete its pod."""
        await _told(self._pods.remove(start_id))


async def _told(asking: Awaitable[T]) -> T:
    try:
        return await asking
    except NoAnswer as error:
        raise EngineUnavailable(str(error)) from error
