"""From what was chosen and allowed to what runs: the LaunchPlan of a notebook. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .environment import RESERVED, RESERVED_PREFIXES
from .groups import Group
from .identity import Account
from .images import ContainerSource, Image
from .instance_types import InstanceType
from .launch import LaunchPlan, LeftOut, Mount, MountKind, WorkloadKind
from .system import SystemSettings
from .volumes import EnvSource, GitSource, Volume

HOME = "/home/jovyan"
SAFE_MODE_HOME = "/home/jovyan/user"
PROJECTS = "/project"
DATASETS = "/datasets"
NVIDIA = "nvidia.com/gpu"
_ACTIVITY_INTERVAL = 300
_LINKS_TAKEN = frozenset({"datasets", "user"})
_VARIABLE = re.compile(r"^[-._A-Za-z0-9]+\Z")


@dataclass(frozen=True, slots=True)
class Chosen:
    """All that a plan is made from. Everything in it has been checked to be the person's to use."""

    start_id: str
    account: Account
    group: Group
    instance_type: InstanceType
    image: Image
    settings: SystemSettings
    groups: Sequence[Group] = ()
    """Every group of the person, the launch group too."""
    volumes: Sequence[Volume] = ()
    """Volumes that any of those groups has."""
    environment: Mapping[str, str] = field(default_factory=dict)
    safe_mode: bool = False
    gpu_indices: tuple[int, ...] | None = None
    """The GPUs that the machine gives; None where the engine gives them without saying which."""


def make_plan(chosen: Chosen) -> LaunchPlan:
    """The plan of one start of a notebook server."""
    broken = _broken_folders(chosen)
    projects = [m for m in project_mounts(chosen.group, chosen.groups) if m.slug not in broken]
    mounts = [*_homes(chosen), *projects]
    variables: dict[str, str] = {}
    left_out = [LeftOut(volume=slug, reason=why) for slug, why in broken.items()]
    for volume in sorted(chosen.volumes, key=lambda v: v.slug):
        if not is_given(volume, chosen.group, chosen.groups):
            continue
        if volume.message:
            left_out.append(LeftOut(volume=volume.name, reason=volume.message))
        elif isinstance(volume.source, EnvSource):
            given, refused = volume_variables(volume.name, volume.source)
            variables |= given
            left_out += [LeftOut(volume=volume.name, reason=reason) for reason in refused]
        else:
            mounts.append(dataset_mount(volume, chosen.group))
    kind, image, source = chosen.instance_type, chosen.image, chosen.image.source
    location = image.location
    if isinstance(source, ContainerSource):
        location = source.url_gpu if kind.gpu_limit and source.url_gpu else source.url
    return LaunchPlan(
        start_id=chosen.start_id,
        kind=WorkloadKind.NOTEBOOK,
        user=chosen.account.name,
        user_slug=chosen.account.slug,
        group=chosen.group.slug,
        group_name=chosen.group.name,
        instance_type=kind.name,
        image=image.name,
        image_source=source,
        image_location=location,
        image_of_group=image.group is not None,
        limits=kind.limits,
        requests=kind.requests,
        gpu_resource=kind.gpu_resource,
        gpu_indices=chosen.gpu_indices or (),
        node_selector=dict(kind.node_selector),
        tolerations=kind.tolerations,
        mounts=tuple(mounts),
        left_out=tuple(left_out),
        environment=_environment(chosen, variables),
        profiles=_profiles(chosen),
        safe_mode=chosen.safe_mode,
        pod_security=chosen.group.pod_security,
        idle_timeout=(timeout := idle_timeout(kind, chosen.group, chosen.settings)),
        idle_warning=idle_warning(timeout, chosen.settings),
    )


def idle_timeout(instance_type: InstanceType, group: Group, settings: SystemSettings) -> int:
    """Seconds without activity until a notebook stops; 0 is never.

    The nearest one that is set wins: the instance type's (an expensive one may be kept on a shorter leash), else the
    group's, else the system's.
    """
    for value in (instance_type.idle_timeout, group.idle_timeout):
        if value is not None:
            return value
    return settings.idle_timeout


