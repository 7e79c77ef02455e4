"""Why claims cannot be mounted: those that an operator binds and has not, and any whose storage does not let itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from primehub_services.domain.claim_reasons import claim_trouble, is_pending, volume_of
from primehub_services.domain.mount_reasons import KNOWN_FOR, failures, mount_trouble
from primehub_services.domain.pods import ClaimNeed

from ..base import EngineUnavailable
from .claim_watch import AskedClaims, ClaimLook
from .claims import Claims
from .cluster import Cluster, ClusterRefusal, Json


class ClaimTroubles:
    """``controllers.ClaimPort`` over a cluster. Raises ``EngineUnavailable``.

    ``look`` is where claims are looked at; ``claims`` makes those that are missing, where it is given; ``warnings`` are all that the cluster gives in the namespace, kept by
    somebody's watch.
    """

    def __init__(
        self,
        cluster: Cluster,
        look: ClaimLook | None = None,
        warnings: Callable[[], Iterable[Json]] = tuple,
        claims: Claims | None = None,
    ) -> None:
        self._cluster = cluster
        self._look = look or AskedClaims(cluster)
        self._warnings = warnings
        self._claims = claims

    async def troubles(self, needs: Sequence[ClaimNeed]) -> Mapping[str, str]:
        """By the claim's name; those that can be mounted are left out."""
        try:
            found = await asyncio.gather(*(self._of(need) for need in needs))
        except ClusterRefusal as refusal:
            raise EngineUnavailable(f"the cluster: {refusal.message}") from refusal
        return {need.name: why for need, why in zip(needs, found, strict=True) if why}

    async def unmountable(self, needs: Sequence[ClaimNeed]) -> Mapping[str, str]:
        """By the claim's name: bound, and yet no node could mount it lately. Costs nothing while nothing fails."""
        now = datetime.now(UTC)
        # a warning is kept for an hour, and most are of other claims: all pods are asked for where one may count
        told = [failure for failure in failures(self._warnings()) if now - failure.last < KNOWN_FOR]
        if not told:
            return {}
        try:
            claims = await asyncio.gather(*(self._look.claim(need.name) for need in needs))
            volumes = {need.name: volume_of(claim) for need, claim in zip(needs, claims, strict=True)}
            if not {failure.volume for failure in told} & set(volumes.values()):
                return {}
            pods, _ = await self._cluster.list_("Pod", {})
        except ClusterRefusal as refusal:
            raise EngineUnavailable(f"the cluster: {refusal.message}") from refusal
        found = {name: mount_trouble(volume, name, told, pods, now) for name, volume in volumes.items() if volume}
        return {name: why for name, why in found.items() if why}

    async def _of(self, need: ClaimNeed) -> str:
        if self._claims is not None and need.made_by_us and (why := await self._claims.look_at(need)):
            return why
        claim = await self._look.claim(need.name)
        return claim_trouble(need, claim, await self._look.told(need.name) if is_pending(claim) else [])[0]


class FolderTroubles:
    """``controllers.FolderPort`` over a cluster. Raises ``EngineUnavailable``."""

    def __init__(self, claims: Claims, troubles: ClaimTroubles) -> None:
        self._claims = claims
        self._troubles = troubles

    async def trouble(self, need: ClaimNeed) -> str:
        """Make the claim where there is none; why it cannot be mounted, empty where it can."""
        try:
            why = await self._claims.look_at(need)
        except ClusterRefusal as refusal:
            raise EngineUnavailable(f"the cluster: {refusal.message}") from refusal
        return why or (await self._troubles.troubles([need])).get(need.name, "")
