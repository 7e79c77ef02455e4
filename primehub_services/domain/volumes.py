"""Data volumes: folders, shares, repositories and variables that groups are given."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from .model import Model, Timestamp
from .names import Description, DisplayName, Name
from .wrong import WrongValue

AbsolutePath = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^/[^\x00]*$")]


_KEY = re.compile(r"^[-._A-Za-z0-9]{1,128}\Z")
_MAX_VARIABLES = 100
_MAX_VALUE = 32_768


def _check_variables(variables: dict[str, str]) -> dict[str, str]:
    if len(variables) > _MAX_VARIABLES:
        msg, fix = f"has more than {_MAX_VARIABLES} variables", "leave some out"
        raise WrongValue(msg, fix)
    for key, value in variables.items():
        if not _KEY.match(key):
            msg, fix = f"{key!r} is not a key", "use 1 to 128 of letters, digits, '-', '.', '_'"
            raise WrongValue(msg, fix, field=key)
        if len(value) > _MAX_VALUE or "\0" in value:
            msg, fix = f"is longer than {_MAX_VALUE} characters or holds a NUL", "keep it in a file of the volume"
            raise WrongValue(msg, fix, field=key)
    return variables


class PvcSource(Model):
    """A claim that the platform makes (a folder under the data folder on one machine)."""

    type: Literal["pvc"] = "pvc"
    capacity: int | None = Field(
        default=None, ge=1, description="GiB; on one machine it is noted, and nothing keeps to it"
    )
    claim: str | None = Field(
        default=None,
        max_length=253,
        pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
        description="an existing claim to use instead",
    )


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
    variables: Annotated[dict[str, str], AfterValidator(_check_variables)] = Field(default_factory=dict)


VolumeSource = Annotated[PvcSource | NfsSource | HostPathSource | GitSource | EnvSource, Field(discriminator="type")]


READ_ONLY_TYPES = frozenset({"git", "env"})
FETCHING = "It is being fetched for the first time."
"""The message of a repository that nothing was seen of yet."""


class VolumeContent(Model):
    """What of a repository a volume shows."""

    commit: str
    fetched_at: Timestamp
    """When it was last seen to be the newest."""
    problem: str = ""
    """Why a later look at the repository failed; what is shown stays until one succeeds."""


@dataclass(frozen=True, slots=True)
class KeptVolume:
    """A volume whose folder the platform itself keeps."""

    id: str
    slug: str
    source: PvcSource | GitSource
    secret: str | None = None
    """Id of the secret that its repository is asked for with, where it is there."""
    secret_changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class VolumePolicy:
    """What volumes the engine can serve, and which folders of the host they may be."""

    accepts: frozenset[str]
    """Types of source."""
    existing_claims: bool
    """Whether a ``pvc`` may name a claim that is there."""
    check_path: Callable[[str], str | None]
    """Why a folder of the host may not be used; None where it may."""
    taken: tuple[str, ...] = ()
    """How the names begin of claims that no volume may name."""
    namespace: str = ""
    """Where the claims of an operator's volumes are; empty where there is no cluster."""


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
    content: VolumeContent | None = None
    """For kind git, once it was fetched."""
    created_at: Timestamp
    version: int


class VolumeManifests(Model):
    """What an operator of the cluster applies, once, so that a volume can be mounted."""

    claim: str
    """The claim that launches mount."""
    yaml: str
    """The volume and the claim, for ``kubectl apply -f``."""


class VolumeUpdate(Model):
    """Fields to change; absent ones stay. ``version`` is that of the row the change was made from."""

    version: int
    display_name: DisplayName | None = None
    description: Description | None = None
    source: VolumeSource | None = None
    all_groups: bool | None = None
    groups: tuple[VolumeGroup, ...] | None = None
    launch_group_only: bool | None = None
