"""A copy of some of a cluster's objects, kept current by a watch. One list and one watch for all workloads together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from ..base import EngineUnavailable
from .cluster import Cluster, ClusterRefusal, Expired, Json

log = logging.getLogger(__name__)
PATIENCE_S = 5.0
"""A cluster that does not answer for so long: what was seen of it before is of no use."""
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 5.0
LIVES_S = 5.0
"""A watch that ended sooner is no good one, whatever ended it: each further one waits longer, or all would be listed several
times a second for as long as a cluster lists and does not watch."""


class Watched:
    """The objects of a kind that a query selects, by name. ``changed`` is told of each that comes, changes or goes."""

    def __init__(self, cluster: Cluster, kind: str, query: Mapping[str, str], changed: Callable[[Json], None]) -> None:
        self._cluster = cluster
        self._kind = kind
        self._query = query
        self._changed = changed
        self.items: dict[str, Json] = {}
        self._known = asyncio.Event()
        self._lost: float | None = None
        """Since when the cluster does not answer."""
        self._why = ""

    async def current(self) -> None:
        """Return once ``items`` is what is there. Raises ``EngineUnavailable`` where that cannot be said."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._known.wait()
        except TimeoutError:
            raise EngineUnavailable(self._why or "the cluster does not answer") from None
        if self._lost is not None and asyncio.get_running_loop().time() - self._lost > PATIENCE_S:
            raise EngineUnavailable(self._why)

    def put(self, item: Json) -> None:
        """Take in what a request of our own has shown, unless something newer is known."""
        if not self._knows_newer(item, or_the_same=True):
            self.items[item["metadata"]["name"]] = item

    def forget(self, name: str) -> None:
        """Take note that there is no such object."""
        self.items.pop(name, None)

    async def run(self) -> None:
        """List and watch, again and again, until cancelled. What was known is forgotten then."""
        try:
            await self._watch()
        finally:
            self._known.clear()
            self.items = {}

    async def _watch(self) -> None:
        loop, short = asyncio.get_running_loop(), 0
        while True:
            began = loop.time()
            try:
                version = await self._list()
                began = loop.time()
                async for kind, item in self._cluster.watch(self._kind, self._query, version):
                    self._take(kind, item)
            except Expired:
                pass
            except Exception as error:
                self._why = str(error) or type(error).__name__
                self._lost = self._lost or loop.time()
                if not isinstance(error, (EngineUnavailable, ClusterRefusal)):
                    log.exception("%ss cannot be watched", self._kind)
                elif short == 0:
                    log.warning("%ss cannot be watched: %s", self._kind, self._why)
            short = 0 if loop.time() - began >= LIVES_S else short + 1
            await asyncio.sleep(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(short, 10)))

    async def _list(self) -> str:
        found, version = await self._cluster.list_(self._kind, self._query)
        now = {item["metadata"]["name"]: item for item in found}
        gone = [item for name, item in self.items.items() if name not in now]
        self.items = now
        self._lost = None
        self._known.set()
        for item in (*found, *gone):
            self._changed(item)
        return version

    def _take(self, kind: str, item: Json) -> None:
        if kind == "BOOKMARK":
            return
        name = item["metadata"]["name"]
        if kind == "DELETED":
            self.items.pop(name, None)
        elif self._knows_newer(item):
            return  # a request of our own has shown what came after it
        else:
            self.items[name] = item
        self._changed(item)

    def _knows_newer(self, item: Json, *, or_the_same: bool = False) -> bool:
        known = self.items.get(item["metadata"]["name"])
        if known is None or known["metadata"]["uid"] != item["metadata"]["uid"]:
            return False
        return _version(known) > _version(item) or (or_the_same and _version(known) == _version(item))


def _version(item: Json) -> int:
    """Which of two states of one object is newer. Kubernetes promises since 1.35 that versions of a kind may be compared;
    before, they were the same numbers of etcd, and said to be opaque: whose are no numbers has none that is newer."""
    text = str(item["metadata"].get("resourceVersion", ""))
    return int(text) if text.isdigit() else 0
