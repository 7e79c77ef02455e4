"""Recurring jobs: a schedule and its firings. Each due instant is accounted for exactly once."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from .jobs import JobName, JobPhase, JobSpec
from .model import Model, Timestamp
from .snapshots import SnapshotFormat

Cron = Annotated[str, Field(min_length=1, max_length=200)]
"""Five fields: minute, hour, day of month, month, day of week."""
Zone = Annotated[str, Field(min_length=1, max_length=64)]
"""An IANA time zone: ``Europe/Berlin``."""


class Overlap(StrEnum):
    """What a due instant does while an earlier job of the schedule has not ended."""

    SKIP = "skip"
    QUEUE = "queue"
    REPLACE = "replace"


class FiringOutcome(StrEnum):
    """What became of a due instant."""

    JOB = "JOB"
    SKIPPED = "SKIPPED"
    REPLACED = "REPLACED"
    """A job ran for it, in place of the earlier one, which was cancelled."""
    COALESCED = "COALESCED"
    """A stretch that was missed: from ``instant`` to ``until``."""


class ScheduleCreate(Model):
    """A recurring job to make."""

    name: JobName = Field(min_length=1)
    cron: Cron
    timezone: Zone = "UTC"
    job: JobSpec
    overlap: Overlap = Overlap.SKIP
    catch_up: bool = False
    """After the platform was down: run once for all that was missed, instead of not at all."""
    paused: bool = False
    notebook_reads_file: bool = False
    """For a notebook in the group folder: read the file at each firing instead of the snapshot."""


class ScheduleUpdate(Model):
    """Fields to change; absent ones stay. ``version`` is that of the schedule the change was made from."""

    version: int
    name: JobName | None = Field(default=None, min_length=1)
    cron: Cron | None = None
    timezone: Zone | None = None
    job: JobSpec | None = None
    overlap: Overlap | None = None
    catch_up: bool | None = None
    paused: bool | None = None
    notebook_reads_file: bool | None = None


class Firing(Model):
    """What became of one due instant, or of a missed stretch of them."""

    id: str
    instant: Timestamp
    until: Timestamp | None = None
    """The last instant of a missed stretch."""
    count: int = 1
    outcome: FiringOutcome
    job: str | None = None
    phase: JobPhase | None = None
    """Of its job, as it is now; null where no job ran, or it is deleted."""
    message: str = ""
    decided_at: Timestamp


class Schedule(Model):
    """A recurring job."""

    id: str
    name: str
    user: str
    group: str
    cron: str
    timezone: str
    reading: str
    """The cron expression in words."""
    job: JobSpec
    """Values of environment variables are empty for all but the owner."""
    overlap: Overlap
    catch_up: bool
    paused: bool
    pause_reason: str = ""
    """Why the platform paused it; empty where its owner did."""
    notebook_reads_file: bool = False
    snapshot_at: Timestamp | None = None
    """When the notebook's snapshot was made."""
    snapshot_digest: str = ""
    """SHA-256 of the snapshot, to compare with the file."""
    snapshot_format: SnapshotFormat | None = None
    """Whether the notebook alone was sent, or its folder with it."""
    next_at: Timestamp | None = None
    last: Firing | None = None
    created_at: Timestamp
    version: int


class ScheduleSnapshot(Model):
    """Which snapshot a recurring notebook is to run from now on."""

    snapshot: str = Field(min_length=1, max_length=64)
    """Id from ``POST /snapshots``."""


class CronRequest(Model):
    """A cron expression to read."""

    cron: Cron
    timezone: Zone = "UTC"


class CronPreview(Model):
    """A cron expression, read."""

    reading: str
    next: tuple[Timestamp, ...]
    """The next five due instants."""
