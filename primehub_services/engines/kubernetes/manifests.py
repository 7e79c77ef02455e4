"""What a workload is on a cluster: a Secret and a Job, as manifests. Pure."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from primehub_services.domain.launch import LaunchPlan, MountKind
from primehub_services.domain.planning import HOME
from primehub_services.domain.pod_security import Contexts, Ids, PodSecurity, contexts
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
from primehub_services.domain.workloads import FILES, Workload

Json = dict[str, Any]

RUN = "/opt/primehub-run"
MAIN = "main"
SIDECAR = "sidecar"
SIDECAR_DISK = "128Mi"
KEY_LABEL = "primehub.io/start"
GRACE = "primehub.io/grace"
"""Annotation of a Job: seconds that its command has from being asked to end to being killed, in the pod."""
LEFT_OUT = "primehub.io/left-out"
"""Annotation: the volumes whose claims could not be mounted when the pod was written, in JSON."""
FLUSH_S = 900
"""Seconds that the sidecar has after the workload to send what is left, at the most."""
RUNTIME = "/tmp/jupyter"
"""Where kernels have their sockets: a path that is short."""
_VALUE = "variable."


@dataclass(frozen=True, slots=True)
class PodSettings:
    """What all pods of this installation have in common."""

    instance: str
    api_url: str
    sidecar_image: str
    git_image: str = ""
    """What fetches repositories; empty where nothing does."""
    known_hosts: tuple[str, ...] = ()
    """Of OpenSSH, for the servers of repositories; empty trusts what each shows first."""
    image_pull_policy: str = ""
    image_pull_secrets: tuple[str, ...] = ()
    run_as_user: int = 1000
    run_as_group: int = 100
    fs_group: int = 100
    read_only_root: bool = False
    priority_class: str = ""
    runtime_class: str = ""
    """Of the pods of jobs: what fetches repositories is no work of people's."""
    annotations: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    """Of pods, as an operator sets them; our own come before them."""
    scratch_capacity: str = ""
    """The most that a workload writes to its node's disk; empty is no limit."""

    def contexts(self, level: PodSecurity) -> Contexts:
        """The ``securityContext`` of a pod of this level, and of its containers."""
        ids = Ids(user=self.run_as_user, group=self.run_as_group, files=self.fs_group)
        return contexts(level, ids, read_only_root=self.read_only_root)


def name_of(key: str) -> str:
    """The name of a workload's Job and Secret: ``job-<key>``, once."""
    plain = key.lower().replace("_", "-")
    return plain if plain.startswith("job-") else f"job-{plain}"


def make_secret(workload: Workload, token: str, settings: PodSettings, *, owner: Json | None = None) -> Json:
    """The values that only this workload's pod may see. ``owner`` is the Job, with which it goes."""
    values = [workload.environment[name] for name in workload.masked if name in workload.environment]
    data = {"token": token, "masked": json.dumps(values)}
    data |= {f"{_VALUE}{name}": value for name, value in workload.environment.items()}
    metadata: Json = {"name": name_of(workload.key), "labels": workload.plan.labels | marks(settings.instance)}
    if owner is not None:
        metadata["ownerReferences"] = [owned_by(owner)]
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": "Opaque",
        "data": {name: base64.b64encode(text.encode(errors="surrogateescape")).decode() for name, text in data.items()},
    }


def owned_by(job: Json) -> Json:
    """The mark of what goes with a Job."""
    named = {field: job["metadata"][field] for field in ("name", "uid")}
    return {"apiVersion": "batch/v1", "kind": "Job", **named, "controller": True}


def _left_out(folders: Folders) -> dict[str, str]:
    said = [left_out.model_dump(mode="json") for left_out in folders.left_out]
    return {LEFT_OUT: json.dumps(said)} if said else {}


def make_job(workload: Workload, folders: Folders, settings: PodSettings, in_pod: str) -> Json:
    """The Job. ``in_pod`` is the text of ``runner/in_pod.sh``.

    It makes one pod and never another: one that failed is not tried again, one that is being ended is not replaced.
    """
    plan = workload.plan
    labels = plan.labels | marks(settings.instance)
    metadata: Json = {"labels": {**settings.labels, **labels}, "annotations": {**settings.annotations, **UNDISTURBED}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name_of(workload.key),
            "labels": labels,
            "annotations": {GRACE: str(math.ceil(workload.grace))} | _left_out(folders),
        },
        "spec": {
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            "podReplacementPolicy": "Failed",
            "template": {"metadata": metadata, "spec": make_pod_spec(workload, folders, settings, in_pod)},
        },
    }


def make_pod_spec(workload: Workload, folders: Folders, settings: PodSettings, in_pod: str) -> Json:
    """What the pod runs: the workload in the person's image, and our sidecar, which begins before it and ends after it."""
    plan = workload.plan
    spec: Json = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": FLUSH_S,
        "securityContext": settings.contexts(plan.pod_security).pod,
        "initContainers": [_sidecar(workload, folders, settings)],
        "containers": [_main(workload, folders, settings, in_pod)],
        "volumes": [*folders.volumes, *_own(plan, settings.scratch_capacity)],
    }
    if settings.priority_class:
        spec["priorityClassName"] = settings.priority_class
    if settings.runtime_class:
        spec["runtimeClassName"] = settings.runtime_class
    if pull_secrets := (*settings.image_pull_secrets, *pull_secrets_for(plan.image_source)):
        spec["imagePullSecrets"] = [{"name": name} for name in pull_secrets]
    if plan.node_selector:
        spec["nodeSelector"] = dict(plan.node_selector)
    if plan.tolerations:
        spec["tolerations"] = [make_toleration(toleration) for toleration in plan.tolerations]
    return spec


