"""The claims of what outlives a pod: made where they are ours to make, looked at where an operator makes them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from primehub_services.domain import pod_reasons
from primehub_services.domain.claim_making import ClaimStorage
from primehub_services.domain.claim_reasons import NOT_YET, claim_trouble, is_pending, lasting_trouble
from primehub_services.domain.launch import Mount, MountKind
from primehub_services.domain.pods import ClaimNeed, claims_needed, volume_need

from ..base import EngineError
from .claim_watch import AskedClaims, ClaimLook
from .cluster import Cluster, ClusterRefusal, Json


class Claims:
    """Of one installation."""

    def __init__(self, cluster: Cluster, storage: ClaimStorage, look: ClaimLook | None = None) -> None:
        self._cluster = cluster
        self._storage = storage
        self._look = look or AskedClaims(cluster)

    async def ready(self, mounts: Collection[Mount]) -> dict[str, str]:
        """Make what is missing; why a claim of that name cannot be mounted, as far as the cluster has said so."""
        missing = {}
        for need in claims_needed(mounts):
            claim, why = await self._looked_at(need)
            if reason := why or await self._unbound(need, claim):
                missing[need.name] = reason
        return missing

    async def _unbound(self, need: ClaimNeed, claim: Json | None) -> str:
        """Why a claim that is there cannot be had: a clause; empty while that is nothing but waiting."""
        if claim is None:
            return ""
        told = await self._look.told(need.name) if is_pending(claim) else []
        why, _ = claim_trouble(need, claim, told)
        if not why.endswith(NOT_YET):
            return why
        # one that others have long waited for is nothing that a job has to wait for, but its group's folder may be
        return lasting_trouble(need, claim, told, datetime.now(UTC)) if need.kind is MountKind.DATASET else ""

    async def look_at(self, need: ClaimNeed) -> str | None:
        """Make one that is missing and ours to make; why it cannot be mounted: a clause."""
        _, why = await self._looked_at(need)
        return why

    async def _looked_at(self, need: ClaimNeed) -> tuple[Json | None, str | None]:
        """The claim, too."""
        found = await self._look.claim(need.name)
        if found is None and need.made_by_us:
            try:
                found = await self._make(need)
            except ClusterRefusal as refusal:
                why = pod_reasons.refusal(refusal.status, refusal.message).text
                return None, f"its claim {need.name} cannot be made: {why}"
        if found is None:
            return None, pod_reasons.missing_claim(need.name, made_by_us=need.made_by_us).text
        if (found.get("status") or {}).get("phase") == "Lost":
            return found, f"the storage behind its claim {need.name} is gone"
        return found, self._storage.foreign(need, found) or None

    async def _make(self, need: ClaimNeed) -> Json | None:
        # created and not applied: one that somebody else made just now is not to become ours
        made = await self._cluster.create(self._storage.manifest(need))
        return made or await self._cluster.get("PersistentVolumeClaim", need.name)

    async def provision(self, slug: str) -> None:
        """Make the claim of a data volume. Raises ``EngineError``."""
        need = volume_need(slug, None)
        assert need is not None
        if (why := await self.look_at(need)) is not None:
            raise EngineError(f"The volume cannot be mounted: {why.rstrip('.')}.", code="volume")
