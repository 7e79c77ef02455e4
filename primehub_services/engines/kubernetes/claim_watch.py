"""What the cluster's claims are and what is said of them, as a watch keeps it: one for all of them, and no question for each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from primehub_services.domain.pod_reasons import told_at

from .cluster import Cluster, Json
from .watching import Watched

KIND = "PersistentVolumeClaim"
ABOUT_CLAIMS = {"fieldSelector": f"involvedObject.kind={KIND}"}


class ClaimLook(Protocol):
    """Where claims are looked at. Both raise ``EngineUnavailable`` and ``ClusterRefusal``."""

    async def claim(self, name: str) -> Json | None:
        """The claim; None where there is none."""

    async def told(self, name: str) -> list[Json]:
        """What the cluster lately said of it, the oldest first."""


class AskedClaims:
    """``ClaimLook`` that asks the cluster each time: for who looks now and then."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def claim(self, name: str) -> Json | None:
        """See ``ClaimLook``."""
        return await self._cluster.get(KIND, name)

    async def told(self, name: str) -> list[Json]:
        """See ``ClaimLook``."""
        chosen = {"fieldSelector": f"{ABOUT_CLAIMS['fieldSelector']},involvedObject.name={name}"}
        return sorted((await self._cluster.list_("Event", chosen))[0], key=told_at)


class WatchedClaims:
    """``ClaimLook`` over a copy that a watch keeps. ``run`` has to be running.

    ``told`` is called, on the event loop, with the name of each claim of which something is said.
    """

    def __init__(self, cluster: Cluster, told: Callable[[str], None] = lambda name: None) -> None:
        self._cluster = cluster
        self._told = told
        self._claims = Watched(cluster, KIND, {}, self._changed)
        # not warnings alone: that a claim is not bound, and why, is none
        self._events = Watched(cluster, "Event", ABOUT_CLAIMS, self._changed)
        self._listeners: list[Callable[[], None]] = []

    async def run(self) -> None:
        """Watch, until cancelled. Who listens begins anew then."""
        try:
            await asyncio.gather(self._claims.run(), self._events.run())
        finally:
            self._listeners.clear()

    def listen(self, changed: Callable[[], None]) -> None:
        """Have ``changed`` called, on the event loop, whenever something of a claim changes, until ``run`` ends."""
        self._listeners.append(changed)

    async def claim(self, name: str) -> Json | None:
        """See ``ClaimLook``."""
        await self._claims.current()
        # one that was made just now may not have been told of yet
        return self._claims.items.get(name) or await self._cluster.get(KIND, name)

    async def told(self, name: str) -> list[Json]:
        """See ``ClaimLook``."""
        await self._events.current()
        mine = [event for event in self._events.items.values() if event["involvedObject"].get("name") == name]
        return sorted(mine, key=told_at)

    def _changed(self, item: Json) -> None:
        self._told(str((item.get("involvedObject") or item.get("metadata") or {}).get("name", "")))
        for changed in self._listeners:
            changed()
