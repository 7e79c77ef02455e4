"""Ends what runs of notebooks that are to stop, past the hub: somebody who has left loses them while it is busy or away."""

from __future__ import annotations

import asyncio
from datetime import datetime

from ..store import notebooks
from ..store.database import Database
from .ports import WorkloadPort

ENDED_AT_ONCE = 16
"""Workloads that are asked to end at the same time."""


class StopController:
    """As soon as somebody asks for a stop, and every two seconds until the start is over: whatever runs of it by then is
    asked to end.

    ``NotebookController`` asks the hub too, which takes the server out of its proxy and its own records. The hub alone
    would not do: it stops no server that is still starting, and has all its other work in the same thread.
    """

    name = "stops"
    interval = 2.0
    hints = frozenset({"notebook", "account", "group", "membership"})

    def __init__(self, database: Database, workloads: WorkloadPort) -> None:
        self._database = database
        self._workloads = workloads
        self._lanes = asyncio.Semaphore(ENDED_AT_ONCE)

    async def step(self, now: datetime) -> None:
        """Raises what went wrong with one of them, once all were asked."""
        to_stop = await self._database.read(notebooks.to_stop)
        asked = await asyncio.gather(*map(self._end, sorted(to_stop)), return_exceptions=True)
        failed = [outcome for outcome in asked if outcome is not None]
        if failed:
            raise failed[0]

    async def _end(self, start_id: str) -> None:
        async with self._lanes:
            await self._workloads.stop(start_id)
