"""What platform admins see of all groups at once, and before they delete one."""

from __future__ import annotations

from .claims import Usage
from .model import Model
from .names import DisplayName


class GroupOverview(Model):
    """One group in numbers."""

    group: str
    """Slug."""
    display_name: DisplayName
    people: int
    notebooks: int
    """That hold something now."""
    jobs: int
    """That hold something now."""
    waiting: int
    """Jobs in the queue."""
    total: Usage


class PlatformOverview(Model):
    """Every group in numbers, by name."""

    groups: tuple[GroupOverview, ...]
    people: int
    """Accounts, each counted once."""


class GroupLosses(Model):
    """What ends, and what is gone, when a group is deleted."""

    people: int
    """Who lose their place in it."""
    notebooks: int
    """That stop."""
    jobs: int
    """That are cancelled, waiting ones too."""
    job_records: int
    """That nobody can open any more."""
    schedules: int
    """That start nothing any more."""
    images: int
    """The group's own."""
    secrets: int
    """The group's own."""
    shared_volume: bool
    """Whether it has a folder of its own, which stays on the disk and is mounted nowhere."""
