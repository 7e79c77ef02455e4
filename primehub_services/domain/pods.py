"""How a plan's mounts become volumes of a pod, of a notebook's and of a job's alike. Plain manifests. Pure.

Every folder that outlives a pod is a claim (PersistentVolumeClaim) of our namespace, whatever is behind it: shares and
folders of hosts are volumes that an operator binds to a claim beforehand, so that the platform needs no right outside
its namespace.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .instance_types import Toleration
from .launch import LeftOut, Mount, MountKind
from .planning import DATASETS
from .volumes import EnvSource, GitSource, HostPathSource, NfsSource, PvcSource, VolumeSource

Manifest = dict[str, Any]

MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGER = "primehub"
INSTANCE = "primehub.io/instance"
"""Label with the name of the installation, of everything that it makes."""
GIT = "/gitsync"
"""Where the claims of repositories are seen; what is shown of each is a link in it."""
DISK = "ephemeral-storage"
DISK_REQUEST = "1Mi"
UNDISTURBED: Mapping[str, str] = {
    "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
    "karpenter.sh/do-not-disrupt": "true",
}
"""Annotations by which those who make clusters smaller leave a pod's node alone: each heeds but its own."""
ONE_POD = "ReadWriteOncePod"
ONE_NODE = "ReadWriteOnce"
READERS = "ReadOnlyMany"
MANY_NODES = "ReadWriteMany"
CLAIMS_OF_OURS = ("claim-", "project-", "dataset-")
"""How the names begin of claims that the platform makes: of people, of groups, of data volumes."""


@dataclass(frozen=True, slots=True)
class ClaimNeed:
    """A claim that a pod needs."""

    name: str
    kind: MountKind
    slug: str
    """Of the person, group or volume whose folder it is."""
    made_by_us: bool
    """Whether the platform makes it; else an operator does."""
    access_mode: str
    capacity: int | None = None
    """GiB; None is what the settings say."""
    written: bool = False
    """Whether somebody may write to it: of a claim that an operator makes, which may not let anybody."""


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders of a pod."""

    volumes: tuple[Manifest, ...]
    mounts: tuple[Manifest, ...]
    """Of its main container."""
    links: tuple[tuple[str, str], ...]
    """Symbolic links to make in it before anything else, each with its target."""
    left_out: tuple[LeftOut, ...]


def make_toleration(toleration: Toleration) -> Manifest:
    """A toleration as a pod has it."""
    made: Manifest = toleration.model_dump(mode="json", exclude_none=True)
    if (seconds := made.pop("toleration_seconds", None)) is not None:
        made["tolerationSeconds"] = seconds
    return made


def marks(instance: str) -> dict[str, str]:
    """The labels of everything that an installation makes."""
    return {MANAGED_BY: MANAGER, INSTANCE: instance}


def selector(instance: str, **more: str) -> str:
    """Selects what has these labels; ``more`` are of our own domain, by their last part."""
    labels = marks(instance) | {f"primehub.io/{name}": value for name, value in more.items()}
    return ",".join(f"{name}={value}" for name, value in labels.items())


def home_claim(user_slug: str) -> str:
    """The name of the claim of a person's files."""
    return f"{CLAIMS_OF_OURS[0]}{user_slug}"


def project_claim(group_slug: str) -> str:
    """The name of the claim of what a group shares."""
    return f"{CLAIMS_OF_OURS[1]}{group_slug}"


def dataset_claim(volume_slug: str, source: VolumeSource | None = None) -> str:
    """The name of the claim of a data volume: the one that it names, or one of its own."""
    if isinstance(source, PvcSource) and source.claim:
        return source.claim
    return f"{CLAIMS_OF_OURS[2]}{volume_slug}"


def claim_need(mount: Mount) -> ClaimNeed | None:
    """The claim behind a mount; None where it needs none."""
    match mount.kind:
        case MountKind.HOME:
            return ClaimNeed(home_claim(mount.slug), mount.kind, mount.slug, True, ONE_NODE, mount.capacity)
        case MountKind.PROJECT:
            return project_need(mount.slug, mount.capacity)
        case MountKind.SCRATCH:
            return None
    return volume_need(mount.slug, mount.source, mount.capacity, written=not mount.read_only)


def project_need(slug: str, capacity: int | None) -> ClaimNeed:
    """The claim behind a group's folder."""
    return ClaimNeed(project_claim(slug), MountKind.PROJECT, slug, True, MANY_NODES, capacity)


def volume_need(
    slug: str, source: VolumeSource | None, capacity: int | None = None, *, written: bool = False
) -> ClaimNeed | None:
    """The claim behind a data volume; None for variables, which are no folder."""
    if isinstance(source, EnvSource):
        return None
    ours = isinstance(source, GitSource) or source is None or (isinstance(source, PvcSource) and not source.claim)
    name = dataset_claim(slug, source)
    return ClaimNeed(name, MountKind.DATASET, slug, ours, MANY_NODES, capacity, written)


def claims_needed(mounts: Iterable[Mount]) -> tuple[ClaimNeed, ...]:
    """Every claim that a pod with these mounts needs, once."""
    found: dict[str, ClaimNeed] = {}
    for need in filter(None, map(claim_need, mounts)):
        other = found.get(need.name)
        found[need.name] = replace(need, written=True) if other is not None and other.written else need
    return tuple(found.values())


def spare_claims(mounts: Iterable[Mount], group: str) -> tuple[ClaimNeed, ...]:
    """Those that a launch in the group with this slug can do without: all but the person's own files and its folder."""
    needed = project_claim(group)
    return tuple(n for n in claims_needed(mounts) if n.kind is not MountKind.HOME and n.name != needed)


