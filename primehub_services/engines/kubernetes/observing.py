"""From what a cluster shows of a workload, and what its sidecar reported, to one observation. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from primehub_services.domain import pod_reasons
from primehub_services.domain.notebook_pods import OUT_OF_REACH
from primehub_services.domain.pod_reasons import moment
from primehub_services.domain.pod_security import LABEL, PodSecurity
from primehub_services.domain.reports import EndReport
from primehub_services.domain.workloads import PLACED, Observation, ObservedState

from .manifests import FLUSH_S, GRACE, MAIN, SIDECAR

Json = Mapping[str, Any]

STOP_AT = "primehub.io/stop-at"
"""Annotation of a Job that was asked to end: until when its command may take. It is suspended then, and never goes on."""
ASKED_AT = "primehub.io/stop-asked-at"
STATUS_COMES = timedelta(seconds=15)
"""Within which a node says how a container ended; after that the sidecar's word is all there is."""
SIDECAR_COMES = timedelta(seconds=10)
DELETED = "Somebody deleted its pod, or the cluster did."
_DISRUPTED = {
    "PreemptionByScheduler": "Evicted",
    "EvictionByEvictionAPI": "Evicted",
    "TerminationByKubelet": "Evicted",
    "DeletionByTaintManager": "Lost",
    "DeletionByPodGC": "Lost",
}
_NO_IMAGE = re.compile(r"code = NotFound|manifest unknown", re.IGNORECASE)
"""A registry's word that there is no such image: it says the same the next time."""
_NOT_GIVEN = re.compile(r"not found|denied|unauthorized|authentication required", re.IGNORECASE)
"""What may yet become good: a pull secret that was stored just now, a registry behind a cache."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A workload on a cluster."""

    job: Json | None
    pods: Sequence[Json] = ()
    warnings: Sequence[Json] = ()
    """Of Job and pods, the oldest first."""
    end: EndReport | None = None
    permitted: bool = True
    """Whether the command may have begun: its container waits for that."""


def observation(seen: Seen, now: datetime) -> Observation:
    """What an engine sees of the workload."""
    pod = chosen_pod(seen.pods)
    if seen.job is None:
        left = pod is not None and not (_terminated(_status(pod, MAIN)) or _over(pod) or _unplaced(pod))
        return Observation(state=ObservedState.TERMINATING if left else ObservedState.ABSENT)
    asked_at = annotated(seen.job, ASKED_AT)
    if seen.end is not None:
        return _reported(seen.end, pod, asked_at, now)
    if pod is None:
        return _without_pod(seen, asked_at)
    main = _status(pod, MAIN)
    if (over := _terminated(main)) is not None:
        return _ended(pod, over, asked_at, now)
    if _unplaced(pod):
        reason, message = ("Stopped", "") if asked_at is not None else ("Lost", DELETED)
        return Observation(state=ObservedState.EXITED, reason=reason, message=message, ended_at=asked_at or now)
    if _over(pod):
        return _never_ran(pod)
    return _living(seen, pod, main, asked_at, now)


def chosen_pod(pods: Sequence[Json]) -> Json | None:
    """The pod that counts: one that began; of several, or none, the newest."""
    return max(
        pods,
        key=lambda pod: (bool(_started(_status(pod, MAIN))), pod["metadata"].get("creationTimestamp") or ""),
        default=None,
    )


# -- what has ended


def _reported(end: EndReport, pod: Json | None, asked_at: datetime | None, now: datetime) -> Observation:
    """The end that the sidecar told of, once its pod is over too: until then the pod takes its place in the cluster, and
    its node may know more of why it was killed. A node that says nothing is not waited for long."""
    over = _terminated(_status(pod, MAIN)) if pod is not None else None
    code = end.code if end.code is not None else (over or {}).get("exitCode")
    recent = end.ended_at is None or now - end.ended_at < STATUS_COMES
    if pod is not None and not _over(pod) and recent:
        return Observation(state=ObservedState.TERMINATING, started_at=end.began_at, ended_at=end.ended_at or now)
    # where the sidecar ended before the command, its code is the node's, and so is how it came to it
    killed = end.killed or (end.code is None and code == 137)
    reason, message = _reason(pod, over, code, _asked_before(asked_at, end.ended_at), killed=killed)
    if reason == "Error" and code in (137, 143) and (pod is None or pod["metadata"].get("deletionTimestamp")):
        reason, message = "Lost", DELETED
    return Observation(
        state=ObservedState.EXITED,
        code=code,
        reason=reason,
        message=message,
        started_at=end.began_at or moment((over or {}).get("startedAt")),
        ended_at=end.ended_at or moment((over or {}).get("finishedAt")),
    )


