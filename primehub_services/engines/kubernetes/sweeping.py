"""What a crash leaves between two steps: values that no Job owns, reports of what is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from .cluster import Cluster, Json
from .manifests import KEY_LABEL, owned_by
from .spool import Spool


class Sweeper:
    """Drops what was without a workload twice, ten minutes apart: what is new may be about to get one.

    Values whose workload lives are given to its Job, with which they go.
    """

    def __init__(self, cluster: Cluster, query: dict[str, str], spool: Spool) -> None:
        self._cluster = cluster
        self._query = query
        self._spool = spool
        self._before: frozenset[tuple[str, str]] = frozenset()

    async def step(self, living: Mapping[str, Json]) -> None:
        """Look once. ``living`` are the Jobs of all workloads that there are, by their keys."""
        found = {("spool", key) for key in await asyncio.to_thread(self._spool.workloads) if key not in living}
        secrets, _ = await self._cluster.list_("Secret", self._query)
        for secret in secrets:
            name, key = secret["metadata"]["name"], secret["metadata"]["labels"].get(KEY_LABEL)
            # those without a key are no workload's: images are pulled with them
            if key is None or secret["metadata"].get("ownerReferences"):
                continue
            if (job := living.get(key)) is None:
                found.add(("secret", name))
            else:
                # whose Job went away meanwhile, the cluster takes away too
                await self._cluster.patch("Secret", name, {"metadata": {"ownerReferences": [owned_by(job)]}})
        for kind, name in found & self._before:
            if kind == "secret":
                await self._cluster.delete("Secret", name)
            else:
                await asyncio.to_thread(self._spool.drop, name)
        self._before = frozenset(found - self._before)
