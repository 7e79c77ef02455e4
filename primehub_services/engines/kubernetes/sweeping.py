"""What a crash leaves between two steps: values that no Job owns, reports of what is gone, fetches that were not begun."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from .cluster import Cluster, Json
from .manifests import KEY_LABEL, owned_by
from .spool import Spool


class Sweeper:
    """Drops what was without a workload twice, ten minutes apart: what is new may be about to get one.

    Values whose workload lives are given to its Job, with which they go. ``fetches`` selects the Jobs that fetch repositories.
    """

    def __init__(self, cluster: Cluster, query: dict[str, str], fetches: dict[str, str], spool: Spool) -> None:
        self._cluster = cluster
        self._query = query
        self._fetches = fetches
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
                found.add(("Secret", name))
            else:
                # whose Job went away meanwhile, the cluster takes away too
                await self._cluster.patch("Secret", name, {"metadata": {"ownerReferences": [owned_by(job)]}})
        # a Job that is never begun never ends, and keeps its Secret
        fetches, _ = await self._cluster.list_("Job", self._fetches)
        found |= {("Job", job["metadata"]["name"]) for job in fetches if (job.get("spec") or {}).get("suspend")}
        for kind, name in found & self._before:
            if kind == "spool":
                await asyncio.to_thread(self._spool.drop, name)
            else:
                await self._cluster.delete(kind, name)
        self._before = frozenset(found - self._before)
