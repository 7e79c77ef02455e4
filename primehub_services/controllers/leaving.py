"""Ends what is still open of those who left: an account disabled or deleted, a membership that ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from ..domain.identity import PLATFORM
from ..operations import starts
from ..store import departures, notebooks
from ..store.database import Database
from ..store.departures import Departure
from ..store.unit_of_work import UnitOfWork
from .ports import HubPort, HubRefusal

log = logging.getLogger(__name__)


REVOKED_AT_ONCE = 16
"""People whose tokens are revoked at the same time."""
ENDED_AT_ONCE = 8
"""People whose servers are ended at the same time: each may take the hub a minute."""
PATIENCE = 1.0
"""Seconds that a step waits for departures; those that take longer go on while the next steps look for new ones."""


class LeavingController:
    """Every two seconds. ``stopping`` is called when notebooks were asked to stop, to wake who stops them.

    Each person's departure is a task of its own: one that is slow, or that the hub refuses, holds up no other. Tokens
    are revoked on lanes that no ending server occupies.
    """

    name = "leaving"
    interval = 2.0
    hints = frozenset({"account", "group", "membership"})

    def __init__(self, database: Database, hub: HubPort, *, stopping: Callable[[], None] | None = None) -> None:
        self._database = database
        self._hub = hub
        self._stopping = stopping or (lambda: None)
        self._revoking = asyncio.Semaphore(REVOKED_AT_ONCE)
        self._ending = asyncio.Semaphore(ENDED_AT_ONCE)
        self._under_way: dict[str, asyncio.Task[None]] = {}
        """By account."""

    async def step(self, now: datetime) -> None:
        """Raises what went wrong with one of the departures that came to an end since the last step."""
        if await self._database.read(notebooks.without_right):
            await self._database.write(stop_without_right)
            self._stopping()
        for departure in await self._database.read(departures.pending):
            if departure.account_id not in self._under_way:
                task = asyncio.get_running_loop().create_task(self._depart(departure))
                self._under_way[departure.account_id] = task
        if self._under_way:
            await asyncio.wait(self._under_way.values(), timeout=PATIENCE)
        over = {account: task for account, task in self._under_way.items() if task.done()}
        for account in over:
            del self._under_way[account]
        failed = [error for task in over.values() if (error := task.exception()) is not None]
        if failed:
            raise failed[0]

    async def _depart(self, departure: Departure) -> None:
        # the tokens first: they are what a person could still act with
        async with self._revoking:
            await self._hub.revoke_tokens(departure.name)
        async with self._ending:
            if not await self._end_servers(departure.name):
                return  # a later step looks again
            pending = await self._database.read(departures.pending)
            if any(now.account_id == departure.account_id and now.for_good for now in pending):
                # sessions of the hub itself end only with its user
                await self._hub.delete_user(departure.name)
        await self._database.write(departures.done, departure)

    async def _end_servers(self, user: str) -> bool:
        """Ask for the end of every server of the person; whether all are gone."""
        gone = True
        for name in await self._hub.servers_of(user):
            try:
                gone = await self._hub.stop_server(user, name) and gone
            except HubRefusal as refusal:
                log.info("the server %r of %s does not stop yet: %s", name, user, refusal)
                gone = False
        return gone


def stop_without_right(uow: UnitOfWork) -> None:
    """Ask for the end of notebooks whose person has no right to them any more."""
    for seen, reason in notebooks.without_right(uow):
        row = notebooks.locked(uow, seen.id)
        if row is None or row.stop_requested is not None:
            continue
        row.stop_requested = reason
        starts.touched(uow, row)
        uow.audit(PLATFORM, "notebook.stop", row.id, group_id=row.group_id, reason=reason)
