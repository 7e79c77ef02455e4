"""How a start ends, when it is idle, and that no state of one is a trap."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from primehub_services.domain.lifecycle import Act, Ending, Graces, Seen, decide_start, final_phase, idle_deadline
from primehub_services.domain.notebooks import NotebookPhase

RUNNING, STOPPED, FAILED = NotebookPhase.RUNNING, NotebookPhase.STOPPED, NotebookPhase.FAILED
NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ending", "stop", "ready", "idle", "expected"),
    [
        (Ending(exit_code=143), "stopped by ann", True, False, (STOPPED, "stopped by ann")),
        (Ending("OOMKilled", 137), "stopped by ann", True, False, (STOPPED, "stopped by ann")),
        (Ending("OOMKilled", 137), None, True, True, (FAILED, "OOMKilled")),
        (Ending("OOMKilled"), None, True, False, (FAILED, "OOMKilled")),
        (Ending("Its node went away."), None, True, False, (FAILED, "Its node went away.")),
        (Ending("Lost"), None, True, False, (FAILED, "Lost")),
        (Ending("Error", 3), None, True, False, (FAILED, "exit code 3")),
        (Ending(exit_code=1), None, True, True, (FAILED, "exit code 1")),
        (Ending("Stopped", 143), None, True, True, (STOPPED, "idle")),
        (Ending("Killed", 137), None, True, False, (STOPPED, "stopped")),
        (Ending("Completed", 0), None, True, False, (STOPPED, "stopped")),
        (Ending(exit_code=0), None, False, False, (FAILED, "ended before it was ready")),
        (Ending("the disk is full", failed=True), None, False, False, (FAILED, "the disk is full")),
    ],
)
def test_the_end_has_the_phase_and_the_reason_that_a_person_needs(ending, stop, ready, idle, expected) -> None:
    assert final_phase(ending, stop_requested=stop, was_ready=ready, idle=idle) == expected


def test_idleness_counts_from_activity_and_waits_for_who_asked_to_keep() -> None:
    def deadline(phase=RUNNING, timeout=60, active=NOW, keep=None):
        return idle_deadline(phase, idle_timeout=timeout, active_at=active, keep_until=keep)

    assert deadline() == NOW + timedelta(seconds=60)
    assert deadline(keep=NOW + timedelta(hours=1)) == NOW + timedelta(hours=1)
    assert deadline(keep=NOW) == NOW + timedelta(seconds=60)
    assert [deadline(timeout=0), deadline(active=None), deadline(phase=NotebookPhase.STARTING)] == [None] * 3


ALL = [
    Seen(claimed_for, adopted, stop, present, ready, stopping, workload, known_ready)
    for claimed_for, adopted, stop, (present, ready, stopping), workload, known_ready in itertools.product(
        (0.0, 1000.0),
        (False, True),
        (None, "stopped by ann"),
        ((False, False, False), (True, False, False), (True, True, False), (True, True, True), (True, False, True)),
        (None, False, True),
        (False, True),
    )
]
GRACES = Graces(unadopted=60)


def test_nothing_that_the_hub_still_starts_or_stops_is_ended() -> None:
    for seen in ALL:
        act, _ = decide_start(seen, GRACES)
        if seen.server_present and seen.adopted and not seen.server_ready:
            assert act in (Act.NOTHING, Act.STOP_SERVER), seen


def test_a_claim_whose_workload_runs_is_never_given_back() -> None:
    for seen in ALL:
        if seen.adopted and seen.workload_running:
            assert decide_start(seen, GRACES)[0] is not Act.END, seen


def test_what_nobody_runs_is_ended_once_its_grace_is_over() -> None:
    for seen in ALL:
        if seen.claimed_for > 60 and not seen.server_present and not seen.workload_running:
            assert decide_start(seen, GRACES)[0] is Act.END, seen


def test_a_stop_that_was_asked_for_is_acted_upon_unless_the_hub_is_at_it() -> None:
    for seen in ALL:
        waits = seen.server_stopping or (not seen.adopted and seen.server_present and not seen.server_ready)
        if seen.stop_requested and seen.claimed_for > 60 and not waits:
            assert decide_start(seen, GRACES)[0] is not Act.NOTHING, seen


def test_what_is_ready_and_not_known_to_be_is_written_down() -> None:
    for seen in ALL:
        runs = seen.adopted and seen.server_ready and seen.workload_running is not False and seen.claimed_for > 60
        wanted = runs and not (seen.known_ready or seen.stop_requested or seen.server_stopping)
        assert (decide_start(seen, GRACES)[0] is Act.NOTE_READY) == wanted, seen
