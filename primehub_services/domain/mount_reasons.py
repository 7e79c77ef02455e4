"""What a cluster says of storage that is bound and yet cannot be mounted: a share that is away, a folder that is not there.

The claim itself says nothing of it, so it is known from the warnings of pods that wait for it. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from .notebook_pods import POD as NOTEBOOK
from .pod_reasons import ASK, Json, PodReason, clip, moment

CANNOT = "it cannot be mounted: "
"""How a clause begins that says so of a volume."""
LASTS = timedelta(seconds=15)
"""A node that tries again has mostly succeeded by then: a driver that is not ready yet, a volume that moves."""
KNOWN_FOR = timedelta(minutes=5)
"""After the last failure; then the next pod tries it again. Nothing else would: it is left out until then."""
_FAILED = frozenset({"FailedMount", "FailedAttachVolume", "FailedMapVolume"})
_GAVE_UP = re.compile(r"timed? ?out|deadline exceeded", re.IGNORECASE)
"""What took minutes by itself, and so is told once."""


@dataclass(frozen=True, slots=True)
class MountFailure:
    """A warning that a volume of the cluster could not be mounted into a pod."""

    volume: str
    """The name of the PersistentVolume."""
    pod: str
    """The pod's uid."""
    first: datetime
    last: datetime
    why: str


def failures(events: Iterable[Json]) -> list[MountFailure]:
    """Those that name their volume."""
    found = []
    for event in events:
        named = re.search(r'for volume "([^"]+)"\s*:?\s*(.*)', str(event.get("message") or ""), re.DOTALL)
        last = moment(event.get("lastTimestamp") or event.get("eventTime"))
        if event.get("reason") in _FAILED and named is not None and last is not None:
            first = moment(event.get("firstTimestamp")) or last
            pod = str((event.get("involvedObject") or {}).get("uid") or "")
            found.append(MountFailure(named[1], pod, first, last, f"{CANNOT}{clip(named[2])}"))
    return found


def failing(events: Iterable[Json], now: datetime) -> Mapping[str, str]:
    """Of one pod that waits: why each volume cannot be mounted that could not be for a while."""
    return {failure.volume: failure.why for failure in failures(events) if now - failure.first >= LASTS}


def held_elsewhere(events: Iterable[Json], volume: str) -> PodReason | None:
    """Of one pod that waits: that its person's own files are on another node's disk, and who has them there."""
    for event in events:
        message = str(event.get("message") or "")
        if event.get("reason") not in _FAILED or "Multi-Attach error" not in message or f'"{volume}"' not in message:
            continue
        files = "Your own files are on a disk that one node at a time can have"
        if re.search(rf"already used by pod\(s\) .*\b{NOTEBOOK}", message):
            sentence = f"{files}, and your other notebook runs on another node."
            return PodReason("volume", sentence, "This one begins as soon as you stop the other one.")
        sentence = f"{files}, and the node where they were used last has not given it back."
        return PodReason("volume", sentence, f"It is free once that node answers or is given up. {ASK}")
    return None


def lasting(events: Iterable[Json]) -> Mapping[str, str]:
    """Why each volume cannot be mounted that could not be for so long that it stays known without the pod."""
    return {failure.volume: failure.why for failure in failures(events) if _lasts(failure)}


def mount_trouble(volume: str, claim: str, told: Iterable[MountFailure], pods: Sequence[Json], now: datetime) -> str:
    """Why the volume behind this claim cannot be mounted, in words that follow its name; empty where it can."""
    mine = [failure for failure in told if failure.volume == volume and now - failure.last < KNOWN_FOR]
    if not mine:
        return ""
    newest = max(mine, key=lambda failure: failure.last)
    if any(began is not None and began > newest.last for began in (_began_with(claim, pod) for pod in pods)):
        return ""
    if _lasts(newest):
        return newest.why
    # told once or twice: only as long as that pod still waits for it
    waits = any(_waits(pod) and pod["metadata"].get("uid") == newest.pod for pod in pods)
    return newest.why if waits and now - newest.first >= LASTS else ""


def _lasts(failure: MountFailure) -> bool:
    return failure.last - failure.first >= LASTS or _GAVE_UP.search(failure.why) is not None


def _waits(pod: Json) -> bool:
    return (pod.get("status") or {}).get("phase") == "Pending"


def _began_with(claim: str, pod: Json) -> datetime | None:
    """When a container of a pod with this claim began: by then all of the pod's volumes were mounted."""
    volumes = (pod.get("spec") or {}).get("volumes") or ()
    if not any((volume.get("persistentVolumeClaim") or {}).get("claimName") == claim for volume in volumes):
        return None
    states = [status.get("state") or {} for status in (pod.get("status") or {}).get("containerStatuses") or ()]
    began = [moment((state.get("running") or state.get("terminated") or {}).get("startedAt")) for state in states]
    return max((at for at in began if at is not None), default=None)
