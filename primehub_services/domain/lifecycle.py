"""The life of a start of a notebook server: how it ends, when it is idle, and what a controller does next. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from .notebooks import NotebookPhase
from .pod_reasons import NODE_AWAY

IDLE = "idle"
_ORDERLY = frozenset({None, 0, 143, -15})
"""Exit codes of a server that was asked to end (SIGTERM), or of one that ended by itself in order."""
_ASKED = frozenset({"Stopped", "Killed"})
"""Engines' reasons of a workload that was stopped, in time or after its grace period."""
_BROKEN = frozenset({"OOMKilled", "Error", "StartError", "Lost", NODE_AWAY})
"""Engines' reasons of a workload that did not end in order."""
_PLAIN = frozenset({"", "Completed", "Error", "Stopped", "Killed"})
"""Engines' reasons that tell a person nothing that the phase and the exit code do not."""


class Act(StrEnum):
    """What a controller does about one start."""

    NOTHING = "nothing"
    STOP_SERVER = "stop-server"
    """Ask the hub to stop the server."""
    STOP_WORKLOAD = "stop-workload"
    """Ask the engine to stop the workload; its claim stays until it is gone."""
    NOTE_READY = "note-ready"
    """Write down that it is ready: whoever was to tell was killed."""
    END = "end"
    """Release the claim and put the row into its final phase."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of one claimed start: from the ledger, from the hub, and from the engine."""

    claimed_for: float
    """Seconds since the claim was made or, if later, adopted."""
    adopted: bool
    stop_requested: str | None
    server_present: bool
    """Whether the hub has the server, ready or pending."""
    server_ready: bool
    server_stopping: bool
    workload_running: bool | None
    """None where no engine can be asked apart from the hub."""
    known_ready: bool = True
    """Whether it is written down that it is ready."""


@dataclass(frozen=True, slots=True)
class Graces:
    """Seconds that a start may be without what follows from it."""

    unadopted: float
    """Between the claim and the spawner's taking it up."""
    starting: float = 4
    """Between the taking up and the hub's showing the server, which it does at once."""


def decide_start(seen: Seen, graces: Graces) -> tuple[Act, str]:
    """What to do about one claimed start, and why. The reason is empty where what was seen of the workload says it."""
    if not seen.adopted:
        return _unadopted(seen, graces)
    if seen.claimed_for <= graces.starting and not seen.server_present:
        return Act.NOTHING, ""
    if not seen.server_present:
        reason = seen.stop_requested or ""
        return (Act.STOP_WORKLOAD if seen.workload_running else Act.END), reason
    if seen.server_stopping:
        return Act.NOTHING, ""
    if seen.stop_requested:
        return Act.STOP_SERVER, seen.stop_requested
    # a ready server that is seen any sooner may be an earlier start's
    if not seen.server_ready or seen.claimed_for <= graces.starting:
        return Act.NOTHING, ""
    if seen.workload_running is False:
        return Act.END, ""
    return (Act.NOTHING if seen.known_ready else Act.NOTE_READY), ""


def _unadopted(seen: Seen, graces: Graces) -> tuple[Act, str]:
    # a ready server is an earlier start's; only a pending one can still come for this claim
    if seen.server_present and not seen.server_ready:
        return Act.NOTHING, ""
    if seen.stop_requested:
        return Act.END, seen.stop_requested
    if seen.claimed_for > graces.unadopted:
        return Act.END, "the hub did not start it"
    return Act.NOTHING, ""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a start ended, as far as anyone knows."""

    reason: str = ""
    exit_code: int | None = None
    failed: bool = False
    """The one who tells it knows that it is a failure, whatever the exit code."""


def final_phase(
    ending: Ending, *, stop_requested: str | None, was_ready: bool, idle: bool = False
) -> tuple[NotebookPhase, str]:
    """The phase and the reason of a start that has ended.

    What a person or the platform asked for is the reason, whatever the exit code; then what was seen (``OOMKilled``);
    then idleness, if the deadline had passed; then the exit code.
    """
    if stop_requested:
        return NotebookPhase.STOPPED, stop_requested
    told = "" if ending.reason in _PLAIN else ending.reason
    disorderly = ending.exit_code not in _ORDERLY and ending.reason not in _ASKED
    if ending.failed or ending.reason in _BROKEN or disorderly:
        return NotebookPhase.FAILED, told or f"exit code {ending.exit_code}"
    if idle:
        return NotebookPhase.STOPPED, IDLE
    if not was_ready:
        return NotebookPhase.FAILED, told or "ended before it was ready"
    return NotebookPhase.STOPPED, told or "stopped"


def idle_warning_at(deadline: datetime | None, *, idle_warning: int) -> datetime | None:
    """From when on a notebook's owner is warned of its ``deadline``. ``idle_warning`` is in seconds, 0 is not at all."""
    return None if deadline is None or not idle_warning else deadline - timedelta(seconds=idle_warning)


def idle_deadline(
    phase: NotebookPhase, *, idle_timeout: int, active_at: datetime | None, keep_until: datetime | None
) -> datetime | None:
    """When a notebook is culled if nothing happens in it; None is never. ``idle_timeout`` is in seconds, 0 is never."""
    if phase is not NotebookPhase.RUNNING or not idle_timeout or active_at is None:
        return None
    deadline = active_at + timedelta(seconds=idle_timeout)
    return deadline if keep_until is None else max(deadline, keep_until)
