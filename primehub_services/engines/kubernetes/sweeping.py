"""What a crash leaves between two steps: values without a Job, reports of what is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from .cluster import Cluster
from .manifests import KEY_LABEL
from .spool import Spool


class Sweeper:
    """Drops what was without a workload twice, ten minutes apart: what is new may be about to get one."""

    def __init__(self, cluster: Cluster, query: dict[str, str], spool: Spool) -> None:
        self._cluster = cluster
        self._query = query
        self._spool = spool
        self._before: frozenset[tuple[str, str]] = frozenset()

    async def step(self, living: Collection[str]) -> None:
        """Look once. ``living`` are the keys of all workloads that there are."""
        found = {("spool", key) for key in await asyncio.to_thread(self._spool.workloads) if key not in living}
        secrets, _ = await self._cluster.list_("Secret", self._query)
        for secret in secrets:
            key = secret["metadata"]["labels"].get(KEY_LABEL)
            # those without a key are no workload's: images are pulled with them
            if key is not None and key not in living and not secret["metadata"].get("ownerReferences"):
                found.add(("secret", secret["metadata"]["name"]))
        for kind, name in found & self._before:
            if kind == "secret":
                await self._cluster.delete("Secret", name)
            else:
                await asyncio.to_thread(self._spool.drop, name)
        self._before = frozenset(found - self._before)
