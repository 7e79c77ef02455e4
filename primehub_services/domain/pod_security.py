"""What the pods of a group may do: its level of Pod Security, as Kubernetes calls and defines it. Pure.

Over ``restricted``, ``baseline`` lets a container run as root, become root (``sudo``), and have the capabilities that a
runtime gives where nothing is said. What both forbid, no workload ever asks for: more than those capabilities, the node's
own namespaces, ports, folders and devices.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Manifest = dict[str, Any]

LABEL = "primehub.io/pod-security"
"""Of workloads that have more than ``restricted``, for who looks for them."""


class PodSecurity(StrEnum):
    """What a group's notebooks and jobs may do on a cluster."""

    RESTRICTED = "restricted"
    """All run as one ordinary user, whatever their image says, who can become no other."""
    BASELINE = "baseline"
    """Each runs as its image says, as root too, and may become root."""


@dataclass(frozen=True, slots=True)
class Ids:
    """Who an installation's pods are; None leaves it to the image."""

    user: int | None
    group: int | None
    files: int | None
    """The group that volumes are made writable for."""


@dataclass(frozen=True, slots=True)
class Contexts:
    """The ``securityContext`` of a pod and of what is in it."""

    pod: Manifest
    workload: Manifest
    """Of the container in the person's image."""
    ours: Manifest
    """Of a container of ours, which keeps to ``restricted`` in every pod."""


def contexts(level: PodSecurity, ids: Ids, *, read_only_root: bool = False) -> Contexts:
    """What makes a pod of this level. ``read_only_root``: its workload may write to its folders alone."""
    somebody = {"runAsNonRoot": True} | _given(runAsUser=ids.user, runAsGroup=ids.group)
    closed = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    shared = _given(fsGroup=ids.files) | {
        # a home with many files would take minutes each time
        "fsGroupChangePolicy": "OnRootMismatch",
        # the runtime's filter of system calls is its own default, which no level needs to be without
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    read_only = {"readOnlyRootFilesystem": True}
    more = read_only if read_only_root else {}
    if level is PodSecurity.BASELINE:
        # with raw packets it could be any address, and by addresses network policies and the platform know who asks
        workload = {"capabilities": {"drop": ["NET_RAW"]}}
        return Contexts(pod=shared, workload=workload | more, ours=somebody | closed | read_only)
    return Contexts(pod=somebody | shared, workload=closed | more, ours=closed | read_only)


def _given(**ids: int | None) -> Manifest:
    return {name: number for name, number in ids.items() if number is not None}
