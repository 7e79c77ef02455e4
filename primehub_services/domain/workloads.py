"""What an engine runs, and what it says of it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field

from .launch import LaunchPlan, LeftOut
from .model import Model, Timestamp

FILES = "/opt/primehub"
"""Where a workload finds its ``files``, read-only."""


class InputFile(Model):
    """A file that is given to a workload: its text, or a file of the platform's that is copied."""

    text: str = ""
    source: Path | None = None


class Workload(Model):
    """One thing to run, once. Its key is its plan's start id: an engine runs a key at most one time."""

    plan: LaunchPlan
    argv: tuple[str, ...] = Field(min_length=1)
    environment: dict[str, str] = Field(default_factory=dict)
    """Beside the plan's own."""
    files: dict[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")], InputFile] = Field(default_factory=dict)
    """By name: what it finds, read-only, in ``FILES``."""
    masked: tuple[str, ...] = ()
    """Names of variables whose values must not be in the log."""
    port: int | None = None
    """Where it listens, if it does."""
    grace: float = Field(default=30, ge=0, description="seconds from SIGTERM to SIGKILL")

    @property
    def key(self) -> str:
        """By which everybody knows it."""
        return self.plan.start_id


class EngineRef(Model):
    """Where a workload is, in one engine's terms. Kept in the owner's row."""

    engine: str
    kind: str
    """``process``, ``Job``, ``Pod``, ..."""
    key: str
    name: str = ""
    uid: str = ""
    left_out: tuple[LeftOut, ...] = ()
    """Volumes that the engine could not mount after all, beside those that its plan leaves out."""


class ObservedState(StrEnum):
    """What an engine sees of a workload."""

    ABSENT = "ABSENT"
    """There is none, and nothing of it runs."""
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    EXITED = "EXITED"
    TERMINATING = "TERMINATING"
    """It was asked to end and has not."""
    UNKNOWN = "UNKNOWN"
    """The engine cannot tell just now. Nothing may be concluded from it."""


PLACED = "Placed"
"""Reason of what is pending, has its place, and lacks nothing but the time to be got ready there (its image is fetched):
it would begin nowhere sooner."""
UNMOUNTABLE = "Unmountable"
"""Reason of what is pending only for storage that it can do without: made anew, it would be without."""


class Observation(Model):
    """One workload as it was seen."""

    state: ObservedState
    code: int | None = None
    """Exit code, 128 + signal where a signal ended it; null where it is not known."""
    reason: str = ""
    """``Completed``, ``Error``, ``OOMKilled``, ``Stopped``, ``Killed``, ``Lost``, ..."""
    message: str = ""
    started_at: Timestamp | None = None
    ended_at: Timestamp | None = None


class OwnedWorkload(Model):
    """A workload that bears our mark."""

    ref: EngineRef
    labels: dict[str, str]
    observation: Observation


class GpuUsage(Model):
    """What of one GPU is used, by whomever: GPUs are given to one workload at a time."""

    index: int
    percent: int = Field(description="of the time in which it computed something")
    memory: int = Field(description="bytes")


class UsageSample(Model):
    """What a workload takes at one moment."""

    at: Timestamp
    cpu: int = Field(description="millicores")
    memory: int = Field(description="bytes")
    cpu_seconds: float = Field(description="since its start")
    gpus: tuple[GpuUsage, ...] = ()
    """Of its GPUs, as far as they can be asked."""


class LogPiece(Model):
    """Output of a workload. Offsets count every byte ever written, also those no longer kept."""

    data: bytes
    start: int
    next_offset: int
    size: int


class Gpu(Model):
    """A GPU of a machine."""

    index: int
    model: str = ""


class EngineCapacity(Model):
    """What workloads may request in all."""

    cpu: int = Field(ge=0, description="millicores")
    memory: int = Field(ge=0, description="bytes")
    gpus: tuple[Gpu, ...] = ()


class WorkFile(Model):
    """A file in a workload's scratch folder. ``path`` is below the folder that was asked for, with ``/``."""

    path: str
    size: int
    """bytes"""
    modified_at: Timestamp


class NotTaken(Model):
    """A file or folder that is there and was not taken."""

    path: str
    reason: str
    """A clause: ``it is a link to outside the folder``."""


class FileLimits(Model):
    """How much is taken at the most."""

    size: int = Field(ge=0, description="bytes, of all files together")
    files: int = Field(ge=0)


class WorkListing(Model):
    """What is in a folder, in the order of the paths."""

    files: tuple[WorkFile, ...] = ()
    left_out: tuple[NotTaken, ...] = ()
    """The first of those that were not taken."""
    left_out_count: int = 0
