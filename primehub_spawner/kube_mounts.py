"""The storage that a pod waits for: why it is not there, and whether the pod can do without it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from kubernetes_asyncio.client import ApiException

from primehub_services.domain.claim_reasons import is_pending, may_be_storage, volume_of, what_holds
from primehub_services.domain.launch import LaunchPlan, MountKind
from primehub_services.domain.mount_reasons import failing, held_elsewhere
from primehub_services.domain.pod_reasons import PodReason
from primehub_services.domain.pods import claims_needed, spare_claims

from .kube_api import UNREACHED, Cluster, Json

LOOK_EVERY = timedelta(seconds=1)
"""Between two looks at the claims of one pod that waits for them; and before the first, for most wait for nothing."""


class CannotMount(Exception):
    """The pod waits for storage that it can do without."""

    def __init__(self, why: Mapping[str, str]) -> None:
        super().__init__("; ".join(why.values()))
        self.why = dict(why)
        """By the claim's name."""


class Storage:
    """What one pod mounts. It can do without all but the person's own files and the launch group's folder.

    ``missing`` are the claims that it goes without already.
    """

    def __init__(self, cluster: Cluster, plan: LaunchPlan, missing: Collection[str] = ()) -> None:
        self._cluster = cluster
        self._needs = [need for need in claims_needed(plan.mounts) if need.name not in missing]
        self._spare = {need.name for need in spare_claims(plan.mounts, plan.group)}
        self._looked: datetime | None = None
        self._found: PodReason | None = None

    async def why(self, pod: Json, events: Sequence[Json], known: PodReason | None, now: datetime) -> PodReason | None:
        """Why the pod does not run, by what its claims say where that is it; else ``known``. ``events`` are the pod's.

        Raises ``CannotMount`` where what holds it up is nothing that it needs: a claim that went away is no more waited
        for, what may yet come right has a while.
        """
        made = datetime.fromisoformat(pod["metadata"]["creationTimestamp"])
        if not may_be_storage(pod, known) or (known is None and now - made < LOOK_EVERY):
            return known
        if self._looked is None or now - self._looked >= LOOK_EVERY:
            self._looked = now
            try:
                self._found = await self._look(events, now)
            except (*UNREACHED, ApiException):
                return known  # the next look asks again
        return self._found or known

    async def _look(self, events: Sequence[Json], now: datetime) -> PodReason | None:
        failed, found, why = failing(events, now), None, {}
        for need in self._needs:
            claim = await self._cluster.claim(need.name)
            told = await self._cluster.claim_events(need.name) if is_pending(claim) else []
            lasts, waits = what_holds(need, claim, told, failed, now, spare=need.name in self._spare)
            if lasts:
                why[need.name] = lasts
            elif waits is None and need.kind is MountKind.HOME:
                waits = held_elsewhere(events, volume_of(claim))
            found = waits or found
        if why:
            raise CannotMount(why)
        return found
