"""On a cluster: makes the claims of groups' folders, and says at the group where one cannot be had, before a start would wait.

What a storage class can do is not ours to read. So its answer is asked for: the claim is made with the group.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from ..domain.pods import ClaimNeed
from ..store import groups
from ..store.database import Database
from .claims import sentence

WELL_FOR = timedelta(minutes=10)
"""For so long what is well is not looked at again."""


class FolderPort(Protocol):
    """The cluster's claims. Raises ``EngineUnavailable``."""

    async def trouble(self, need: ClaimNeed) -> str:
        """Make the claim where there is none; why it cannot be mounted: a clause, empty where it can."""


class GroupFolderController:
    """Every ten seconds, and when a group changed. Writes only what is new."""

    name = "group-folders"
    interval = 10.0
    hints = frozenset({"group"})

    def __init__(self, database: Database, folders: FolderPort) -> None:
        self._database = database
        self._folders = folders
        self._well: dict[str, datetime] = {}
        self._seen: dict[str, str] = {}
        """What was said of each the last time: a claim that was made just now is not bound yet, and that is no trouble."""

    async def step(self, now: datetime) -> None:
        """Look at each that is not known to be well."""
        found = await self._database.read(groups.with_folders)
        for group_id, need, told in found:
            if not told and self._well.get(group_id, now - WELL_FOR) > now - WELL_FOR:
                continue
            trouble = sentence(await self._folders.trouble(need))
            if not trouble:
                self._well[group_id] = now
            if trouble != told and trouble in ("", self._seen.get(group_id)):
                await self._database.write(groups.report_folder, group_id, trouble)
            self._seen[group_id] = trouble
