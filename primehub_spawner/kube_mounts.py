"""Storage that is bound and yet cannot be mounted: found out while a pod waits for it, so that it starts without."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from kubernetes_asyncio.client import ApiException

from primehub_services.domain.launch import LaunchPlan
from primehub_services.domain.mount_reasons import failing
from primehub_services.domain.pods import spare_claims

from .kube_api import UNREACHED, Cluster, Json


class CannotMount(Exception):
    """The pod waits for storage that it can do without."""

    def __init__(self, why: Mapping[str, str]) -> None:
        super().__init__("; ".join(why.values()))
        self.why = dict(why)
        """By the claim's name."""


class Spare:
    """The claims of a plan that a pod can do without: all but the person's own files and the launch group's folder."""

    def __init__(self, cluster: Cluster, plan: LaunchPlan) -> None:
        self._cluster = cluster
        self._claims = {need.name for need in spare_claims(plan.mounts, plan.group)}
        self._volumes: dict[str, str] | None = None

    async def check(self, events: Sequence[Json], now: datetime) -> None:
        """Raises ``CannotMount`` where one of them holds the pod up for long; ``events`` are the pod's."""
        failed = failing(events, now)
        if not failed:
            return
        if self._volumes is None:
            try:
                claims = {name: await self._cluster.claim(name) for name in self._claims}
            except (*UNREACHED, ApiException):
                return  # the next look asks again
            self._volumes = {str(c["spec"].get("volumeName")): name for name, c in claims.items() if c is not None}
        why = {self._volumes[volume]: text for volume, text in failed.items() if volume in self._volumes}
        if why:
            raise CannotMount(why)
