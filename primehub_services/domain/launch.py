"""From what a person asks (LaunchRequest) to what runs (LaunchPlan)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from .environment import Environment
from .images import ImageSource
from .instance_types import Toleration
from .model import Model
from .pod_security import LABEL, PodSecurity
from .resources import Resources
from .volumes import VolumeSource


class WorkloadKind(StrEnum):
    """What a workload is for. ``notebook`` and ``job`` count against person and group, the others the group only."""

    NOTEBOOK = "notebook"
    JOB = "job"
    DEPLOYMENT = "deployment"
    APP = "app"


class LaunchRequest(Model):
    """What a person asks for when starting a notebook. Names or slugs; nothing in it is trusted."""

    group: str = Field(min_length=1, max_length=63)
    instance_type: str = Field(min_length=1, max_length=63)
    image: str = Field(min_length=1, max_length=63)
    environment: Environment | None = Field(
        default=None, description="null is the set used the last time; given ones are remembered"
    )
    safe_mode: bool = False
    server_name: Annotated[str, Field(max_length=30, pattern=r"^$|^[a-z](-?[a-z0-9])*$")] = ""


class MountKind(StrEnum):
    """Where a mount's content comes from."""

    HOME = "home"
    PROJECT = "project"
    DATASET = "dataset"
    SCRATCH = "scratch"


class Mount(Model):
    """One folder of a workload. Engines find the content by ``kind`` and ``slug``."""

    kind: MountKind
    slug: str
    path: str
    read_only: bool = False
    links: tuple[str, ...] = ()
    """Paths of symbolic links to make to it."""
    source: VolumeSource | None = None
    """For kind dataset."""
    capacity: int | None = None
    """GiB, where there is a limit."""


class LeftOut(Model):
    """A volume that is not mounted, and why: one broken volume never stops a launch."""

    volume: str
    reason: str


class LaunchPlan(Model):
    """All that an engine or a spawner needs to start one workload. Made by the API, trusted."""

    start_id: str
    kind: WorkloadKind
    user: str
    user_slug: str
    group: str
    """Slug of the launch group."""
    group_name: str
    instance_type: str
    image: str
    image_source: ImageSource
    image_location: str | None
    image_of_group: bool = False
    """Whether a group's own admins say what it is."""
    limits: Resources
    requests: Resources
    gpu_resource: str = "nvidia.com/gpu"
    gpu_indices: tuple[int, ...] = ()
    node_selector: dict[str, str] = Field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()
    mounts: tuple[Mount, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    environment: dict[str, str] = Field(default_factory=dict)
    profiles: tuple[str, ...] = ()
    """Scripts in the group's folder that are sourced before the workload, in order, where they are there."""
    safe_mode: bool = False
    pod_security: PodSecurity = PodSecurity.RESTRICTED
    """The launch group's."""
    idle_timeout: int = Field(ge=0, description="seconds; 0 is never")
    idle_warning: int = Field(default=0, ge=0, description="seconds before the end for idleness")

    @property
    def labels(self) -> dict[str, str]:
        """What marks the pod or process as this start's."""
        more = {} if self.pod_security is PodSecurity.RESTRICTED else {LABEL: self.pod_security.value}
        return more | {
            "primehub.io/start": self.start_id,
            "primehub.io/kind": self.kind.value,
            "primehub.io/group": self.group,
            "primehub.io/user": self.user_slug,
        }
