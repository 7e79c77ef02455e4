"""From a LaunchPlan to KubeSpawner's traits, and from a pod and its events to the story of a start. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from primehub_services.domain import pod_reasons
from primehub_services.domain.launch import LaunchPlan, MountKind
from primehub_services.domain.notebook_pods import CONTAINER, GRACE, ending
from primehub_services.domain.planning import HOME
from primehub_services.domain.pod_reasons import Json, PodReason
from primehub_services.domain.pod_security import Ids, contexts
from primehub_services.domain.pods import (
    UNDISTURBED,
    Folders,
    literal,
    make_toleration,
    marks,
    scratch_resources,
    scratch_volume,
)
from primehub_services.domain.prelude import EITHER_SHELL, for_shells, start_script
from primehub_services.domain.pull_secrets import pull_policy, pull_secrets_for
from primehub_services.domain.units import format_memory

from .server import KERNELS, NOTEBOOK_MAIN, disk_full, ended_text

MERGED = ("extra_labels", "extra_annotations", "extra_pod_config", "volumes", "volume_mounts", "extra_resource_limits")
"""Traits whose own values stay beside what an administrator configured."""
REPLACED = ("node_selector", "tolerations", "image_pull_policy")
"""Traits whose own value, where there is one, takes the place of what an administrator configured."""
IDS = ("uid", "gid", "fs_gid")
"""Traits that say who a server is, where the group's level lets the installation say it."""
ADDED = ("image_pull_secrets", "pod_affinity_preferred")
"""Traits whose own values come after those that an administrator configured."""
_TMP = "/tmp"


