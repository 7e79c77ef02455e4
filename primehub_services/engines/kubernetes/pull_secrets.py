"""Secrets of the namespace that nodes fetch images with."""

from __future__ import annotations

from collections.abc import Sequence

from primehub_services.domain.pods import selector
from primehub_services.domain.pull_secrets import PULL, PullSecret, make_pull_secret

from ..base import EngineUnavailable
from .cluster import Cluster, ClusterRefusal, Json


class PullSecrets:
    """``controllers.PullSecretPort`` over a cluster. Raises ``EngineUnavailable``."""

    def __init__(self, cluster: Cluster, instance: str) -> None:
        self._cluster = cluster
        self._instance = instance

    async def keep(self, wanted: Sequence[PullSecret]) -> None:
        """Make there be these, and no others of ours. What is as it should be is left alone, and so is what is not ours.

        One that cannot be made holds up no other. Raises ``EngineUnavailable`` in the end, naming each.
        """
        query = {"labelSelector": selector(self._instance, kind=PULL)}
        manifests = {m["metadata"]["name"]: m for m in (make_pull_secret(s, self._instance) for s in wanted)}
        try:
            found, _ = await self._cluster.list_("Secret", query)
        except ClusterRefusal as refusal:
            raise EngineUnavailable(f"the cluster: {refusal.message}") from None
        there = {secret["metadata"]["name"]: secret for secret in found}
        troubles = []
        for name in sorted(manifests.keys() | there.keys()):
            try:
                why = await self._put(name, manifests.get(name), there.get(name))
            except ClusterRefusal as refusal:
                # never with the body that was sent: the values are in it
                why = f"{name}: {refusal.message}"
            troubles += [why] if why else []
        if troubles:
            raise EngineUnavailable(f"the cluster: {'; '.join(troubles)}")

    async def _put(self, name: str, wanted: Json | None, there: Json | None) -> str:
        """Bring one to what it should be; why it cannot be, where it is another's."""
        if wanted is None:
            await self._cluster.delete("Secret", name)
        elif there is None:
            # created and not applied: one of that name that an operator made is not ours to change
            if await self._cluster.create(wanted) is None:
                return (
                    f"there is a Secret {name} that is not this installation's: delete it, or name the secret otherwise"
                )
        elif there.get("data") != wanted["data"]:
            await self._cluster.apply(wanted)
        return ""
