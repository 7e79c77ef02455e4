"""Ends what is still open of those who left: an account disabled or deleted, a membership that ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from ..operations import starts
from ..store import departures, notebooks
from ..store.database import Database
from ..store.departures import Departure
from ..store.unit_of_work import UnitOfWork
from .ports import HubPort, HubRefusal

log = logging.getLogger(__name__)


class LeavingController:
    """Every two seconds. ``stopping`` is called when notebooks were asked to stop, to wake who stops them."""

    name = "leaving"
    interval = 2.0
    hints = frozenset({"account", "group", "membership"})

    def __init__(self, database: Database, hub: HubPort, *, stopping: Callable[[], None] | None = None) -> None:
        self._database = database
        self._hub = hub
        self._stopping = stopping or (lambda: None)

    async def step(self, now: datetime) -> None:
        """Each person's departure is tried by itself: one that the hub refuses holds up no other."""
        if await self._database.read(notebooks.without_right):
            await self._database.write(stop_without_right)
            self._stopping()
        departing = await self._database.read(departures.pending)
        if not departing:
            return
        servers: dict[str, list[str]] = {}
        for server in await self._hub.servers():
            servers.setdefault(server.user, []).append(server.name)
        outcomes = await asyncio.gather(
            *(self._depart(d, servers.get(d.name, [])) for d in departing), return_exceptions=True
        )
        failed = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        if failed:
            raise failed[0]

    async def _depart(self, departure: Departure, servers: list[str]) -> None:
        # the tokens first: they are what a person could still act with
        await self._hub.revoke_tokens(departure.name)
        gone = True
        for name in servers:
            try:
                gone = await self._hub.stop_server(departure.name, name) and gone
            except HubRefusal as refusal:
                log.info("the server %r of %s does not stop yet: %s", name, departure.name, refusal)
                gone = False
        if not gone:
            return  # the next step looks again
        if departure.for_good:
            # sessions of the hub itself end only with its user
            await self._hub.delete_user(departure.name)
        await self._database.write(departures.done, departure)


def stop_without_right(uow: UnitOfWork) -> None:
    """Ask for the end of notebooks whose person has no right to them any more."""
    for seen, reason in notebooks.without_right(uow):
        row = notebooks.locked(uow, seen.id)
        if row is None or row.stop_requested is not None:
            continue
        row.stop_requested = reason
        starts.touched(uow, row)
        uow.audit(starts.PLATFORM, "notebook.stop", row.id, group_id=row.group_id, reason=reason)
