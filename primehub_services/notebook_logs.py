"""Keeps the log of a notebook's pod while it grows: what a cluster says of a pod is gone with it, and rotated before.

A cluster gives a log from a moment on, not from a byte on, and says of each line when it was written. Of each notebook
there is kept, beside its log, until which moment, and how long the log was then. What comes after that moment belongs
at that place, whoever writes it and however often: several processes may, and one that is cut off repeats itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from concurrent.futures import TimeoutError as TooLate

from .blobs import FolderLogStore, LogChunk, notebook_folder, notebook_key
from .engines.base import EngineUnavailable
from .engines.kubernetes.notebooks import NotebookPods
from .engines.kubernetes.pod_logs import LogLine

FRESH_S = 1.0
"""Seconds for which a log that is looked at is not asked for anew: several may follow it."""
LOOKED_AT = 1000
ASK_S = 20
BATCH = 1 << 20


class PodLogs:
    """``LiveLogs``: brings the kept log up to date, from which it is read then. Reading is done in a thread."""

    def __init__(self, pods: NotebookPods, store: FolderLogStore) -> None:
        self._pods = pods
        self._store = store
        self._loop = asyncio.get_running_loop()
        self._looked: dict[str, float] = {}

    def read(self, workload: str, offset: int, limit: int) -> LogChunk | None:
        """Always None: there is nothing that the store has not."""
        if time.monotonic() - self._looked.get(workload, -FRESH_S) >= FRESH_S:
            self._looked = {**dict(list(self._looked.items())[-LOOKED_AT:]), workload: time.monotonic()}
            with contextlib.suppress(EngineUnavailable, TooLate):
                asyncio.run_coroutine_threadsafe(self.keep(workload), self._loop).result(ASK_S)
        return None

    async def keep(self, start_id: str, *, ended: bool = False) -> bool:
        """Write down what is new; whether anything is. Of one that has ``ended``, a last line without an end too.

        Raises ``EngineUnavailable`` where the cluster or the node does not answer.
        """
        until, size = await asyncio.to_thread(self._position, start_id)
        held: list[LogLine] = []
        weight, news = 0, False
        async for line in self._pods.lines(start_id, after=until, unended=ended):
            held.append(line)
            weight += len(line.text)
            if weight >= BATCH:
                size, news = await asyncio.to_thread(self._write, start_id, held, size), True
                held, weight = [], 0
        if held:
            await asyncio.to_thread(self._write, start_id, held, size)
        return news or bool(held)

    def _write(self, start_id: str, lines: list[LogLine], size: int) -> int:
        data = b"".join(line.text for line in lines)
        # in this order: what is cut off in between is written once more, at the same place
        self._store.extend(notebook_key(start_id), size, data)
        position = f"{lines[-1].at} {size + len(data)}".encode()
        self._store.put(_position_key(start_id), [(0, position)])
        return size + len(data)

    def _position(self, start_id: str) -> tuple[int, int]:
        words = self._store.read(_position_key(start_id), 0, 100).data.split()
        return (int(words[0]), int(words[1])) if len(words) == 2 else (0, 0)


def _position_key(start_id: str) -> str:
    return f"{notebook_folder(start_id)}/log-until"