def _ended(pod: Json, over: Json, asked_at: datetime | None, now: datetime) -> Observation:
    """The command has ended, as its node says; over it is once the sidecar is, too, or has had its time: a node that went
    away meanwhile never says that it has."""
    began, ended = moment(over.get("startedAt")), moment(over.get("finishedAt"))
    until = (ended and ended + timedelta(seconds=FLUSH_S), moment(pod["metadata"].get("deletionTimestamp")))
    due = min((at for at in until if at is not None), default=now)
    silent = not _over(pod) and _terminated(_status(pod, SIDECAR, "initContainerStatuses")) is None
    if silent and now <= due + OUT_OF_REACH:
        return Observation(state=ObservedState.TERMINATING, started_at=began, ended_at=ended)
    code = over.get("exitCode")
    reason, message = _reason(pod, over, code, _asked_before(asked_at, ended), killed=code == 137)
    lost = "The end of its output and its last files may be missing: nothing came after them."
    return Observation(
        state=ObservedState.EXITED,
        code=code,
        reason=reason,
        message=f"{message} {lost}".strip(),
        started_at=began,
        ended_at=ended,
    )


def _reason(pod: Json | None, over: Json | None, code: int | None, asked: bool, *, killed: bool) -> tuple[str, str]:
    """Why it ended, in an engine's words, and what more there is to say."""
    said = (over or {}).get("reason", "")
    status = (pod or {}).get("status") or {}
    if code == 0 and not asked:
        return "Completed", ""
    if said == "OOMKilled":
        return "OOMKilled", ""
    if asked:
        return ("Killed" if killed else "Stopped"), ""
    if status.get("reason") == "Evicted":
        return _evicted(status)
    disruption = _condition(status, "DisruptionTarget")
    if disruption.get("status") == "True" and (word := _DISRUPTED.get(disruption.get("reason", ""))):
        return word, str(disruption.get("message", ""))
    if said in ("StartError", "ContainerCannotRun", "ContainerStatusUnknown"):
        word = "Lost" if said == "ContainerStatusUnknown" else "StartError"
        return word, _words(pod_reasons.ended(said, (over or {}).get("message", "")))
    return ("Error" if code is not None else "Lost"), ""


def _evicted(status: Json) -> tuple[str, str]:
    """What its node ended for its own good, or for what it wrote to the node's disk: that it would do the next time too."""
    why = pod_reasons.ended("Evicted", status.get("message", ""))
    return ("DiskExceeded" if why is not None and why.code == "disk" else "Evicted"), _words(why)


def _without_pod(seen: Seen, asked_at: datetime | None) -> Observation:
    """A Job of which there is no pod: not yet, or not any more."""
    assert seen.job is not None
    status = seen.job.get("status") or {}
    failed = _condition(status, "Failed") or _condition(status, "FailureTarget")
    if asked_at is not None:
        return Observation(state=ObservedState.EXITED, reason="Stopped", message="It was stopped.", ended_at=asked_at)
    if failed.get("status") == "True" or _condition(status, "Complete").get("status") == "True":
        return Observation(
            state=ObservedState.EXITED,
            reason="Lost",
            message="Its pod is gone: somebody deleted it, or its node went away.",
            ended_at=moment(failed.get("lastTransitionTime")),
        )
    why = _warned(seen.warnings, _level(seen.job))
    if why is not None and why.final:
        return Observation(state=ObservedState.EXITED, reason="Refused", message=why.text)
    return Observation(state=ObservedState.PENDING, message=why.text if why is not None else "")


def _never_ran(pod: Json) -> Observation:
    """A pod that is over, and whose command has no end of its own: it never began, or its node lost it."""
    why = pod_reasons.of_pod(pod)
    code = why.code if why is not None else ""
    reason = {"evicted": "Evicted", "disk": "DiskExceeded", "node": "Lost"}.get(code, "StartError")
    return Observation(state=ObservedState.EXITED, reason=reason, message=why.text if why is not None else "")


# -- what has not