def idle_warning(timeout: int, settings: SystemSettings) -> int:
    """Seconds before the end for idleness at which a person is warned: the system's, at most half of ``timeout``."""
    return min(settings.idle_warning, timeout // 2)


def is_given(volume: Volume, launch_group: Group, groups: Sequence[Group]) -> bool:
    """Whether a launch in the group gets the volume.

    It does where the group has it, and where another group of the person has it and it is not for launches in that
    group alone.
    """
    having = {entry.group for entry in volume.groups}
    if volume.all_groups or launch_group.slug in having:
        return True
    return not volume.launch_group_only and any(group.slug in having for group in groups)


def volume_variables(name: str, source: EnvSource) -> tuple[dict[str, str], list[str]]:
    """The variables ``<VOLUME>_<KEY>`` of a volume, as they are and with ``-`` as ``_``; and why some are not set."""
    variables: dict[str, str] = {}
    refused: list[str] = []
    for key, value in sorted(source.variables.items()):
        raw = f"{name}_{key}".upper()
        plain = re.sub(r"[^A-Z0-9_]", "_", raw)
        if "\0" in value or not _VARIABLE.match(key):
            refused.append(f"the variable {key!r} cannot be set: its name or value is not allowed")
        elif is_reserved(plain):
            refused.append(f"the variable {plain} is set by the platform")
        else:
            variables[plain] = value
            if _VARIABLE.match(raw):
                variables[raw] = value
    return variables, refused


def is_reserved(name: str) -> bool:
    """Whether only the platform may set the variable."""
    return name in RESERVED or name.startswith(RESERVED_PREFIXES)


def home_mount(account: Account, settings: SystemSettings, *, safe_mode: bool) -> Mount:
    """A person's own files."""
    capacity = account.volume_capacity
    return Mount(
        kind=MountKind.HOME,
        slug=account.slug,
        path=SAFE_MODE_HOME if safe_mode else HOME,
        capacity=settings.default_volume_capacity if capacity is None else capacity,
    )


def _homes(chosen: Chosen) -> list[Mount]:
    volume = home_mount(chosen.account, chosen.settings, safe_mode=chosen.safe_mode)
    # a container's own home folder serves on a cluster; where there is no container, an empty one is needed
    scratch = Mount(kind=MountKind.SCRATCH, slug="home", path=HOME)
    return [scratch, volume] if chosen.safe_mode and chosen.image.source.type == "environment" else [volume]


def project_mounts(launch_group: Group, groups: Sequence[Group]) -> list[Mount]:
    """The launch group's folder, and those of the person's other groups that are not for launches in them alone."""
    others = [g for g in groups if g.id != launch_group.id and not g.launch_group_only]
    return [
        Mount(
            kind=MountKind.PROJECT,
            slug=group.slug,
            path=f"{PROJECTS}/{group.slug}",
            # a link of the same name as a folder that is there would hide it
            links=() if group.slug in _LINKS_TAKEN else (f"{HOME}/{group.slug}",),
            capacity=group.shared_volume_capacity,
        )
        for group in (launch_group, *sorted(others, key=lambda g: g.slug))
        if group.shared_volume
    ]


def _broken_folders(chosen: Chosen) -> dict[str, str]:
    """Why the folders of the person's other groups are left out, by slug: a start would wait for what cannot be had.

    That of the launch group is no folder that a start can do without, so whoever mounts it says why it cannot.
    """
    given = {mount.slug for mount in project_mounts(chosen.group, chosen.groups)} - {chosen.group.slug}
    return {g.slug: g.folder_problem for g in chosen.groups if g.slug in given and g.folder_problem}


def dataset_mount(volume: Volume, launch_group: Group) -> Mount:
    """A data volume's folder, as launches in the group see it."""
    writable = any(entry.group == launch_group.slug and entry.writable for entry in volume.groups)
    return Mount(
        kind=MountKind.DATASET,
        slug=volume.slug,
        path=f"{DATASETS}/{volume.slug}",
        read_only=isinstance(volume.source, GitSource) or not writable,
        links=(f"{HOME}/datasets/{volume.slug}",),
        source=volume.source,
        capacity=getattr(volume.source, "capacity", None),
    )


def _profiles(chosen: Chosen) -> tuple[str, ...]:
    """The group's script, then the person's own in that group; neither in safe mode, which is for mending them."""
    if chosen.safe_mode or not chosen.group.shared_volume:
        return ()
    folder = f"{PROJECTS}/{chosen.group.slug}/.primehub"
    return f"{folder}/profile", f"{folder}/{chosen.account.name}.profile"


def _environment(chosen: Chosen, volumes: Mapping[str, str]) -> dict[str, str]:
    people = {name: value for name, value in chosen.environment.items() if not is_reserved(name)}
    return {"TZ": "UTC"} | dict(volumes) | _reserved(chosen) | people


def _reserved(chosen: Chosen) -> dict[str, str]:
    group = chosen.group
    timeout = idle_timeout(chosen.instance_type, group, chosen.settings)
    variables = {
        "GROUP_ID": group.id,
        "GROUP_NAME": group.name,
        "INSTANCE_TYPE": chosen.instance_type.name,
        "IMAGE_NAME": chosen.image.name,
        "PRIMEHUB_USER": chosen.account.name,
        "PRIMEHUB_GROUP": group.name,
    }
    if group.shared_volume:
        variables["PRIMEHUB_GROUP_VOLUME_PATH"] = f"{PROJECTS}/{group.slug}"
    if chosen.safe_mode:
        variables["PRIMEHUB_SAFE_MODE_ENABLED"] = "true"
    if timeout:
        # activity that is reported too seldom would look like none
        variables["JUPYTERHUB_ACTIVITY_INTERVAL"] = str(min(_ACTIVITY_INTERVAL, max(5, timeout // 6)))
    return variables | _gpus(chosen)


def _gpus(chosen: Chosen) -> dict[str, str]:
    """Which NVIDIA GPUs are seen. What CUDA calls them inside depends on what is visible there: the engine says that."""
    kind = chosen.instance_type
    if not kind.gpu_limit or kind.gpu_resource != NVIDIA:
        return {"NVIDIA_VISIBLE_DEVICES": "none"}
    if chosen.gpu_indices is None:
        return {}  # the device plugin of a cluster says which
    return {"NVIDIA_VISIBLE_DEVICES": ",".join(map(str, chosen.gpu_indices))}