def traits(
    plan: LaunchPlan,
    folders: Folders,
    *,
    instance: str,
    ids: Ids,
    scratch: str = "",
    read_only_root: bool = False,
    configured: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Every trait of KubeSpawner that the plan decides, and what ``configured`` says of the rest of each.

    ``ids`` are what an administrator configured as ``IDS``, which say nothing themselves any more. ``scratch``: the most that the server writes to its node's disk.
    """
    _, odd = for_shells(plan.environment)
    script = start_script(folders.links, plan.profiles, cwd=HOME, odd=odd)
    security = contexts(plan.pod_security, ids, read_only_root=read_only_root)
    volumes = [*folders.volumes, scratch_volume("tmp", scratch)]
    mounts = [*folders.mounts, {"name": "tmp", "mountPath": _TMP}]
    found: dict[str, Any] = {
        "image": plan.image_location or "",
        "cmd": [literal(part) for part in ("python3", "-c", NOTEBOOK_MAIN, KERNELS)],
        "extra_container_config": {"command": [literal(part) for part in (*EITHER_SHELL, script, "primehub")]},
        "image_pull_policy": pull_policy(plan, (configured or {}).get("image_pull_policy") or "") or None,
        "image_pull_secrets": list(pull_secrets_for(plan.image_source)),
        "pod_affinity_preferred": _beside_own(plan, instance),
        **_resources(plan, scratch),
        "node_selector": dict(plan.node_selector),
        "tolerations": [make_toleration(toleration) for toleration in plan.tolerations],
        # each by its own name: KubeSpawner replaces a list whole, and sorts a mapping by its keys
        "volumes": {f"{n:03}-{volume['name']}": verbatim(volume) for n, volume in enumerate(volumes)},
        "volume_mounts": {f"{n:03}-{mount['name']}": verbatim(mount) for n, mount in enumerate(mounts)},
        # these win over all others, and are not formatted
        "common_labels": marks(instance),
        "extra_labels": verbatim(plan.labels),
        "extra_annotations": verbatim(_annotations(plan)),
        "extra_pod_config": {
            # what it did before it ended is nobody's to repeat
            "restartPolicy": "Never",
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": GRACE,
        },
        "automount_service_account_token": False,
        # all of it is in the two contexts: KubeSpawner's own words for parts of them would say more than the level does
        **dict.fromkeys((*IDS, "allow_privilege_escalation")),
        "privileged": False,
        "container_security_context": security.workload,
        "pod_security_context": security.pod,
    }
    for name in MERGED:
        found[name] = {**((configured or {}).get(name) or {}), **found[name]}
    for name in REPLACED:
        found[name] = found[name] or (configured or {}).get(name) or type(found[name])()
    for name in ADDED:
        found[name] = [*((configured or {}).get(name) or ()), *found[name]]
    return found


def environment(plan: LaunchPlan, hubs: Mapping[str, Any]) -> dict[str, Any]:
    """The variables of the server: the plan's, and above them the hub's own, as a pod's manifest has them."""
    own = {
        "HOME": HOME,
        "USER": "jovyan",
        "LOGNAME": "jovyan",
        "NB_USER": "jovyan",
        # kernels talk through sockets in this folder, whose path must be short, and which no share has to offer
        "JUPYTER_RUNTIME_DIR": f"{_TMP}/jupyter",
    }
    plain, _ = for_shells(plan.environment)
    # with NVIDIA's runtime a container that asks for no GPU would see them all
    gpus = {} if plan.limits.gpu else {"NVIDIA_VISIBLE_DEVICES": "void"}
    given = {**own, **plain, **gpus, **{name: value for name, value in hubs.items() if value is not None}}
    return {name: literal(value) if isinstance(value, str) else value for name, value in given.items()}


def _resources(plan: LaunchPlan, scratch: str) -> dict[str, Any]:
    limits, requests = scratch_resources(scratch)
    gpus = {plan.gpu_resource: str(plan.limits.gpu)} if plan.limits.gpu else {}
    return {
        "cpu_limit": plan.limits.cpu / 1000 or None,
        "cpu_guarantee": plan.requests.cpu / 1000 or None,
        "mem_limit": int(plan.limits.memory) or None,
        "mem_guarantee": int(plan.requests.memory) or None,
        # an extended resource's request is its limit
        "extra_resource_limits": gpus | limits,
        "extra_resource_guarantees": gpus | requests,
    }


def _beside_own(plan: LaunchPlan, instance: str) -> list[dict[str, Any]]:
    """Where the person's other notebook runs, if one does: a disk with their files may be one node's at a time."""
    if not any(mount.kind is MountKind.HOME for mount in plan.mounts):
        return []
    whose = {name: plan.labels[name] for name in ("primehub.io/user", "primehub.io/kind")}
    selector = {"matchLabels": marks(instance) | whose}
    return [{"weight": 100, "podAffinityTerm": {"labelSelector": selector, "topologyKey": "kubernetes.io/hostname"}}]


def _annotations(plan: LaunchPlan) -> dict[str, str]:
    """Under the names that people know, for who looks at the cluster; and that no autoscaler moves it."""
    return {
        **UNDISTURBED,
        "primehub.io/group-name": plan.group_name,
        "primehub.io/image-name": plan.image,
        "primehub.io/instance-type": plan.instance_type,
    }


def verbatim(value: Any) -> Any:
    """The value as KubeSpawner has to be given it: it formats every text in it."""
    if isinstance(value, str):
        return value.replace("{", "{{").replace("}", "}}")
    if isinstance(value, Mapping):
        return {key: verbatim(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [verbatim(inner) for inner in value]
    return value


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a start."""

    progress: int
    stage: str
    message: str


def steps(pod: Json | None, events: Sequence[Json]) -> list[Step]:
    """What has happened to a pod until now, the oldest first."""
    found = [step for event in events if (step := _step(event)) is not None]
    if pod is not None and (why := pod_reasons.of_pod(pod, events)) is not None:
        found.append(Step(max((step.progress for step in found), default=35), "creating", why.text))
    return list(dict.fromkeys(found))


def _step(event: Json) -> Step | None:
    message = str(event.get("message") or "")
    match event.get("reason"):
        case "Scheduled":
            node = re.search(r" to (\S+)$", message)
            return Step(40, "creating", pod_reasons.has_place(node[1] if node else ""))
        case "Pulling":
            return Step(45, "creating", pod_reasons.fetches(_quoted(message)))
        case "Pulled":
            return Step(60, "creating", _pulled(message))
        case "Started" if f"{{{CONTAINER}}}" in str(event.get("involvedObject", {}).get("fieldPath", "")):
            return Step(70, "starting", "The server's process has begun.")
        case reason if event.get("type") == "Warning" and (why := pod_reasons.event(str(reason), message)):
            return Step(45 if why.code in ("image", "volume", "node") else 35, "creating", why.text)
    return None


def _pulled(message: str) -> str:
    if "already present" in message:
        return "The node has the image already."
    took = re.search(r" in ([\d.]+m?s|[\dm.]+s)\b", message)
    size = re.search(r"Image size: (\d+) bytes", message)
    details = [f"in {took[1]}" if took else "", format_memory(int(size[1])) if size else ""]
    shown = ", ".join(detail for detail in details if detail)
    return f"The node has fetched the image{f' ({shown})' if shown else ''}."


def _quoted(message: str) -> str:
    found = re.search(r'"([^"]+)"', message)
    return found[1] if found else ""


def ended_early(pod: Json | None, plan: LaunchPlan, log: str, now: datetime) -> PodReason:
    """Why a server ended before it answered."""
    if pod is None:
        return PodReason("gone", "Somebody deleted the server's pod while it started.", "Try again.", final=True)
    if full := disk_full(log):
        return PodReason("disk-full", full, final=True)
    if "No module named" in log and "jupyterhub" in log:
        sentence = f"The image {plan.image} has no JupyterHub in it, which a notebook server needs."
        return PodReason("image", sentence, "Choose another image.", final=True)
    why = pod_reasons.of_pod(pod)
    if why is not None and why.code not in ("exit", "crash"):
        return why
    code, word = ending(pod, now)
    return PodReason("exited", ended_text(f"{word or 'exit'}, code {code}", log), final=True)