def _living(seen: Seen, pod: Json, main: Json, asked_at: datetime | None, now: datetime) -> Observation:
    assert seen.job is not None
    began = _started(main)
    stop_at = annotated(seen.job, STOP_AT)
    deleted_at = _deletion_asked_at(pod)
    due = stop_at or (deleted_at and deleted_at + timedelta(seconds=grace_of(seen.job)))
    if due is not None and now > due + OUT_OF_REACH:
        message = "Its node does not answer, and may still run it; what it reports is not heard any more."
        return Observation(state=ObservedState.EXITED, reason="Lost", message=message, started_at=began, ended_at=now)
    if asked_at is not None or deleted_at is not None:
        return Observation(state=ObservedState.TERMINATING, started_at=began)
    if began is not None and seen.permitted:
        return Observation(state=ObservedState.RUNNING, started_at=began)
    if began is not None and now > began + SIDECAR_COMES:
        message = "What keeps its output does not reach the platform, so it may not begin. Ask your administrator."
        return Observation(state=ObservedState.PENDING, message=message)
    return _pending(seen, pod)


def _pending(seen: Seen, pod: Json) -> Observation:
    uid = pod["metadata"]["uid"]
    why = pod_reasons.of_pod(pod, [w for w in seen.warnings if w["involvedObject"].get("uid") == uid])
    for container in (pod.get("status") or {}).get("containerStatuses") or ():
        held = (container.get("state") or {}).get("waiting") or {}
        reason, message = held.get("reason"), held.get("message", "")
        # a node has tried twice when it backs off
        refused = reason == "ImagePullBackOff" and _NOT_GIVEN.search(message)
        gone = reason in ("ErrImagePull", "ImagePullBackOff") and _NO_IMAGE.search(message)
        if gone or refused or reason in ("InvalidImageName", "ErrImageNeverPull"):
            return Observation(state=ObservedState.EXITED, reason="ImageUnavailable", message=_words(why))
    if why is not None and why.final:
        return Observation(state=ObservedState.EXITED, reason="StartError", message=why.text)
    if why is None and (pod.get("spec") or {}).get("nodeName"):
        return Observation(state=ObservedState.PENDING, reason=PLACED, message=pod_reasons.preparing(pod, MAIN))
    return Observation(state=ObservedState.PENDING, message=_words(why))


def _warned(warnings: Sequence[Json], allowed: PodSecurity) -> pod_reasons.PodReason | None:
    """What the newest warning that says something says."""
    for warning in reversed(warnings):
        found = pod_reasons.event(warning.get("reason", ""), warning.get("message", ""), allowed)
        if found is not None:
            return found
    return None


def _level(job: Json) -> PodSecurity:
    """What the Job's group was allowed when it was made."""
    return PodSecurity((job["metadata"].get("labels") or {}).get(LABEL, PodSecurity.RESTRICTED))


def _words(why: pod_reasons.PodReason | None) -> str:
    return why.text if why is not None else ""


def _status(pod: Json, name: str, kind: str = "containerStatuses") -> Json:
    found = (pod.get("status") or {}).get(kind) or ()
    return next((status for status in found if status.get("name") == name), {})


def _terminated(status: Json) -> Json | None:
    found: Json | None = (status.get("state") or {}).get("terminated")
    return found


def _started(status: Json) -> datetime | None:
    state = status.get("state") or {}
    return moment((state.get("running") or state.get("terminated") or {}).get("startedAt"))


def _over(pod: Json) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def _unplaced(pod: Json) -> bool:
    """Whether it was deleted before it had a node. None is given to it any more; the cluster itself looks at such pods
    every 20 s only, and until then they keep their place in its quotas."""
    return bool(pod["metadata"].get("deletionTimestamp")) and not (pod.get("spec") or {}).get("nodeName")


def _condition(status: Json, kind: str) -> Json:
    return next((c for c in status.get("conditions") or () if c.get("type") == kind), {})


def _asked_before(asked_at: datetime | None, ended: datetime | None) -> bool:
    # a cluster's moments are whole seconds
    return asked_at is not None and (ended is None or asked_at <= ended + timedelta(seconds=1))


def _deletion_asked_at(pod: Json) -> datetime | None:
    """When somebody asked for the pod's end; the cluster writes down when it is to be over."""
    until = moment(pod["metadata"].get("deletionTimestamp"))
    seconds = pod["metadata"].get("deletionGracePeriodSeconds") or 0
    return None if until is None else until - timedelta(seconds=seconds)


def grace_of(job: Json) -> float:
    """Seconds that the command has when it is asked to end, as the Job was made; 0 where it does not say."""
    return float((job["metadata"].get("annotations") or {}).get(GRACE, 0))


def annotated(item: Json, name: str) -> datetime | None:
    """The moment in an annotation; None where there is none."""
    return moment((item["metadata"].get("annotations") or {}).get(name))
