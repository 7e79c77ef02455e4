"""The life of one attempt at a job, and what its end means for the job. Pure tables, walked over by tests.

A step sees what is written and what the engine shows, and says one thing to do. Whatever is written is committed
before the next step; so each of them may be the last before a crash, and is found again by the next look.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .jobs import PLATFORM_FAILURES, JobPhase, JobReason
from .model import Model
from .workloads import PLACED, UNMOUNTABLE, Observation, ObservedState

PLACING_S = 180.0
"""Seconds that an engine has to place a workload; then its job waits in the queue again, for that counts no attempt."""
PREPARING_S = 7200.0
"""Seconds that a workload may be pending in all, where it has a place: a node that says nothing fetches an image, and a
large one over a slow line takes more than an hour. What does not go on, nodes say themselves; so this ends but what none
speaks of. It is no timeout of the job's: that counts what its command takes."""
PLATFORM_TRIES = 5
"""Attempts that may be lost to failures of the platform."""
FIRST_PAUSE_S = 5.0
LONGEST_PAUSE_S = 600.0
STOPPED_PAUSE_S = 30.0
"""After the platform was stopped: not before it has ended itself. That counts among no attempts, however often it is."""
MOST = 2000
"""Characters of a message."""
BY = "Cancelled by "
"""Begins what a person asked for."""
LEAVING = "Cancelled because "
"""Begins what is asked since the job's person may have nothing running there any more."""
GRACE_S = 30.0
"""Seconds from being asked to end until the kill."""
LEAVING_GRACE_S = 5.0
"""The same for what ends because its person may have nothing running any more, which is promised within 10 s."""
_ALIVE = frozenset({ObservedState.PENDING, ObservedState.RUNNING, ObservedState.TERMINATING})


class Act(StrEnum):
    """What to do about an attempt."""

    NOTHING = "nothing"
    APPLY = "apply"
    """Have the engine run it."""
    NOTE = "note"
    """Write down the phase that is seen."""
    DECIDE = "decide"
    """Write down how it ends."""
    STOP = "stop"
    """Ask the engine to end it: how it ends is written."""
    FINISH = "finish"
    """Nothing of it runs: keep its results, and put it and its job where they end, or back into the queue."""


class Ending(Model):
    """How an attempt ends, as it is written before anything is done about it."""

    phase: JobPhase
    """SUCCEEDED, FAILED or CANCELLED; PENDING where it counts as none."""
    reason: JobReason
    message: str = ""
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of an attempt in one moment."""

    phase: JobPhase
    applied: bool
    """Whether the engine was asked for it, as far as is written."""
    ending: Ending | None
    cancel: str | None
    """By whom or why its job is to end."""
    observation: Observation
    waited: float
    """Seconds for which it was seen to wait for its place."""
    pending: float
    """Seconds for which it was seen not to begin, with a place or without."""
    ran: float | None
    """Seconds since its command began; None before."""
    timeout: int
    """Seconds; 0 is no end."""
    said: str = ""
    """What is written about why it does not run yet."""


@dataclass(frozen=True, slots=True)
class Step:
    """What to do, with what is to be written."""

    act: Act
    phase: JobPhase | None = None
    ending: Ending | None = None


def decide_attempt(seen: Seen) -> Step:
    """The next thing to do about an attempt that has not ended."""
    state = seen.observation.state
    if seen.ending is not None:
        return _ending(seen, state)
    if state is ObservedState.UNKNOWN:
        note = seen.applied and seen.phase is not JobPhase.UNKNOWN
        return Step(Act.NOTE, phase=JobPhase.UNKNOWN) if note else Step(Act.NOTHING)
    if not seen.applied:
        return Step(Act.DECIDE, ending=cancelled(seen.cancel)) if seen.cancel else Step(Act.APPLY)
    if state is ObservedState.EXITED:
        return Step(Act.DECIDE, ending=exited(seen.observation, seen.cancel))
    if seen.cancel:
        return Step(Act.DECIDE, ending=cancelled(seen.cancel))
    if state is ObservedState.ABSENT:
        # it may have run: to ask for it again could run its command twice
        return Step(Act.DECIDE, ending=lost("The machine that it ran on, or what ran it there, is gone."))
    # one whose command is over, and whose files are still being fetched, takes no more of its time
    if seen.timeout and seen.ran is not None and seen.ran >= seen.timeout and seen.observation.ended_at is None:
        return Step(Act.DECIDE, ending=timed_out(seen.timeout))
    return _going_on(seen, state)


def _ending(seen: Seen, state: ObservedState) -> Step:
    if state in _ALIVE and seen.applied:
        return Step(Act.STOP)
    return Step(Act.NOTHING) if state is ObservedState.UNKNOWN and seen.applied else Step(Act.FINISH)


def _going_on(seen: Seen, state: ObservedState) -> Step:
    if state is ObservedState.PENDING:
        if seen.ran is None and (why := _not_begun(seen)):
            ending = Ending(phase=JobPhase.PENDING, reason=JobReason.NOT_PLACED, message=why[:MOST])
            return Step(Act.DECIDE, ending=ending)
        news = seen.phase is JobPhase.UNKNOWN or seen.observation.message[:MOST] != seen.said
        return Step(Act.NOTE, phase=JobPhase.PREPARING) if news else Step(Act.NOTHING)
    return Step(Act.NOTHING) if seen.phase is JobPhase.RUNNING else Step(Act.NOTE, phase=JobPhase.RUNNING)


def _not_begun(seen: Seen) -> str:
    """Why it goes back into the queue, where it does."""
    reason, said = seen.observation.reason, seen.observation.message
    if reason == UNMOUNTABLE:
        return f"{said} It is tried again without it."
    if seen.pending >= PREPARING_S:
        return f"It did not begin within {duration(int(PREPARING_S))}: {said or 'its machine does not say why.'}"
    if reason == PLACED or seen.waited < PLACING_S:
        return ""
    return f"It could not be placed within {duration(int(PLACING_S))}: {said or 'no room'}"


def cancelled(why: str) -> Ending:
    """The end of what somebody asked to end."""
    return Ending(phase=JobPhase.CANCELLED, reason=JobReason.CANCELLED, message=why)


def lost(message: str) -> Ending:
    """The end of what the platform lost."""
    return Ending(phase=JobPhase.FAILED, reason=JobReason.LOST, message=message)


def timed_out(timeout: int) -> Ending:
    """The end of what took too long."""
    message = f"It ran for longer than its time limit of {duration(timeout)}."
    return Ending(phase=JobPhase.FAILED, reason=JobReason.TIMEOUT, message=message)


def exited(seen: Observation, cancel: str | None) -> Ending:
    """The end that an engine saw, in a job's words."""
    code = seen.code
    if code == 0 and seen.reason in ("", "Completed"):
        return Ending(phase=JobPhase.SUCCEEDED, reason=JobReason.COMPLETED, message="Job completed", exit_code=0)
    if cancel:
        return cancelled(cancel).model_copy(update={"exit_code": code})
    reason, message = _failure(seen)
    return Ending(phase=JobPhase.FAILED, reason=reason, message=message[:2000], exit_code=code)


