"""Forgets what is old: changes that every reader has seen, logs, firings, messages, and in the end notebooks' rows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..blobs import LogStore, notebook_folder
from ..store import changes, notebooks, notifications, permits, schedules, settings
from ..store.database import Database

_BATCH = 500
_CHANGES = 5000


@dataclass(frozen=True, slots=True)
class Retention:
    """How long things are kept."""

    changes: timedelta = timedelta(days=1)
    """A reader that was away longer loads everything anew."""
    logs: timedelta | None = None
    """Of notebooks; null is as the settings say."""
    notebooks: timedelta = timedelta(days=365)
    firings: timedelta = timedelta(days=90)
    """Of what became of due instants; the newest of each recurring job stays."""
    notifications: timedelta = timedelta(days=30)


class SweepController:
    """Every ten minutes."""

    name = "sweeper"
    interval = 600.0
    hints: frozenset[str] = frozenset()

    def __init__(self, database: Database, logs: LogStore, retention: Retention | None = None) -> None:
        self._database = database
        self._logs = logs
        self._keep = retention or Retention()
        self._swept: datetime | None = None

    async def step(self, now: datetime) -> None:
        """A bounded number in each transaction, so that writers never wait long."""
        while await self._database.write(changes.sweep, now - self._keep.changes, limit=_CHANGES) == _CHANGES:
            pass
        logs = self._keep.logs or timedelta(seconds=(await self._database.read(settings.load)).log_retention)
        if logs:
            await self._sweep_logs(now - logs)
        old = await self._database.read(notebooks.ended_between, None, now - self._keep.notebooks, limit=_BATCH)
        if old:
            # what is kept of them, where logs are kept for ever, could not be found without their rows
            await self._delete_logs(start_id for start_id, _ in old)
            await self._database.write(notebooks.delete, [start_id for start_id, _ in old])
        await self._database.write(permits.sweep)
        for sweep, kept in (
            (schedules.sweep_firings, self._keep.firings),
            (schedules.sweep_deleted, self._keep.firings),
            (notifications.sweep, self._keep.notifications),
        ):
            while await self._database.write(sweep, now - kept, limit=_BATCH) == _BATCH:
                pass

    async def _sweep_logs(self, before: datetime) -> None:
        while old := await self._database.read(notebooks.ended_between, self._swept, before, limit=_BATCH):
            await self._delete_logs(start_id for start_id, _ in old)
            if len(old) < _BATCH:
                break
            # those that ended in the same moment are looked at once more, unless they fill the whole batch
            last = old[-1][1]
            self._swept = last if last != self._swept else last + timedelta(microseconds=1)

    async def _delete_logs(self, start_ids: Iterable[str]) -> None:
        for start_id in start_ids:
            await asyncio.to_thread(self._logs.delete, notebook_folder(start_id))
