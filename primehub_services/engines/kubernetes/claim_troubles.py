"""Why claims that an operator binds cannot be mounted."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from primehub_services.domain.claim_reasons import claim_trouble
from primehub_services.domain.pods import ClaimNeed

from ..base import EngineUnavailable
from .cluster import Cluster, ClusterRefusal, Json


class ClaimTroubles:
    """``controllers.ClaimPort`` over a cluster. Raises ``EngineUnavailable``."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def troubles(self, needs: Sequence[ClaimNeed]) -> Mapping[str, str]:
        """By the claim's name; those that can be mounted are left out."""
        try:
            found = await asyncio.gather(*(self._of(need) for need in needs))
        except ClusterRefusal as refusal:
            raise EngineUnavailable(f"the cluster: {refusal.message}") from refusal
        return {need.name: why for need, why in zip(needs, found, strict=True) if why}

    async def _of(self, need: ClaimNeed) -> str:
        claim = await self._cluster.get("PersistentVolumeClaim", need.name)
        pending = claim is not None and (claim.get("status") or {}).get("phase") == "Pending"
        return claim_trouble(need, claim, await self._events(need.name) if pending else [])[0]

    async def _events(self, name: str) -> list[Json]:
        chosen = f"involvedObject.kind=PersistentVolumeClaim,involvedObject.name={name}"
        found, _ = await self._cluster.list_("Event", {"fieldSelector": chosen})
        return sorted(found, key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")
