"""Jobs: a command or a notebook that runs to its end in a group, through the queue. Rows outlive the workload."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, StringConstraints, ValidationInfo, field_validator, model_validator

from .claims import Decision
from .environment import KEPT, Environment, is_kept
from .model import Model, Timestamp
from .resources import Resources
from .wrong import WrongValue

MAX_COMMAND = 65_536
_MAX_COMMAND_KEPT = 2 * MAX_COMMAND
"""Characters of a command as JSON, which writes what is not ASCII by six or twelve: every list of jobs reads them."""
MAX_PARAMETERS = 65_536
"""Characters of a notebook's parameters as JSON: every list of jobs has them."""
MAX_RETRIES = 10
MAX_TIMEOUT = 366 * 86_400

Reference = Annotated[str, Field(min_length=1, max_length=63)]
"""A slug, or a name where no slug matches."""
JobName = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)]
Timeout = Annotated[int, Field(ge=0, le=MAX_TIMEOUT)]
"""Seconds from the start of an attempt; 0 is never."""


class JobKind(StrEnum):
    """What a job runs."""

    COMMAND = "command"
    NOTEBOOK = "notebook"


class JobPhase(StrEnum):
    """Where a job is. SUCCEEDED, FAILED and CANCELLED are final."""

    PENDING = "PENDING"
    """In the queue: it holds no quota and nothing of it runs."""
    PREPARING = "PREPARING"
    """It holds quota; its workload is being made or waits for the engine."""
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    UNKNOWN = "UNKNOWN"
    """It was started, and the engine cannot be asked just now."""


FINAL = frozenset({JobPhase.SUCCEEDED, JobPhase.FAILED, JobPhase.CANCELLED})
ACTIVE = frozenset({JobPhase.PREPARING, JobPhase.RUNNING, JobPhase.UNKNOWN})
"""Phases in which a job holds quota."""


class JobReason(StrEnum):
    """Why a job or an attempt is where it is. The message beside it is the sentence for people."""

    QUEUED = "Queued"
    NEVER_FITS = "NeverFits"
    COMPLETED = "Completed"
    EXITED = "Exited"
    """The command ended with an exit code other than 0."""
    CELL_FAILED = "CellFailed"
    """A cell of the notebook raised; the message names it."""
    TIMEOUT = "Timeout"
    OOM_KILLED = "OOMKilled"
    DISK = "DiskExceeded"
    """It wrote more to its machine's disk than it may."""
    EVICTED = "Evicted"
    CANCELLED = "Cancelled"
    LOST = "Lost"
    """The machine or the supervisor of the attempt went away."""
    IMAGE = "ImageUnavailable"
    START_ERROR = "StartError"
    NOT_PLACED = "NotPlaced"
    """The engine could not place it in time; it went back to the queue."""
    PLACED = "Placed"
    """It has its place and is got ready there, as the message says: nothing holds it up."""
    INVALID = "Invalid"
    """What it names is gone, or its owner may not use it any more."""
    PLATFORM = "PlatformFailure"


PLATFORM_FAILURES = frozenset({JobReason.LOST, JobReason.EVICTED, JobReason.START_ERROR, JobReason.PLATFORM})
"""Failures that are not the command's: they are tried again by themselves and count no retry of the person's."""

ParameterValue = str | int | float | bool | None | list[Any] | dict[str, Any]


class NotebookRun(Model):
    """The notebook that a job runs: a snapshot that was uploaded before."""

    snapshot: str = Field(min_length=1, max_length=64)
    """Id from ``POST /snapshots``."""
    path: str = Field(min_length=1, max_length=1000)
    """Where the original is, as JupyterLab knows it (``analysis/train.ipynb``); the result is placed beside it."""
    parameters: dict[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=100)], ParameterValue] = (
        Field(default_factory=dict, max_length=200)
    )
    """Put into a cell after the one tagged ``parameters``, or first, as papermill does."""
    kernel: str = Field(default="", max_length=100)
    """Name of the kernel; empty is the notebook's own."""
    reads_file: bool = False
    """Run the file at ``path`` in the group folder as it is when the job starts, and not the snapshot."""

    @field_validator("parameters")
    @classmethod
    def _no_data(cls, value: dict[str, ParameterValue], info: ValidationInfo) -> dict[str, ParameterValue]:
        if not is_kept(info) and len(json.dumps(value)) > MAX_PARAMETERS:
            msg, fix = (
                f"must have at most {MAX_PARAMETERS} characters as JSON",
                "put data into a file in the group folder",
            )
            raise WrongValue(msg, fix)
        return value


