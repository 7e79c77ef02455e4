"""What a claim says of itself, in words that follow the name of its volume. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from .pod_reasons import SHOWN, Json
from .pods import ONE_POD, READERS, ClaimNeed

NOT_YET = "is not bound to a volume yet"
"""How a clause ends that tells of nothing but waiting: what was made just now is so too."""
_ACCESS = "incompatible accessMode"


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
    for event in reversed(events):
        reason, message = event.get("reason"), str(event.get("message") or "")
        if reason == "WaitForFirstConsumer":
            return "", True  # it is bound where the pod goes
        if reason == "ProvisioningFailed":
            return f"its storage cannot be made: {_shown(message)}", False
        if reason == "VolumeMismatch":
            return f"its claim {need.name} and its volume do not fit: {_mismatch(message)}", not need.made_by_us
        if reason == "FailedBinding":
            return f"its claim {need.name} is not bound to a volume: {_shown(message)}", not need.made_by_us
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


def _mismatch(message: str) -> str:
    """Of ``Cannot bind to requested volume "x": incompatible accessMode`` what an operator has to change."""
    volume, _, why = message.removeprefix("Cannot bind to requested volume ").partition(": ")
    if why == _ACCESS:
        return f"{volume} cannot be accessed as the claim asks (accessModes)"
    return _shown(f"{volume}: {why}" if why else message)


def _shown(message: str) -> str:
    text = " ".join(message.split()).rstrip(".")
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
