"""Groups: the tenants, in which nearly everything lives."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from .model import Model, Timestamp
from .names import Description, DisplayName, Name
from .pod_security import PodSecurity
from .resources import RESOURCE_NAMES, Quota
from .wrong import WrongValue

Seconds = Annotated[int, Field(ge=0, le=366 * 86400, description="seconds")]
Gibibytes = Annotated[int, Field(ge=1, le=1_000_000, description="GiB")]


class Group(Model):
    """A group. ``name`` and ``slug`` never change; a quota of null is no limit."""

    id: str
    name: Name
    slug: str
    display_name: DisplayName
    description: Description = ""
    user_quota: Quota
    """What one member may have in use in this group."""
    group_quota: Quota
    """What all members together may have in use."""
    shared_volume: bool
    shared_volume_capacity: Gibibytes | None = None
    folder_problem: str = ""
    """Why nothing can mount its folder, on a cluster; empty where it can, or where that is not known yet."""
    launch_group_only: bool
    """Whether the group folder is mounted only in workloads launched in this group."""
    pod_security: PodSecurity = PodSecurity.RESTRICTED
    """What its notebooks and jobs may do on a cluster; on one machine it changes nothing."""
    job_timeout: Seconds | None = None
    idle_timeout: Seconds | None = None
    """Seconds without activity until a notebook stops; null is the system's, 0 is never."""
    created_at: Timestamp
    version: int


class GroupCreate(Model):
    """What an administrator gives to make a group. A person gets half a core and no GPU until somebody says otherwise."""

    name: Name
    display_name: DisplayName = ""
    description: Description = ""
    user_quota: Quota = Field(default_factory=lambda: Quota.model_validate({"cpu": 0.5, "gpu": 0}))
    group_quota: Quota = Field(default_factory=Quota)
    shared_volume: bool = True
    shared_volume_capacity: Gibibytes | None = None
    launch_group_only: bool = True
    pod_security: PodSecurity = PodSecurity.RESTRICTED
    job_timeout: Seconds | None = None
    idle_timeout: Seconds | None = None

    @model_validator(mode="after")
    def _user_within_group(self) -> Self:
        check_quotas(self.user_quota, self.group_quota)
        return self


class GroupUpdate(Model):
    """Fields to change; absent ones stay. ``version`` is that of the row the change was made from."""

    version: int
    display_name: DisplayName | None = None
    description: Description | None = None
    user_quota: Quota | None = None
    group_quota: Quota | None = None
    shared_volume: bool | None = None
    shared_volume_capacity: Gibibytes | None = None
    launch_group_only: bool | None = None
    pod_security: PodSecurity | None = None
    job_timeout: Seconds | None = None
    idle_timeout: Seconds | None = None


def check_quotas(user: Quota, group: Quota) -> None:
    """Raises ``ValueError`` where one person's quota is above the whole group's."""
    for name in RESOURCE_NAMES:
        person, everyone = getattr(user, name), getattr(group, name)
        if person is not None and everyone is not None and person > everyone:
            msg, fix = f"must not be above group_quota.{name}", "lower it, or raise the group's quota"
            raise WrongValue(msg, fix, field=f"user_quota.{name}")
