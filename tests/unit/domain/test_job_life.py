"""The life of an attempt: the table's single answers, and a walk over everything that can be reached."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from primehub_services.domain.job_life import (
    GRACE_S,
    LEAVING_GRACE_S,
    LONGEST_PAUSE_S,
    PLACING_S,
    PLATFORM_TRIES,
    PREPARING_S,
    STOPPED_PAUSE_S,
    Act,
    Ending,
    History,
    Seen,
    Step,
    after,
    decide_attempt,
    duration,
    exited,
    grace_of,
    lost,
    pause,
    timed_out,
)
from primehub_services.domain.jobs import JobPhase, JobReason
from primehub_services.domain.workloads import PLACED, UNMOUNTABLE, Observation, ObservedState

HISTORY = History(retries=0, retries_used=0, platform_failures=0, not_placed=0, cancel=None)
FAILED = Ending(phase=JobPhase.FAILED, reason=JobReason.EXITED, message="Exit code 3.", exit_code=3)


@pytest.mark.parametrize(
    ("seen", "cancel", "phase", "reason"),
    [
        (Observation(state=ObservedState.EXITED, code=0, reason="Completed"), None, "SUCCEEDED", "Completed"),
        (
            Observation(state=ObservedState.EXITED, code=0, reason="Completed"),
            "Cancelled by ann",
            "SUCCEEDED",
            "Completed",
        ),
        (Observation(state=ObservedState.EXITED, code=3, reason="Error"), None, "FAILED", "Exited"),
        (Observation(state=ObservedState.EXITED, code=137, reason="OOMKilled"), None, "FAILED", "OOMKilled"),
        (Observation(state=ObservedState.EXITED, reason="DiskExceeded"), None, "FAILED", "DiskExceeded"),
        (Observation(state=ObservedState.EXITED, reason="Refused", message="No."), None, "FAILED", "Invalid"),
        (Observation(state=ObservedState.EXITED, code=143, reason="Stopped"), None, "FAILED", "PlatformFailure"),
        (Observation(state=ObservedState.EXITED, code=0, reason="Stopped"), None, "FAILED", "PlatformFailure"),
        (Observation(state=ObservedState.EXITED, code=137, reason="Killed"), None, "FAILED", "PlatformFailure"),
        (
            Observation(state=ObservedState.EXITED, code=0, reason="Stopped"),
            "Cancelled by ann",
            "CANCELLED",
            "Cancelled",
        ),
        (
            Observation(state=ObservedState.EXITED, code=143, reason="Error"),
            "Cancelled by ann",
            "CANCELLED",
            "Cancelled",
        ),
        (Observation(state=ObservedState.EXITED, reason="Lost"), None, "FAILED", "Lost"),
        (Observation(state=ObservedState.EXITED, reason="Evicted"), None, "FAILED", "Evicted"),
        (Observation(state=ObservedState.EXITED, reason="StartError"), None, "FAILED", "StartError"),
        (Observation(state=ObservedState.EXITED), None, "FAILED", "Lost"),
    ],
)
def test_what_an_engine_saw_in_a_jobs_words(seen: Observation, cancel: str | None, phase: str, reason: str) -> None:
    ending = exited(seen, cancel)
    assert (ending.phase, ending.reason, ending.exit_code) == (phase, reason, seen.code)
    assert ending.message


def test_a_limit_that_was_met_is_named_beside_the_exit_code() -> None:
    said = "It wanted more than the 60 processes that it may have."
    seen = Observation(state=ObservedState.EXITED, code=9, reason="Error", message=said)
    assert exited(seen, None).message == f"Exit code 9. {said}"


@pytest.mark.parametrize("ending", [FAILED, timed_out(60), Ending(phase=JobPhase.FAILED, reason=JobReason.OOM_KILLED)])
def test_the_commands_failures_are_tried_again_as_often_as_was_asked(ending: Ending) -> None:
    assert after(ending, HISTORY).phase is JobPhase.FAILED
    twice = replace(HISTORY, retries=2)
    first, second, last = (after(ending, replace(twice, retries_used=used)) for used in range(3))
    assert [first.phase, second.phase, last.phase] == ["PENDING", "PENDING", "FAILED"]
    assert first.retry
    assert second.pause > first.pause > 0
    assert "retry 2 of 2" in second.message


def test_the_platforms_failures_cost_no_retry_and_are_bounded() -> None:
    outcomes = [after(lost("Gone."), replace(HISTORY, platform_failures=n)) for n in range(PLATFORM_TRIES)]
    assert [o.phase for o in outcomes] == ["PENDING"] * (PLATFORM_TRIES - 1) + ["FAILED"]
    assert not any(o.retry for o in outcomes)
    assert [o.pause for o in outcomes[:-1]] == sorted({o.pause for o in outcomes[:-1]})


def test_a_job_that_was_stopped_with_the_platform_is_tried_again_however_often_that_is() -> None:
    stopped = Ending(phase=JobPhase.FAILED, reason=JobReason.PLATFORM, message="Stopped.")
    outcome = after(stopped, replace(HISTORY, platform_failures=100))
    assert (outcome.phase, outcome.retry, outcome.pause) == (JobPhase.PENDING, False, STOPPED_PAUSE_S)


def test_what_waits_for_nothing_that_it_needs_is_made_anew_at_once() -> None:
    waits = Observation(state=ObservedState.PENDING, reason=UNMOUNTABLE, message="The storage cannot be mounted: why.")
    seen = Seen(JobPhase.PREPARING, True, None, None, waits, waited=15, pending=15, ran=None, timeout=0)
    step = decide_attempt(seen)
    assert step.act is Act.DECIDE
    assert step.ending is not None
    assert (step.ending.phase, step.ending.reason) == (JobPhase.PENDING, JobReason.NOT_PLACED)
    assert step.ending.message == "The storage cannot be mounted: why. It is tried again without it."
    assert after(step.ending, HISTORY).pause == pause(0)
    assert decide_attempt(replace(seen, observation=waits.model_copy(update={"reason": ""}))).act is Act.NOTE


def test_what_has_its_place_is_not_put_back_for_what_takes_long_there() -> None:
    fetches = Observation(state=ObservedState.PENDING, reason=PLACED, message="The node fetches the image a:1.")
    seen = Seen(JobPhase.PREPARING, True, None, None, fetches, waited=0, pending=PREPARING_S - 1, ran=None, timeout=60)
    assert decide_attempt(seen) == Step(Act.NOTE, phase=JobPhase.PREPARING)
    assert decide_attempt(replace(seen, said=fetches.message)) == Step(Act.NOTHING)
    over = decide_attempt(replace(seen, pending=PREPARING_S)).ending
    assert over is not None
    assert (over.phase, over.reason) == (JobPhase.PENDING, JobReason.NOT_PLACED)
    assert over.message == "It did not begin within 2 h: The node fetches the image a:1."


def test_what_has_no_place_is_put_back_when_it_has_waited_for_one() -> None:
    waits = Observation(state=ObservedState.PENDING)
    seen = Seen(JobPhase.PREPARING, True, None, None, waits, waited=179, pending=179, ran=None, timeout=60)
    assert decide_attempt(seen).act is Act.NOTHING
    over = decide_attempt(replace(seen, waited=PLACING_S)).ending
    assert over is not None
    assert over.message == "It could not be placed within 3 min: no room"


@pytest.mark.parametrize("reason", [JobReason.IMAGE, JobReason.INVALID])
def test_what_would_fail_again_is_not_tried_again(reason: JobReason) -> None:
    ending = Ending(phase=JobPhase.FAILED, reason=reason)
    assert after(ending, replace(HISTORY, retries=5)).phase is JobPhase.FAILED


def test_nothing_is_tried_again_once_somebody_asked_for_the_end() -> None:
    asked = replace(HISTORY, retries=5, cancel="Cancelled by ann")
    for ending in (FAILED, lost("Gone."), Ending(phase=JobPhase.PENDING, reason=JobReason.NOT_PLACED)):
        outcome = after(ending, asked)
        assert (outcome.phase, outcome.message) == (JobPhase.CANCELLED, "Cancelled by ann")
    done = Ending(phase=JobPhase.SUCCEEDED, reason=JobReason.COMPLETED)
    assert after(done, asked).phase is JobPhase.SUCCEEDED


def test_pauses_grow_up_to_a_bound_and_what_leaves_has_less_time() -> None:
    assert [pause(n) for n in (0, 1, 2, 1000)] == [5, 10, 20, LONGEST_PAUSE_S]
    assert grace_of("Cancelled by ann") == grace_of("Replaced by job-1") == grace_of(None) == GRACE_S
    assert grace_of("Cancelled because the account was disabled") == LEAVING_GRACE_S
    assert [duration(s) for s in (90, 300, 86_400, 0)] == ["90 s", "5 min", "24 h", "0 s"]


# -- the walk


@dataclass(frozen=True)
class State:
    """All that is written of an attempt, and all that is so in the world."""

    phase: JobPhase = JobPhase.PREPARING
    applied: bool = False
    ending: JobPhase | None = None
    cancel: bool = False
    workload: ObservedState = ObservedState.ABSENT
    code: int | None = None
    runs: int = 0
    """How often the command began."""
    asked: bool = False
    """Whether it was asked to end."""
    late: bool = False
    """Whether its timeout, or the time to place it, has passed."""
    placed: bool = False
    """Whether what is pending has a place."""
    overdue: bool = False
    """Whether the time to begin it has passed as well."""
    kept: bool = False
    ended: JobPhase | None = None


ENDINGS = {
    JobPhase.CANCELLED: Ending(phase=JobPhase.CANCELLED, reason=JobReason.CANCELLED, message="Cancelled by ann"),
    JobPhase.FAILED: FAILED,
    JobPhase.SUCCEEDED: Ending(phase=JobPhase.SUCCEEDED, reason=JobReason.COMPLETED),
    JobPhase.PENDING: Ending(phase=JobPhase.PENDING, reason=JobReason.NOT_PLACED),
}
RUNNING, PENDING, EXITED, ABSENT, TERMINATING = (
    ObservedState.RUNNING,
    ObservedState.PENDING,
    ObservedState.EXITED,
    ObservedState.ABSENT,
    ObservedState.TERMINATING,
)


def seen(state: State, *, away: bool) -> Seen:
    reason = "" if state.code is None else "Completed" if state.code == 0 else "Error"
    placed = state.workload is PENDING and state.placed
    reason = PLACED if placed else reason
    shown = Observation(state=ObservedState.UNKNOWN if away else state.workload, code=state.code, reason=reason)
    return Seen(
        phase=state.phase,
        applied=state.applied,
        ending=None if state.ending is None else ENDINGS[state.ending],
        cancel="Cancelled by ann" if state.cancel else None,
        observation=shown if state.applied else Observation(state=ABSENT),
        waited=PLACING_S if state.late and not placed else 0,
        pending=PREPARING_S if state.overdue else PLACING_S if state.late else 0,
        ran=(100 if state.late else 0) if state.runs else None,
        timeout=60,
    )


def by_itself(state: State) -> Iterator[State]:
    """What may happen without the controller."""
    if not state.cancel:
        yield replace(state, cancel=True)
    if not state.late:
        yield replace(state, late=True)
    elif state.workload is PENDING and not state.overdue:
        yield replace(state, overdue=True)
    if state.workload is PENDING and not state.placed:
        yield replace(state, placed=True)
    if state.workload is PENDING and not state.runs:
        yield replace(state, workload=RUNNING, runs=1)
    elif state.workload is PENDING:
        # begun, lost before that was written, and begun anew: the engine's promise is that it does not run twice
        yield replace(state, workload=EXITED, code=126)
    if state.workload in (RUNNING, TERMINATING):
        for code in (0, 3):
            yield replace(state, workload=EXITED, code=code)
    if state.workload in (PENDING, TERMINATING) and state.asked:
        yield replace(state, workload=EXITED, code=143)
    if state.workload is not ABSENT:
        yield replace(state, workload=ABSENT, code=None)  # the machine is gone


def by_controller(state: State, *, away: bool) -> Iterator[State]:
    """What the controller does, each of its writes and acts apart: it may be cut off after any."""
    step = decide_attempt(seen(state, away=away))
    match step.act:
        case Act.APPLY:
            committed = replace(state, applied=True)
            yield committed  # and cut off before the engine starts it
            started = replace(committed, workload=PENDING)
            yield started
            # an engine whose reference exists once it has begun: cut off before that is written
            if state.workload is ABSENT:
                yield replace(state, workload=PENDING)
        case Act.NOTE:
            assert step.phase is not None
            yield replace(state, phase=step.phase)
        case Act.DECIDE:
            assert step.ending is not None
            yield replace(state, ending=step.ending.phase)
        case Act.STOP:
            yield replace(state, asked=True, workload=TERMINATING if state.workload is RUNNING else state.workload)
        case Act.FINISH:
            yield replace(state, kept=True)
            assert state.ending is not None
            yield replace(state, kept=True, ended=state.ending)


def walk() -> dict[State, set[State]]:
    """Every state that can be reached, with those that may follow."""
    start = State()
    found: dict[State, set[State]] = {}
    waiting = deque([start])
    while waiting:
        state = waiting.popleft()
        if state in found:
            continue
        follows: set[State] = set()
        if state.ended is None:
            follows.update(by_itself(state))
            for away in (False, True):
                follows.update(
                    # an engine that has it already does not begin it anew
                    replace(s, workload=state.workload, runs=state.runs)
                    if not state.applied and state.workload is not ABSENT and s.applied
                    else s
                    for s in by_controller(state, away=away)
                )
        follows.discard(state)
        found[state] = follows
        waiting.extend(follows)
    return found


def test_a_command_begins_at_most_once_in_an_attempt_and_every_attempt_can_end() -> None:
    states = walk()
    assert len(states) > 200
    assert max(state.runs for state in states) == 1
    before: dict[State, set[State]] = {state: set() for state in states}
    for state, follows in states.items():
        for one in follows:
            before[one].add(state)
    ends = [state for state in states if state.ended is not None]
    reaching, waiting = set(ends), deque(ends)
    while waiting:
        for state in before[waiting.popleft()] - reaching:
            reaching.add(state)
            waiting.append(state)
    assert set(states) == reaching, "stuck"


def test_what_is_pending_waits_for_no_luck_to_end() -> None:
    """Without a place until that time is over, with one until the longer one is; then it goes back, wanted by nobody's act."""
    waiting = [s for s in walk() if s.workload is PENDING and s.applied and not (s.ending or s.cancel or s.runs)]
    for placed, late, overdue in {(s.placed, s.late, s.overdue) for s in waiting}:
        acts = {
            decide_attempt(seen(s, away=False)).act
            for s in waiting
            if (s.placed, s.late, s.overdue) == (placed, late, overdue)
        }
        goes_back = overdue or (late and not placed)
        assert (Act.DECIDE in acts, acts == {Act.DECIDE}) == (goes_back, goes_back)
    assert {s.placed for s in waiting if s.late and not s.overdue} == {False, True}


def test_nothing_of_it_runs_when_an_attempt_is_over() -> None:
    for state in walk():
        if state.ended is not None and state.applied:
            assert state.workload in (EXITED, ABSENT), state
            assert state.kept
    # the one case: it was begun, its reference never written, and somebody cancelled it; the sweep ends it
    left = [s for s in walk() if s.ended is not None and not s.applied]
    assert all(s.ended is JobPhase.CANCELLED for s in left)


def test_what_is_left_to_do_is_done_by_the_controller_alone_once_the_workload_is_over() -> None:
    """No state waits for something that will not happen: with the workload over, steps alone lead to the end."""
    for state in walk():
        if state.ended is not None or state.workload not in (EXITED, ABSENT) or not state.applied:
            continue
        for _ in range(5):
            if state.ended is not None:
                break
            *_, state = by_controller(state, away=False)
        assert state.ended is not None
