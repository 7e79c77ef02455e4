"""What a notebook's pod is called, and what it says of itself. Read by the spawner and by the controllers alike. Pure."""

from __future__ import annotations

import re
from typing import Any

from . import pod_reasons
from .pod_reasons import Json

CONTAINER = "notebook"
"""KubeSpawner's name of the container."""
GRACE = 6
"""Seconds that a server has to save and end: more than Jupyter gives its kernels (5 s), and well below the 10 s in which
somebody who leaves loses it."""
STOPPED = "primehub.io/stopped"
"""Annotation of a pod that was asked to end."""
START = "primehub.io/start"
KIND = "primehub.io/kind"
TO_END: dict[str, Any] = {"metadata": {"annotations": {STOPPED: "asked"}}, "spec": {"activeDeadlineSeconds": 1}}
"""A patch after which the kubelet ends the pod and keeps it: a deletion would take its log along."""


def pod_name(start_id: str) -> str:
    """The name of the pod of a start. Every start has one of its own, so that none is ever taken for another."""
    return f"notebook-{re.sub(r'[^a-z0-9-]', '-', start_id.lower())[:50].strip('-')}"


def alive(pod: Json) -> bool:
    """Whether anything of the pod may still run."""
    status = pod.get("status") or {}
    if status.get("phase") not in ("Succeeded", "Failed"):
        return True
    # the phase of a pod that was ended by its deadline may be told before its containers have ended
    return any("running" in (c.get("state") or {}) for c in status.get("containerStatuses") or ())


def began(pod: Json) -> bool:
    """Whether the server's process ever ran, so that there is a log to keep."""
    state = _container(pod).get("state") or {}
    return "running" in state or "terminated" in state


def ending(pod: Json) -> tuple[int | None, str]:
    """The exit code of an ended pod, and why it ended, in one word or in the cluster's own."""
    over = (_container(pod).get("state") or {}).get("terminated") or {}
    code = over.get("exitCode")
    if STOPPED in ((pod.get("metadata") or {}).get("annotations") or {}):
        return code, "Stopped"
    why = pod_reasons.of_pod(pod) if over.get("reason") != "OOMKilled" else None
    if why is not None and why.code not in ("exit", "crash"):
        return code, why.sentence
    return code, str(over.get("reason") or "")


def _container(pod: Json) -> Json:
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    found: Json = next((c for c in statuses if c.get("name") == CONTAINER), {})
    return found
