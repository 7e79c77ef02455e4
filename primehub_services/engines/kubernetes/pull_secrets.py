"""Secrets of the namespace that nodes fetch images with."""

from __future__ import annotations

from collections.abc import Sequence

from primehub_services.domain.pods import selector
from primehub_services.domain.pull_secrets import PULL, PullSecret, make_pull_secret

from ..base import EngineUnavailable
from .cluster import Cluster, ClusterRefusal


class PullSecrets:
    """``controllers.PullSecretPort`` over a cluster. Raises ``EngineUnavailable``."""

    def __init__(self, cluster: Cluster, instance: str) -> None:
        self._cluster = cluster
        self._instance = instance

    async def keep(self, wanted: Sequence[PullSecret]) -> None:
        """Make there be these, and no others of ours. What is as it should be is left alone."""
        query = {"labelSelector": selector(self._instance, kind=PULL)}
        manifests = {m["metadata"]["name"]: m for m in (make_pull_secret(s, self._instance) for s in wanted)}
        try:
            found, _ = await self._cluster.list_("Secret", query)
            there = {secret["metadata"]["name"]: secret for secret in found}
            for name, manifest in manifests.items():
                if there.get(name, {}).get("data") != manifest["data"]:
                    await self._cluster.apply(manifest)
            for name in there.keys() - manifests.keys():
                await self._cluster.delete("Secret", name)
        except ClusterRefusal as refusal:
            # never with the body that was sent: the values are in it
            raise EngineUnavailable(f"the cluster: {refusal.message}") from None
