"""Notebooks: one row for each start of a notebook server, kept after its end with its log."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from .model import Model, Timestamp
from .resources import Resources


class NotebookPhase(StrEnum):
    """Where a start is. STOPPED and FAILED are final."""

    STARTING = "STARTING"
    RUNNING = "RUNNING"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"
    FAILED = "FAILED"


FINAL = frozenset({NotebookPhase.STOPPED, NotebookPhase.FAILED})


class ProgressEvent(Model):
    """One step of a start, as it happened."""

    at: Timestamp
    progress: int = Field(ge=0, le=100)
    stage: str = Field(max_length=40)
    """``preparing``, ``image``, ``creating``, ``starting``, ``ready``."""
    message: str = Field(max_length=2000)


class Notebook(Model):
    """One start of a notebook server. ``id`` is the start id."""

    id: str
    user: str
    server_name: str
    group: str
    instance_type: str
    image: str
    limits: Resources
    safe_mode: bool
    phase: NotebookPhase
    reason: str = ""
    """Why it ended or failed: ``stopped by ann``, ``idle``, ``OOMKilled``, ``left the group``, ..."""
    events: tuple[ProgressEvent, ...] = ()
    url: str = ""
    """Path of JupyterLab on the public address, once it runs."""
    created_at: Timestamp
    ready_at: Timestamp | None = None
    ended_at: Timestamp | None = None
    idle_timeout: int = 0
    """Seconds without activity until it stops; 0 is never."""
    idle_deadline: Timestamp | None = None
    """When it will be stopped if nothing happens in it; null is never."""
    idle_warning_at: Timestamp | None = None
    """From when on its owner is to be warned of ``idle_deadline``, if nothing happens in it."""
    keep_until: Timestamp | None = None
    """Not culled before, because its owner asked to keep it."""
    left_out: tuple[str, ...] = ()
    version: int


class LogMatch(Model):
    """A line of a log that was searched for."""

    offset: int
    text: str


class LogPart(Model):
    """A part of a log. Offsets are bytes from its beginning; what is no UTF-8, and NUL, is shown as U+FFFD."""

    offset: int
    next_offset: int
    """Where to go on reading."""
    size: int
    """Bytes written so far."""
    text: str
    matches: tuple[LogMatch, ...] = ()
    """The lines with the text that was searched for; then ``text`` is empty."""
    more_matches: bool = False
    """Whether more lines hold it than are here: the first 1,000 are."""


class NotebookKeep(Model):
    """For how long not to stop a notebook for idleness."""

    seconds: int | None = Field(default=None, ge=1, le=366 * 86_400)
    """From now; null is an hour, or the most that the administrators allow where that is less."""
