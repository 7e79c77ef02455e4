"""Projects people and groups into the hub, which other Jupyter tools read. PrimeHub's own checks never rest on it.

Who administers the hub is not written from here: only an administrator may give that. The authenticator says it at
each sign-in, and whenever the hub asks anew whether somebody may go on.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from ..store import departures
from ..store.database import Database
from ..store.departures import Projection
from .ports import HubPort
from .runner import Every

RESYNC = timedelta(seconds=300)
"""How long what the hub has is trusted to be what was last written into it."""
_MOST = 500
"""Names in one request."""


class MembershipController:
    """Compares every few seconds; asks the hub only where something changed here, or after ``RESYNC``.

    Users and groups of the hub that PrimeHub never had are left alone.
    """

    name = "membership"
    interval = 3.0
    hints = frozenset({"account", "group", "membership"})

    def __init__(self, database: Database, hub: HubPort) -> None:
        self._database = database
        self._hub = hub
        self._written: Projection | None = None
        self._resync = Every(RESYNC)

    async def step(self, now: datetime) -> None:
        """Raises ``HubUnavailable`` where the hub cannot be asked; the next step begins anew."""
        wanted = await self._database.read(departures.projection)
        if wanted == self._written and not self._resync.due(now):
            return
        self._written = None  # should this be cut off, nothing is taken for written
        await self._users(wanted)
        await self._groups(wanted)
        self._written = wanted
        self._resync.done(now)

    async def _users(self, wanted: Projection) -> None:
        for names in _batches(sorted(wanted.users - set(await self._hub.people()))):
            await self._hub.ensure_users(names)

    async def _groups(self, wanted: Projection) -> None:
        existing = await self._hub.groups()
        for slug, members in sorted(wanted.groups.items()):
            if slug not in existing:
                await self._hub.create_group(slug)
            present = set(existing.get(slug, ()))
            for names in _batches(sorted(members - present)):
                await self._hub.add_to_group(slug, names)
            for names in _batches(sorted(present - members)):
                await self._hub.remove_from_group(slug, names)
        for slug in sorted(wanted.gone & set(existing)):
            await self._hub.delete_group(slug)


def _batches(names: list[str]) -> list[list[str]]:
    return [names[i : i + _MOST] for i in range(0, len(names), _MOST)]
