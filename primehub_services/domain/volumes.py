"""Data volumes: folders, shares, repositories and variables that groups are given."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .model import Model, Timestamp
from .names import Description, DisplayName, Name

AbsolutePath = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^/[^\x00]*$")]


class PvcSource(Model):
    """A claim that the platform makes (a folder under the data folder on one machine)."""

    type: Literal["pvc"] = "pvc"
    capacity: int | None = Field(default=None, ge=1, description="GiB")
    claim: str | None = Field(default=None, description="an existing claim to use instead")


class NfsSource(Model):
    """A share of an NFS server (on a cluster only)."""

    type: Literal["nfs"] = "nfs"
    server: str = Field(min_length=1, max_length=253)
    path: AbsolutePath


class HostPathSource(Model):
    """A folder of the host; on one machine only under the configured roots."""

    type: Literal["hostPath"] = "hostPath"
    path: AbsolutePath


class GitSource(Model):
    """A repository, kept current, read-only."""

    type: Literal["git"] = "git"
    url: str = Field(
        min_length=1, max_length=1000, pattern=r"^(https?|ssh|git|file)://[^\s]+$|^[^\s@]+@[^\s:]+:[^\s]+$"
    )
    ref: str = Field(default="", max_length=200)
    secret: str | None = None


class EnvSource(Model):
    """Variables, set in workloads as ``<VOLUME>_<KEY>``."""

    type: Literal["env"] = "env"
    variables: dict[str, str] = Field(default_factory=dict)


VolumeSource = Annotated[PvcSource | NfsSource | HostPathSource | GitSource | EnvSource, Field(discriminator="type")]


class VolumeGroup(Model):
    """A group that has the volume."""

    group: str
    writable: bool = False


class VolumeCreate(Model):
    """What an administrator gives to make a volume."""

    name: Name
    display_name: DisplayName = ""
    description: Description = ""
    source: VolumeSource
    all_groups: bool = False
    """Every group has it, read-only unless listed as writable."""
    groups: tuple[VolumeGroup, ...] = ()
    launch_group_only: bool = True


class Volume(VolumeCreate):
    """A data volume; mounted at ``/datasets/<slug>``."""

    id: str
    slug: str
    message: str = ""
    """Why it is left out of launches, where it is."""
    created_at: Timestamp
    version: int


class VolumeUpdate(Model):
    """Fields to change; absent ones stay. ``version`` is that of the row the change was made from."""

    version: int
    display_name: DisplayName | None = None
    description: Description | None = None
    source: VolumeSource | None = None
    all_groups: bool | None = None
    groups: tuple[VolumeGroup, ...] | None = None
    launch_group_only: bool | None = None
