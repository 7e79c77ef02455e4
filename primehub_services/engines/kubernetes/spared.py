"""The storage that a job waits for: it goes on without what it can do without, as a notebook does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from primehub_services.domain import pod_reasons
from primehub_services.domain.claim_reasons import is_pending, may_be_storage, what_holds
from primehub_services.domain.launch import LaunchPlan, MountKind
from primehub_services.domain.mount_reasons import CANNOT, lasting
from primehub_services.domain.pods import CLAIMS_OF_OURS, MANY_NODES, ClaimNeed, project_claim, spare_claims
from primehub_services.domain.words import sentence
from primehub_services.domain.workloads import UNMOUNTABLE, Observation, ObservedState

from ..base import EngineUnavailable
from .claim_troubles import ClaimTroubles
from .claim_watch import AskedClaims, ClaimLook
from .cluster import Cluster, ClusterRefusal, Json


class Spared:
    """Of one namespace. ``warnings`` are all that the cluster gives in it, kept by somebody's watch."""

    def __init__(self, cluster: Cluster, warnings: Callable[[], Iterable[Json]], look: ClaimLook | None = None) -> None:
        self._claims = look or AskedClaims(cluster)
        self._troubles = ClaimTroubles(cluster, self._claims, warnings)

    async def missing(self, plan: LaunchPlan) -> Mapping[str, str]:
        """Why claims of the plan that it can do without could not be mounted lately, by their names."""
        return await self._troubles.unmountable(spare_claims(plan.mounts, plan.group))

    async def seen(self, found: Observation, pods: Sequence[Json], warnings: Sequence[Json]) -> Observation:
        """The observation, with what its claims say where that holds it up; and with the reason ``UNMOUNTABLE`` where
        nothing but one that it can do without went away, or has long held it up. Never raises: who cannot be asked
        about claims has nothing to add."""
        if found.state is not ObservedState.PENDING:
            return found
        for pod in pods:
            failed = lasting(pod_reasons.still(pod, warnings))
            if not failed and not may_be_storage(pod, pod_reasons.of_pod(pod, warnings)):
                continue
            for need, spare in _needs(pod):
                try:
                    found = await self._of(need, found, failed, spare=spare)
                except (EngineUnavailable, ClusterRefusal):
                    return found  # words alone, of one of many: what is known without them counts
                if found.reason == UNMOUNTABLE:
                    return found
        return found

    async def _of(self, need: ClaimNeed, found: Observation, failed: Mapping[str, str], *, spare: bool) -> Observation:
        claim = await self._claims.claim(need.name)
        told = await self._claims.told(need.name) if is_pending(claim) else []
        lasts, waits = what_holds(need, claim, told, failed, datetime.now(UTC), spare=spare)
        if lasts:
            if lasts.startswith(CANNOT):  # no name goes before it here
                lasts = f"the storage of its claim {need.name} cannot be mounted: {lasts.removeprefix(CANNOT)}"
            return found.model_copy(update={"reason": UNMOUNTABLE, "message": sentence(lasts)})
        return found if waits is None else found.model_copy(update={"reason": "", "message": waits.text})


def waits_with(pod: Json, claim: str) -> bool:
    """Whether a pod that has not begun has this claim."""
    volumes = (pod.get("spec") or {}).get("volumes") or ()
    named = any((volume.get("persistentVolumeClaim") or {}).get("claimName") == claim for volume in volumes)
    return named and (pod.get("status") or {}).get("phase") == "Pending"


def _needs(pod: Json) -> list[tuple[ClaimNeed, bool]]:
    """The claims of a job's pod, as its volumes name them; and whether it can do without each: all but that of its group's
    folder, where its results are looked for."""
    needed = project_claim((pod["metadata"].get("labels") or {}).get("primehub.io/group", ""))
    found = []
    for volume in (pod.get("spec") or {}).get("volumes") or ():
        name = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        kind, _, slug = volume["name"].partition("-")
        if name:
            kind = MountKind(kind) if kind in (MountKind.PROJECT, MountKind.DATASET) else MountKind.HOME
            need = ClaimNeed(name, kind, slug, name.startswith(CLAIMS_OF_OURS), MANY_NODES)
            found.append((need, name != needed))
    return found
