"""Deletes uploaded notebooks that nothing refers to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta

from ..blobs import FolderSnapshotStore
from ..store import snapshots
from ..store.database import Database

UNUSED = timedelta(days=1)
"""How long an upload waits for the job that it is for."""
_BATCH = 500


class SnapshotController:
    """Every ten minutes. The row goes first: a file without one is found again, a row without its file would be run."""

    name = "snapshots"
    interval = 600.0
    hints: frozenset[str] = frozenset()

    def __init__(self, database: Database, store: FolderSnapshotStore) -> None:
        self._database = database
        self._store = store

    async def step(self, now: datetime) -> None:
        """A bounded number in each transaction."""
        before = now - UNUSED
        while deleted := await self._database.write(snapshots.delete_unused, before, limit=_BATCH):
            for snapshot in deleted:
                await asyncio.to_thread(self._store.delete, snapshot)
        for snapshot in await asyncio.to_thread(self._store.forgotten, before.timestamp(), self._known):
            await asyncio.to_thread(self._store.delete, snapshot)

    def _known(self, ids: Iterable[str]) -> set[str]:
        return self._database.read_now(snapshots.known, ids)
