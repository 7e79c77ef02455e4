"""Keeps the logs of notebooks that run, where nothing else does: on a cluster they would be gone with their pods."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol

from ..store import notebooks
from ..store.database import Database
from .ports import EngineUnavailable
from .runner import Every

log = logging.getLogger(__name__)
OFTEN = timedelta(seconds=5)
SELDOM = timedelta(seconds=60)
"""Between two looks at a log in which nothing happens: half of a thousand notebooks print nothing for hours."""
AT_ONCE = 8


class NotebookLogPort(Protocol):
    """The logs of notebooks' workloads. Both raise ``EngineUnavailable``."""

    async def running(self) -> Mapping[str, bool]:
        """Every one that runs, by start id, and whether it is about to end."""

    async def keep(self, start_id: str) -> bool:
        """Write down what is new in its log; whether anything is."""


class NotebookLogController:
    """Every five seconds: each log in which something happened lately, and those of what is about to end."""

    name = "notebook-logs"
    interval = 5.0
    hints: frozenset[str] = frozenset()

    def __init__(self, database: Database, logs: NotebookLogPort) -> None:
        self._database = database
        self._logs = logs
        self._looks: dict[str, Every] = {}
        """What this process knows of each. A new process begins with nothing: everything is due."""

    async def step(self, now: datetime) -> None:
        """Raises ``EngineUnavailable`` where the cluster cannot be asked what runs."""
        running = await self._logs.running()
        known = await self._database.read(notebooks.known, tuple(running)) if running else frozenset()
        self._looks = {start_id: self._looks.get(start_id) or Every(OFTEN) for start_id in running if start_id in known}
        slots = asyncio.Semaphore(AT_ONCE)
        wanted = [start_id for start_id, look in self._looks.items() if look.due(now) or running[start_id]]
        await asyncio.gather(*(self._keep(start_id, now, slots) for start_id in wanted))

    async def _keep(self, start_id: str, now: datetime, slots: asyncio.Semaphore) -> None:
        look = self._looks[start_id]
        try:
            async with slots:
                news = await self._logs.keep(start_id)
        except (EngineUnavailable, OSError) as error:
            log.info("the log of start %s cannot be kept just now: %s", start_id, error)
            news = False
        look.pause = OFTEN if news else min(SELDOM, look.pause * 2)
        look.done(now)
