"""Storage that a job waits for: it goes on without what it can do without, as a notebook does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from primehub_services.domain import pod_reasons
from primehub_services.domain.claim_reasons import claim_trouble
from primehub_services.domain.launch import LaunchPlan, MountKind
from primehub_services.domain.mount_reasons import CANNOT, lasting
from primehub_services.domain.pods import CLAIMS_OF_OURS, MANY_NODES, ClaimNeed, project_claim, spare_claims
from primehub_services.domain.workloads import UNMOUNTABLE, Observation, ObservedState

from .claim_troubles import ClaimTroubles
from .claim_watch import AskedClaims
from .cluster import Cluster, Json


class Spared:
    """Of one namespace. ``warnings`` are all that the cluster gives in it, kept by somebody's watch."""

    def __init__(self, cluster: Cluster, warnings: Callable[[], Iterable[Json]]) -> None:
        self._claims = AskedClaims(cluster)
        self._troubles = ClaimTroubles(cluster, self._claims, warnings)

    async def missing(self, plan: LaunchPlan) -> Mapping[str, str]:
        """Why claims of the plan that it can do without could not be mounted lately, by their names."""
        return await self._troubles.unmountable(spare_claims(plan.mounts, plan.group))

    async def seen(self, found: Observation, pods: Sequence[Json], warnings: Sequence[Json]) -> Observation:
        """The observation, with its reason where nothing but such a claim has long held it up, or one went away."""
        if found.state is not ObservedState.PENDING:
            return found
        failed = lasting(warnings)
        for pod in pods:
            waits = pod_reasons.of_pod(pod, warnings)
            if not failed and (waits is None or waits.code != "volume"):
                continue
            for name in _spare_in(pod):
                claim = await self._claims.claim(name)
                volume = str(((claim or {}).get("spec") or {}).get("volumeName"))
                text, final = claim_trouble(_need(name), claim, ())
                if text and final:
                    return _held(found, f"{text[0].upper()}{text[1:]}.")
                if volume in failed:
                    cannot = failed[volume].removeprefix(CANNOT)
                    return _held(found, f"The storage of its claim {name} cannot be mounted: {cannot}.")
        return found


def _held(found: Observation, why: str) -> Observation:
    return found.model_copy(update={"reason": UNMOUNTABLE, "message": why})


def _need(name: str) -> ClaimNeed:
    """What is known of a claim by its name alone."""
    return ClaimNeed(name, MountKind.DATASET, name, name.startswith(CLAIMS_OF_OURS), MANY_NODES)


def _spare_in(pod: Json) -> list[str]:
    """The claims of a job's pod but that of its group's folder, where its results are looked for."""
    volumes = [volume.get("persistentVolumeClaim") or {} for volume in (pod.get("spec") or {}).get("volumes") or ()]
    needed = project_claim((pod["metadata"].get("labels") or {}).get("primehub.io/group", ""))
    return [name for volume in volumes if (name := volume.get("claimName")) and name != needed]
