"""The first administrator's one-time link: in a file for ``primehub up`` to show, until it is used."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from pathlib import Path

from .api.events import ChangeFeed
from .domain.problems import Problem
from .operations import invitations
from .store.database import Database

log = logging.getLogger("primehub")
CONCERNS = frozenset({"account", "invitation"})
LOOK = 60.0


class FirstSignIn:
    """Keeps the file in step with the link. The token is made anew at every start that still needs one."""

    def __init__(self, database: Database, path: Path) -> None:
        self._database = database
        self._path = path
        self._token: str | None = None

    async def prepare(self) -> bool:
        """Make the first platform admin and the link, where nobody has used one yet; whether there is a link."""
        self._token = await self._database.write(invitations.bootstrap_admin)
        if self._token is None:
            self._remove()
            return False
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(self._token)
        temporary.replace(self._path)
        return True

    async def watch(self, feed: ChangeFeed) -> None:
        """Remove the file as soon as the link is used or withdrawn."""
        subscription = feed.subscribe()
        try:
            while self._token is not None:
                await subscription.wait(LOOK)
                if any(change.kind in CONCERNS for change in subscription.take()) or subscription.lagged:
                    subscription.lagged = False
                    await self._check(self._token)
        finally:
            feed.unsubscribe(subscription)

    async def _check(self, token: str) -> None:
        try:
            await self._database.read(invitations.usable, token)
        except Problem:
            self._token = None
            await asyncio.to_thread(self._remove)

    def _remove(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