class JobSpec(Model):
    """What a job is to do: what a person sends, what a schedule keeps, and what a rerun repeats."""

    group: Reference
    instance_type: Reference
    image: Reference
    name: JobName = ""
    """Need not be unique; empty is made from the command or the notebook."""
    command: str = Field(default="", max_length=MAX_COMMAND)
    """A shell script, run by bash where the image has it, else by sh. Empty for a notebook."""
    notebook: NotebookRun | None = None
    environment: Environment = Field(default_factory=dict)
    secrets: dict[str, Reference] = Field(default_factory=dict, max_length=100)
    """Environment variable -> ``env`` secret of the person or of the group. Values are masked in the log."""
    timeout: Timeout | None = None
    """Null is the group's, else the system's."""
    retries: int = Field(default=0, ge=0, le=MAX_RETRIES)
    """Further attempts after the command failed. Failures of the platform are tried again anyway."""

    @field_validator("command")
    @classmethod
    def _no_data(cls, value: str, info: ValidationInfo) -> str:
        if not is_kept(info) and len(json.dumps(value)) > _MAX_COMMAND_KEPT:
            msg = f"has more than {_MAX_COMMAND_KEPT} characters as JSON"
            fix = "put it into a file of the group's volume"
            raise WrongValue(msg, fix)
        return value

    @model_validator(mode="after")
    def _one_thing_to_run(self) -> JobSpec:
        if self.notebook is None and not self.command.strip():
            msg, fix = "is empty, and there is no notebook", "give a command or a notebook"
            raise WrongValue(msg, fix, field="command")
        if self.notebook is not None and self.command:
            msg, fix = "is given beside a notebook", "give one of both"
            raise WrongValue(msg, fix, field="command")
        return self

    @classmethod
    def of_row(cls, kept: Mapping[str, Any]) -> JobSpec:
        """What was kept of one, though it be larger than what is taken today."""
        return cls.model_validate(kept, context=KEPT)

    @property
    def kind(self) -> JobKind:
        """What it runs."""
        return JobKind.COMMAND if self.notebook is None else JobKind.NOTEBOOK


class JobSubmit(JobSpec):
    """A job to be queued now."""

    from_schedule: str | None = Field(default=None, max_length=32)
    """The recurring job this one is a clone of, for the record."""


class QueuePlace(Model):
    """Where a waiting job is in its group's queue, and what it waits for."""

    position: int = Field(ge=1)
    of: int = Field(ge=1)
    waiting_since: Timestamp
    kept_from: Timestamp
    """From when on its place is kept: no later request takes what it waits for."""
    kept: bool
    decision: Decision
    """What stands against it now, with the numbers and who holds them."""
    estimate: Timestamp | None = None
    """When it may start, from the timeouts and usual durations of what is before it; null is not known."""


class JobCheck(Decision):
    """Whether a job would start at once, wait, or never start."""

    position: int | None = None
    """Its place in the group's queue, where it would wait for what others hold."""
    estimate: Timestamp | None = None
    """When it may start then, as ``QueuePlace.estimate``."""


class QueueEntry(Model):
    """One job of a group's queue."""

    job: str
    """Its id."""
    name: str
    user: str
    instance_type: str
    limits: Resources
    place: QueuePlace


class JobProgress(Model):
    """How far a notebook is."""

    cells: int = Field(ge=0)
    """Code cells in all."""
    done: int = Field(ge=0)
    cell: int | None = None
    """Index (from 0, among all cells) of the one that runs or failed."""
    label: str = ""
    """The first line of that cell."""


class Attempt(Model):
    """One try at running a job. ``id`` is the workload's key and the claim's id."""

    id: str
    number: int
    phase: JobPhase
    reason: str = ""
    message: str = ""
    exit_code: int | None = None
    created_at: Timestamp
    started_at: Timestamp | None = None
    ended_at: Timestamp | None = None


class ArtifactSummary(Model):
    """What was kept of a job's ``artifacts/`` folder."""

    files: int = 0
    size: int = 0
    """bytes"""
    message: str = ""
    """What was left out, and why; empty if nothing was."""
    expires_at: Timestamp | None = None


class JobCounts(Model):
    """How many jobs each view of a list has."""

    all: int
    active: int
    """Those that have not ended."""
    mine: int
    phases: dict[JobPhase, int]
    """A phase that no job is in is absent."""


class Job(Model):
    """One job. ``id`` reads ``job-<YYYYMMDDHHMM, UTC>-<6 letters or digits>``."""

    id: str
    name: str
    kind: JobKind
    user: str
    group: str
    group_name: str = ""
    instance_type: str
    image: str
    limits: Resources
    command: str
    notebook: NotebookRun | None = None
    environment: dict[str, str | None]
    """Values are null in lists, and for all but the owner."""
    secrets: dict[str, str]
    timeout: int
    """Seconds; 0 is never."""
    retries: int
    phase: JobPhase
    reason: str = ""
    """One of ``JobReason``."""
    message: str = ""
    exit_code: int | None = None
    cancel_requested: str | None = None
    """By whom or why, once somebody asked."""
    queue: QueuePlace | None = None
    """While it is PENDING, where one job is read."""
    progress: JobProgress | None = None
    attempts: tuple[Attempt, ...] = ()
    """Where one job is read; empty in lists."""
    artifacts: ArtifactSummary = Field(default_factory=ArtifactSummary)
    left_out: tuple[str, ...] = ()
    schedule: str | None = None
    """Id of the recurring job that made it."""
    schedule_name: str = ""
    rerun_of: str | None = None
    created_at: Timestamp
    started_at: Timestamp | None = None
    ended_at: Timestamp | None = None
    deadline_at: Timestamp | None = None
    """When the attempt that runs will have timed out."""
    version: int