def folder_trouble(mounts: Iterable[Mount], group: str, missing: Mapping[str, str]) -> str:
    """Why the folder of the group with this slug cannot be mounted, where it is wanted and cannot; else empty.

    A job that goes on without it would leave its results where nobody finds them, and succeed.
    """
    for mount in mounts:
        if mount.kind is MountKind.PROJECT and mount.slug == group and project_claim(group) in missing:
            return missing[project_claim(group)]
    return ""


def scratch_volume(name: str, size: str) -> Manifest:
    """A folder that goes with the pod. A node ends a pod that puts more into it than ``size``; empty is no limit."""
    return {"name": name, "emptyDir": {"sizeLimit": size} if size else {}}


def scratch_resources(size: str) -> tuple[dict[str, str], dict[str, str]]:
    """Limits and requests of a container for what it writes to its node's disk: its own files, and scratch folders."""
    # what is not said of the request is the limit, and few pods would keep a node's whole disk
    return ({DISK: size}, {DISK: DISK_REQUEST}) if size else ({}, {})


def pod_folders(mounts: Sequence[Mount], missing: Mapping[str, str] | None = None, *, scratch: str = "") -> Folders:
    """The volumes of the mounts. ``missing``: why a claim of that name cannot be mounted; its mount is left out.

    A pod with one claim that is not there would wait for it for ever, with everything else that it has. ``scratch`` is
    the most that a folder which goes with the pod takes.
    """
    volumes: dict[str, Manifest] = {}
    seen: list[Manifest] = []
    links: list[tuple[str, str]] = []
    left_out: list[LeftOut] = []
    for mount in sorted(mounts, key=lambda m: (m.path.count("/"), m.path)):
        need = claim_need(mount)
        if need is not None and missing and need.name in missing:
            left_out.append(LeftOut(volume=mount.slug, reason=missing[need.name]))
            continue
        name = _volume_name(mount)
        volumes[name] = _volume(name, need, scratch)
        path = mount.path
        if isinstance(mount.source, GitSource):
            # the folder around the link to what is shown: a link that was changed is seen, a mount would stay
            path = f"{GIT}/{mount.slug}"
            links.append((mount.path, f"{path}/{mount.slug}"))
        seen.append({"name": name, "mountPath": path} | ({"readOnly": True} if mount.read_only else {}))
        links += [(link, mount.path) for link in mount.links]
    if any(path.startswith(f"{DATASETS}/") for path, _ in links):
        # a folder for links, which nobody may make in an image's root
        volumes = {"datasets": scratch_volume("datasets", scratch)} | volumes
        seen.insert(0, {"name": "datasets", "mountPath": DATASETS})
    return Folders(tuple(volumes.values()), tuple(seen), tuple(links), tuple(left_out))


def make_claim(need: ClaimNeed, *, storage_class: str, default_capacity: str, labels: Mapping[str, str]) -> Manifest:
    """The manifest of a claim that the platform makes. An empty ``storage_class`` is the cluster's own default.

    It has no owner: a claim outlives everything that could own it, the installation included.
    """
    marks = {MANAGED_BY: MANAGER, slug_label(need.kind): need.slug}
    spec: Manifest = {
        "accessModes": [need.access_mode],
        "resources": {"requests": {"storage": f"{need.capacity}Gi" if need.capacity else default_capacity}},
    }
    if storage_class:
        spec["storageClassName"] = storage_class
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": need.name, "labels": dict(labels) | marks},
        "spec": spec,
    }


def slug_label(kind: MountKind) -> str:
    """Label of a claim, with the slug of the person, group or volume whose folder it is."""
    return f"primehub.io/{_WORD[kind]}"


def operators_manifests(slug: str, source: NfsSource | HostPathSource, namespace: str) -> tuple[Manifest, Manifest]:
    """The volume and the claim that an operator applies for a share or a folder of the hosts."""
    claim = dataset_claim(slug, source)
    behind: Manifest
    if isinstance(source, NfsSource):
        behind = {"nfs": {"server": source.server, "path": source.path}}
    else:
        behind = {"hostPath": {"path": source.path, "type": "Directory"}}
    # neither says how much there is; a size has to be given, and nothing keeps to it
    size, modes = {"storage": "1Gi"}, [MANY_NODES]
    name = f"{namespace}-{claim}"
    volume: Manifest = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": size,
            "accessModes": modes,
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "",
            "claimRef": {"namespace": namespace, "name": claim},
            **behind,
        },
    }
    bound: Manifest = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": claim, "namespace": namespace, "labels": {"primehub.io/volume": slug}},
        "spec": {
            "accessModes": modes,
            "storageClassName": "",
            "volumeName": name,
            "resources": {"requests": size},
        },
    }
    return volume, bound


def literal(text: str) -> str:
    """The text as a pod's manifest has to have it in a command or a variable: there ``$(NAME)`` is replaced."""
    return text.replace("$", "$$")


_WORD = {MountKind.HOME: "user", MountKind.PROJECT: "group", MountKind.DATASET: "volume"}


def _volume_name(mount: Mount) -> str:
    return "home" if mount.kind is MountKind.HOME else f"{mount.kind.value}-{mount.slug}"


def _volume(name: str, need: ClaimNeed | None, scratch: str) -> Manifest:
    if need is None:
        return scratch_volume(name, scratch)
    return {"name": name, "persistentVolumeClaim": {"claimName": need.name}}
