"""Ends what runs of notebooks that are to stop, past the hub: somebody who has left loses them while it is busy or away."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime

from ..store import notebooks
from ..store.database import Database
from .ports import EngineUnavailable, WorkloadPort

log = logging.getLogger(__name__)
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
        self._failed: frozenset[str] = frozenset()
        """Starts that could not be asked to end in the last step."""

    async def step(self, now: datetime) -> None:
        """One that cannot be asked to end is only logged: a failed step would be followed by a pause, and that would hold up
        whoever leaves next. Where the engine does not answer at all, others who ask it say so."""
        to_stop = sorted(await self._database.read(notebooks.to_stop))
        ended = await asyncio.gather(*map(self._end, to_stop))
        self._failed = frozenset(start_id for start_id, done in zip(to_stop, ended, strict=True) if not done)

    async def _end(self, start_id: str) -> bool:
        async with self._lanes:
            try:
                await self._workloads.stop(start_id)
            except EngineUnavailable as error:
                if start_id not in self._failed:
                    log.warning("the workload of start %s is not asked to end yet: %s", start_id, error)
                return False
        return True