def _scratch_home(plan: LaunchPlan) -> bool:
    return all(mount.kind is not MountKind.HOME for mount in plan.mounts)


def _own(plan: LaunchPlan, scratch: str) -> tuple[Json, ...]:
    # /tmp too, so that an image whose root is read-only does as well
    names = (*(("home",) if _scratch_home(plan) else ()), "tmp", "primehub-run", "primehub-files")
    return tuple(scratch_volume(name, scratch) for name in names)


def _main(workload: Workload, folders: Folders, settings: PodSettings, in_pod: str) -> Json:
    plan = workload.plan
    plain, odd = for_shells(_variables(plan, workload.environment))
    script = start_script(folders.links, plan.profiles, cwd=HOME, odd=odd)
    command = ["/bin/sh", "-c", in_pod, "primehub", str(math.ceil(workload.grace))]
    command += [*EITHER_SHELL, script, "primehub", *workload.argv]
    mounts: list[Json] = [*folders.mounts, {"name": "tmp", "mountPath": "/tmp"}]
    mounts.append({"name": "primehub-run", "mountPath": RUN})
    mounts.append({"name": "primehub-files", "mountPath": FILES, "readOnly": True})
    if _scratch_home(plan):
        mounts.insert(0, {"name": "home", "mountPath": HOME})
    return {
        "name": MAIN,
        "image": plan.image_location,
        **_policy(pull_policy(plan, settings.image_pull_policy)),
        "command": [literal(part) for part in command],
        "env": [
            _from_secret(name, workload, f"{_VALUE}{odd.get(name, name)}")
            if odd.get(name, name) in workload.environment
            else {"name": name, "value": literal(plain[name])}
            for name in sorted(plain)
        ],
        "resources": make_resources(plan, settings.scratch_capacity),
        "securityContext": settings.contexts(plan.pod_security).workload,
        "volumeMounts": mounts,
    }


def _variables(plan: LaunchPlan, given: Mapping[str, str]) -> dict[str, str]:
    home = {"HOME": HOME, "USER": "jovyan", "LOGNAME": "jovyan", "NB_USER": "jovyan", "JUPYTER_RUNTIME_DIR": RUNTIME}
    limits: dict[str, str] = {}
    if plan.limits.memory:
        limits |= {"MEM_LIMIT": str(plan.limits.memory), "MEM_GUARANTEE": str(plan.requests.memory)}
    if plan.limits.cpu:
        limits |= {"CPU_LIMIT": str(plan.limits.cpu / 1000), "CPU_GUARANTEE": str(plan.requests.cpu / 1000)}
    # with NVIDIA's runtime a container that asks for no GPU would see them all
    gpus = {} if plan.limits.gpu else {"NVIDIA_VISIBLE_DEVICES": "void"}
    return {**home, **plan.environment, **given, **limits, **gpus}


def make_resources(plan: LaunchPlan, scratch: str = "") -> Json:
    """What the workload may take, and what is kept for it."""
    limits, requests = scratch_resources(scratch)
    found: Json = {"limits": limits, "requests": requests}
    for kind, amount in (("limits", plan.limits), ("requests", plan.requests)):
        if amount.cpu:
            found[kind]["cpu"] = f"{int(amount.cpu)}m"
        if amount.memory:
            found[kind]["memory"] = str(int(amount.memory))
        if plan.limits.gpu:
            # a cluster hands out whole devices: what is asked for is what there may be
            found[kind][plan.gpu_resource] = str(plan.limits.gpu)
    return found


def _sidecar(workload: Workload, folders: Folders, settings: PodSettings) -> Json:
    mounts: list[Json] = [{"name": "primehub-run", "mountPath": RUN}, {"name": "primehub-files", "mountPath": FILES}]
    if _scratch_home(workload.plan):
        mounts.append({"name": "home", "mountPath": HOME, "readOnly": True})
    # all that it writes is its log: what it keeps of the workload is in the workload's own folders
    limits, requests = scratch_resources(SIDECAR_DISK if settings.scratch_capacity else "")
    return {
        "name": SIDECAR,
        "image": settings.sidecar_image,
        **_policy(settings.image_pull_policy),
        "restartPolicy": "Always",
        "env": [
            {"name": "PRIMEHUB_API", "value": literal(settings.api_url)},
            {"name": "PRIMEHUB_WORKLOAD", "value": workload.key},
            {"name": "PRIMEHUB_POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}},
            _from_secret("PRIMEHUB_WORKLOAD_TOKEN", workload, "token"),
            _from_secret("PRIMEHUB_MASKED", workload, "masked"),
        ],
        "resources": {
            "limits": {"cpu": "1", "memory": "128Mi"} | limits,
            "requests": {"cpu": "10m", "memory": "32Mi"} | requests,
        },
        "securityContext": settings.contexts(workload.plan.pod_security).ours,
        "volumeMounts": mounts,
    }


def _policy(found: str) -> Json:
    return {"imagePullPolicy": found} if found else {}


def _from_secret(name: str, workload: Workload, key: str) -> Json:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": name_of(workload.key), "key": key}}}
