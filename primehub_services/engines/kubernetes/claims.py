"""The claims of what outlives a pod: made where they are ours to make, looked at where an operator makes them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from primehub_services.domain import pod_reasons
from primehub_services.domain.launch import Mount, MountKind
from primehub_services.domain.pods import ClaimNeed, claims_needed, make_claim, marks, volume_need

from ..base import EngineError
from .cluster import Cluster, ClusterRefusal, Json


@dataclass(frozen=True, slots=True)
class Storage:
    """How claims are made. An empty class is the cluster's own default."""

    home_class: str = ""
    home_capacity: str = "10Gi"
    group_class: str = ""
    group_capacity: str = "10Gi"


class Claims:
    """Of one installation."""

    def __init__(self, cluster: Cluster, storage: Storage, instance: str) -> None:
        self._cluster = cluster
        self._storage = storage
        self._instance = instance

    async def ready(self, mounts: Collection[Mount]) -> dict[str, str]:
        """Make what is missing; why a claim of that name cannot be mounted."""
        missing = {}
        for need in claims_needed(mounts):
            if (reason := await self._look_at(need)) is not None:
                missing[need.name] = reason
        return missing

    async def _look_at(self, need: ClaimNeed) -> str | None:
        found = await self._cluster.get("PersistentVolumeClaim", need.name)
        if found is None and need.made_by_us:
            try:
                found = await self._make(need)
            except ClusterRefusal as refusal:
                return pod_reasons.refusal(refusal.status, refusal.message).text
        if found is None:
            return pod_reasons.missing_claim(need.name, made_by_us=need.made_by_us).text
        if (found.get("status") or {}).get("phase") == "Lost":
            return f"the storage behind its claim {need.name} is gone"
        return None

    async def _make(self, need: ClaimNeed) -> Json:
        home = need.kind is MountKind.HOME
        manifest = make_claim(
            need,
            storage_class=self._storage.home_class if home else self._storage.group_class,
            default_capacity=self._storage.home_capacity if home else self._storage.group_capacity,
            labels=marks(self._instance),
        )
        return await self._cluster.apply(manifest)

    async def provision(self, slug: str) -> None:
        """Make the claim of a data volume. Raises ``EngineError``."""
        need = volume_need(slug, None)
        assert need is not None
        if await self._cluster.get("PersistentVolumeClaim", need.name) is not None:
            return
        try:
            await self._make(need)
        except ClusterRefusal as refusal:
            raise EngineError(pod_reasons.refusal(refusal.status, refusal.message).text, code="volume") from refusal

    async def discard(self, slug: str) -> None:
        """Delete the claim of a data volume, and with it what is in it. Absence is success."""
        need = volume_need(slug, None)
        assert need is not None
        await self._cluster.delete("PersistentVolumeClaim", need.name)
