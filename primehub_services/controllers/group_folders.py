"""On a cluster: makes the claims of groups' folders, and says at the group where one cannot be had, before a start would wait.

What a storage class can do is not ours to read. So its answer is asked for: the claim is made with the group.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from ..domain.pods import ClaimNeed
from ..domain.words import sentence
from ..store import groups
from ..store.database import Database
from .claims import OnTheWay


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
        self._waits = OnTheWay()

    async def step(self, now: datetime) -> None:
        """Look at each."""
        for group_id, need, told in await self._database.read(groups.with_folders):
            trouble = await self._folders.trouble(need)
            if self._waits.may_pass(group_id, trouble, now):
                continue
            if (text := sentence(trouble)) != told:
                await self._database.write(groups.report_folder, group_id, text)
