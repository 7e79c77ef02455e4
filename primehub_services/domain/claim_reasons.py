"""What a claim says of itself, in words that follow the name of its volume; and what becomes of a pod that waits for it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from .launch import MountKind
from .mount_reasons import LASTS
from .pod_reasons import ASK, Json, PodReason, clip, moment
from .pods import ONE_POD, READERS, ClaimNeed

NOT_YET = "is not bound to a volume yet"
"""How a clause ends that tells of nothing but waiting: what was made just now is so too."""
_ACCESS = "incompatible accessMode"
_NO_POD = "WaitForFirstConsumer"
_SAYS_WHY = frozenset({"ProvisioningFailed", "ExternalProvisioning", "VolumeMismatch", "FailedBinding"})
_PLACED = "volume.kubernetes.io/selected-node"
"""Annotation of a claim whose storage is to be made where a pod goes: it has a node."""


def is_pending(claim: Json | None) -> bool:
    """Whether a claim is there and not bound yet: what the cluster said of it matters then alone."""
    return claim is not None and (claim.get("status") or {}).get("phase") == "Pending"


def claim_trouble(need: ClaimNeed, claim: Json | None, events: Sequence[Json]) -> tuple[str, bool]:
    """Why a claim cannot be mounted (empty where it can), and whether waiting will not change that."""
    if claim is None:
        if need.made_by_us:
            return f"its claim {need.name} went away", True
        return f"its claim {need.name} is not in the cluster: an administrator of the cluster binds it", True
    phase = (claim.get("status") or {}).get("phase")
    if (claim.get("metadata") or {}).get("deletionTimestamp"):
        return f"its claim {need.name} is being deleted", True
    if access := _access(need, claim):
        return access, True
    if phase == "Bound":
        return "", True
    if phase == "Lost":
        return f"the storage behind its claim {need.name} is gone", True
    return _unbound(need, _deciding(claim, events))


def _deciding(claim: Json, events: Sequence[Json]) -> Json | None:
    """The newest event of a claim that is not bound which says why."""
    placed = _PLACED in ((claim.get("metadata") or {}).get("annotations") or {})
    for event in reversed(events):
        # once a pod has a node nobody waits for one any more, whatever was said in the same second
        if event.get("reason") in _SAYS_WHY or (event.get("reason") == _NO_POD and not placed):
            return event
    return None


def _unbound(need: ClaimNeed, event: Json | None) -> tuple[str, bool]:
    """``claim_trouble`` of one that is not bound."""
    reason, message = (event or {}).get("reason"), str((event or {}).get("message") or "")
    match reason:
        case "WaitForFirstConsumer":
            return "", True  # it is bound where the pod goes
        case "ProvisioningFailed":
            return f"its storage cannot be made: {clip(message)}", False
        case "ExternalProvisioning":
            return _unmade(need, message, event or {}), False
        case "VolumeMismatch":
            return f"its claim {need.name} and its volume do not fit: {_mismatch(message)}", not need.made_by_us
        case "FailedBinding":
            return f"its claim {need.name} is not bound to a volume: {clip(message)}", not need.made_by_us
    return f"its claim {need.name} {NOT_YET}", False


def _access(need: ClaimNeed, claim: Json) -> str:
    """Why a claim of an operator does not give what is wanted of it, however it is bound: a clause; else empty."""
    modes = set((claim.get("spec") or {}).get("accessModes") or ())
    if need.made_by_us or not modes:
        return ""
    if modes == {READERS} and need.written:
        how = "let every group only read it, or bind a claim that can be written to"
        return f"its claim {need.name} can only be read ({READERS}), and a group may write to it: {how}"
    if modes == {ONE_POD}:
        # the second who starts would wait for the first to end
        return f"its claim {need.name} is for one pod at a time ({ONE_POD}): bind one that many can have at once"
    return ""


def _unmade(need: ClaimNeed, message: str, event: Json) -> str:
    """That what makes the storage has not, in words that say whether that is nothing but waiting."""
    named = re.search(r"external provisioner '([^']+)'", message)
    maker = f"{named[1]}, which makes it," if named else "what makes it"
    first, last = moment(event.get("firstTimestamp")), moment(event.get("lastTimestamp"))
    if first is None or last is None or last - first < LASTS:
        return f"its claim {need.name} waits for {maker} and {NOT_YET}"
    return f"its storage is not made: {maker} has not answered for the claim {need.name}"


def lasting_trouble(need: ClaimNeed, claim: Json | None, events: Sequence[Json], now: datetime) -> str:
    """Why a claim will not be had, as far as anybody knows: a clause; empty where it is, or may yet be in a moment."""
    text, final = claim_trouble(need, claim, events)
    if not text or final:
        return text
    assert claim is not None
    began = moment((_deciding(claim, events) or {}).get("firstTimestamp"))
    began = began or moment((claim.get("metadata") or {}).get("creationTimestamp"))
    return text if began is not None and now - began >= LASTS else ""


def may_be_storage(pod: Json, known: PodReason | None) -> bool:
    """Whether storage may be what a pod waits for: it is said so, or nothing is said of a pod that has no node."""
    return not (pod.get("spec") or {}).get("nodeName") if known is None else known.code == "volume"


def what_holds(
    need: ClaimNeed, claim: Json | None, told: Sequence[Json], failed: Mapping[str, str], now: datetime, *, spare: bool
) -> tuple[str, PodReason | None]:
    """Of a pod that waits: the clause why it is to go on without a claim that it can spare, or else why it waits for it.

    ``told`` are the claim's events; ``failed`` says why nodes could not mount volumes, by their names.
    """
    lasts = lasting_trouble(need, claim, told, now) or failed.get(volume_of(claim), "")
    if lasts and spare:
        return lasts, None
    text, _ = claim_trouble(need, claim, told)
    return "", _held_up(need, text) if text else None


def volume_of(claim: Json | None) -> str:
    """The name of the PersistentVolume that a claim is bound to; empty where there is none."""
    return str(((claim or {}).get("spec") or {}).get("volumeName") or "")


def _held_up(need: ClaimNeed, trouble: str) -> PodReason:
    """That a pod waits for what is behind a claim, in words that say what it is to its person."""
    what = {
        MountKind.HOME: "your own files",
        MountKind.PROJECT: f"the folder of the group {need.slug}",
        MountKind.DATASET: f"the volume {need.slug}",
    }[need.kind]
    return PodReason("volume", f"It waits for {what}: {trouble.rstrip('.')}.", ASK)


def _mismatch(message: str) -> str:
    """Of ``Cannot bind to requested volume "x": incompatible accessMode`` what an operator has to change."""
    volume, _, why = message.removeprefix("Cannot bind to requested volume ").partition(": ")
    if why == _ACCESS:
        return f"{volume} cannot be accessed as the claim asks (accessModes)"
    return clip(f"{volume}: {why}" if why else message)
