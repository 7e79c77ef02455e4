"""What a notebook's pod is called, and what it says of itself. Read by the spawner and by the controllers alike. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from . import pod_reasons
from .pod_reasons import Json, moment

POD = "notebook-"
"""How the names of notebooks' pods begin."""
CONTAINER = "notebook"
"""KubeSpawner's name of the container."""
GRACE = 4
"""Seconds that a server has to save and end: more than the 2.5 s after which Jupyter ends a kernel that does not end by
itself, and well below the 10 s in which somebody who leaves loses it, on a busy node too."""
STOPPED = "primehub.io/stopped"
"""Annotation of a pod that was asked to end: when that was."""
OUT_OF_REACH = timedelta(seconds=60)
"""What should have ended so long ago, and whose node does not say that it has, is on a node that does not answer."""
START = "primehub.io/start"
KIND = "primehub.io/kind"


def pod_name(start_id: str) -> str:
    """The name of the pod of a start. Every start has one of its own, so that none is ever taken for another."""
    return f"{POD}{re.sub(r'[^a-z0-9-]', '-', start_id.lower())[:50].strip('-')}"


def to_end(now: datetime) -> dict[str, Any]:
    """A patch after which the kubelet ends the pod and keeps it: a deletion would take its log along."""
    return {"metadata": {"annotations": {STOPPED: now.isoformat()}}, "spec": {"activeDeadlineSeconds": 1}}


def asked(pod: Json) -> bool:
    """Whether it was asked to end: to ask again would only put off when it is known to be out of reach."""
    return STOPPED in _annotations(pod)


def alive(pod: Json, now: datetime) -> bool:
    """Whether anything of the pod has to be counted with: it may run, and its node is not given up."""
    return _may_run(pod) and not _overdue(pod, now)


def lost(pod: Json, now: datetime) -> bool:
    """Whether it should have ended long ago, and its node does not say that it has: it may still run there, and nobody
    can tell. It is ended by its node, should that come back, and goes with it, should it not."""
    return _may_run(pod) and _overdue(pod, now)


def _may_run(pod: Json) -> bool:
    status = pod.get("status") or {}
    if status.get("phase") not in ("Succeeded", "Failed"):
        return True
    # the phase of a pod that was ended by its deadline may be told before its containers have ended
    return any("running" in (c.get("state") or {}) for c in status.get("containerStatuses") or ())


def began(pod: Json) -> bool:
    """Whether the server's process ever ran, so that there is a log to keep."""
    state = _container(pod).get("state") or {}
    return "running" in state or "terminated" in state


def ending(pod: Json, now: datetime) -> tuple[int | None, str]:
    """The exit code of an ended pod, and why it ended, in one word or in the cluster's own."""
    if lost(pod, now):
        return None, pod_reasons.NODE_AWAY
    over = (_container(pod).get("state") or {}).get("terminated") or {}
    code = over.get("exitCode")
    if asked(pod):
        return code, "Stopped"
    why = pod_reasons.of_pod(pod) if over.get("reason") != "OOMKilled" else None
    if why is not None and why.code not in ("exit", "crash"):
        return code, why.sentence
    return code, str(over.get("reason") or "")


def _overdue(pod: Json, now: datetime) -> bool:
    asked_at = moment(_annotations(pod).get(STOPPED))
    due = (
        moment((pod.get("metadata") or {}).get("deletionTimestamp")),
        asked_at and asked_at + timedelta(seconds=1 + GRACE),
    )
    return any(at is not None and now > at + OUT_OF_REACH for at in due)


def _annotations(pod: Json) -> Json:
    found: Json = (pod.get("metadata") or {}).get("annotations") or {}
    return found


def _container(pod: Json) -> Json:
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    found: Json = next((c for c in statuses if c.get("name") == CONTAINER), {})
    return found