def _failure(seen: Observation) -> tuple[JobReason, str]:
    said = f" {seen.message}" if seen.message else ""
    match seen.reason:
        case "OOMKilled":
            return JobReason.OOM_KILLED, f"It needed more memory than its instance type has.{said}"
        case "DiskExceeded":
            return JobReason.DISK, seen.message or "It wrote more to its machine's disk than it may."
        case "Stopped" | "Killed":
            # nobody asked for that: the platform was stopped, and the job with it
            return JobReason.PLATFORM, f"The platform was stopped while it ran.{said}"
        case "Lost":
            return JobReason.LOST, seen.message or "What ran it is gone."
        case "Evicted":
            return JobReason.EVICTED, seen.message or "Its machine had no room for it any more."
        case "StartError":
            return JobReason.START_ERROR, seen.message or "It could not be started."
        case "Refused":
            # by a cluster, which would refuse it the next time too
            return JobReason.INVALID, seen.message or "It may not run there."
        case "ImageUnavailable":
            return JobReason.IMAGE, seen.message or "Its image cannot be had."
    if seen.code is None:
        return JobReason.LOST, f"It ended, and nobody saw how.{said}"
    return JobReason.EXITED, f"Exit code {seen.code}.{said}"


@dataclass(frozen=True, slots=True)
class History:
    """What a job's earlier attempts and its spec say about another one."""

    retries: int
    retries_used: int
    platform_failures: int
    """Earlier attempts that were lost to the platform."""
    not_placed: int
    """Earlier attempts that could not be placed."""
    cancel: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a job is after an attempt. ``pause`` is in seconds, for PENDING."""

    phase: JobPhase
    reason: JobReason
    message: str
    pause: float = 0.0
    retry: bool = False
    """It takes one of the retries that its person asked for."""


def after(ending: Ending, history: History) -> Outcome:
    """What the end of an attempt means for its job: its own end, or another attempt later."""
    if history.cancel and ending.phase is not JobPhase.SUCCEEDED:
        return Outcome(JobPhase.CANCELLED, JobReason.CANCELLED, history.cancel)
    if ending.phase is JobPhase.PENDING:
        return Outcome(JobPhase.PENDING, ending.reason, ending.message, pause=pause(history.not_placed))
    if ending.phase is not JobPhase.FAILED or ending.reason in (JobReason.IMAGE, JobReason.INVALID):
        return Outcome(ending.phase, ending.reason, ending.message)
    if ending.reason is JobReason.PLATFORM:
        return Outcome(JobPhase.PENDING, ending.reason, f"{ending.message} It is tried again.", pause=STOPPED_PAUSE_S)
    if ending.reason in PLATFORM_FAILURES:
        if history.platform_failures + 1 < PLATFORM_TRIES:
            message = f"{ending.message} It is tried again."
            return Outcome(JobPhase.PENDING, ending.reason, message, pause=pause(history.platform_failures))
        message = f"{ending.message} That was the last of {PLATFORM_TRIES} attempts."
        return Outcome(JobPhase.FAILED, ending.reason, message)
    if history.retries_used < history.retries:
        left = f"{history.retries_used + 1} of {history.retries}"
        message = f"{ending.message} It is tried again (retry {left})."
        return Outcome(JobPhase.PENDING, ending.reason, message, pause=pause(history.retries_used), retry=True)
    return Outcome(ending.phase, ending.reason, ending.message)


def pause(before: int) -> float:
    """Seconds until another attempt, after so many earlier ones that ended alike."""
    return min(LONGEST_PAUSE_S, FIRST_PAUSE_S * float(2 ** min(before, 20)))


def grace_of(cancel: str | None) -> float:
    """Seconds that a workload has to end."""
    return LEAVING_GRACE_S if cancel is not None and cancel.startswith(LEAVING) else GRACE_S


def duration(seconds: int) -> str:
    """Seconds as people say them: ``90 s``, ``5 min``, ``24 h``."""
    for unit, word in ((3600, "h"), (60, "min")):
        if seconds and seconds % unit == 0:
            return f"{seconds // unit} {word}"
    return f"{seconds} s"
