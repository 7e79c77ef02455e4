"""On a cluster: makes the claims of groups' folders, and says at the group where one cannot be had, before a start would wait.

What a storage class can do is not ours to read. So its answer is asked for: the claim is made with the group.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from ..domain.claim_reasons import NOT_YET
from ..domain.pods import ClaimNeed
from ..store import groups
from ..store.database import Database
from .claims import sentence

PATIENCE = timedelta(seconds=10)
"""For so long a claim may be on its way: one that was made just now is not bound yet, and that is no trouble."""


class FolderPort(Protocol):
    """The cluster's claims. Raises ``EngineUnavailable``."""

    async def trouble(self, need: ClaimNeed) -> str:
        """Make the claim where there is none; why it cannot be mounted: a clause, empty where it can."""


class GroupFolderController:
    """Every ten seconds, and when a group or a claim changed. Writes only what is new."""

    name = "group-folders"
    interval = 10.0
    hints = frozenset({"group"})

    def __init__(self, database: Database, folders: FolderPort) -> None:
        self._database = database
        self._folders = folders
        self._waits: dict[str, datetime] = {}
        """Since when the claim of each is on its way."""

    async def step(self, now: datetime) -> None:
        """Look at each."""
        for group_id, need, told in await self._database.read(groups.with_folders):
            trouble = await self._folders.trouble(need)
            if not trouble.endswith(NOT_YET):
                self._waits.pop(group_id, None)
            elif now - self._waits.setdefault(group_id, now) < PATIENCE:
                continue
            if (text := sentence(trouble)) != told:
                await self._database.write(groups.report_folder, group_id, text)
