"""What becomes of due instants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from primehub_services.domain import cron, firing
from primehub_services.domain.firing import GRACE, Standing, Step
from primehub_services.domain.schedules import FiringOutcome, Overlap

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOURLY = cron.parse("0 * * * *", "UTC")
JOB, SKIPPED, REPLACED, COALESCED = FiringOutcome


def standing(**changes: Any) -> Standing:
    values: dict[str, Any] = {
        "cron": HOURLY,
        "overlap": Overlap.SKIP,
        "catch_up": False,
        "accounted_until": NINE - timedelta(minutes=30),
        "unfinished": (),
    }
    return Standing(**(values | changes))


def decide(standing: Standing, now: datetime) -> Step:
    """As of a platform that begins to watch at this moment."""
    return firing.decide(standing, now, now)


def test_nothing_happens_before_the_instant() -> None:
    step = decide(standing(), NINE - timedelta(milliseconds=1))
    assert step.accounts == ()
    assert step.next_at == NINE


@pytest.mark.parametrize("late", [timedelta(0), timedelta(seconds=1), GRACE - timedelta(seconds=1)])
def test_an_instant_that_is_in_time_runs(late: timedelta) -> None:
    step = decide(standing(), NINE + late)
    [account] = step.accounts
    assert (account.instant, account.outcome, account.runs, account.count) == (NINE, JOB, True, 1)
    assert (step.accounted_until, step.next_at) == (NINE, NINE + timedelta(hours=1))


def test_an_earlier_job_makes_it_skip_wait_or_take_its_place() -> None:
    [skipped] = decide(standing(unfinished=["a", "b"]), NINE).accounts
    assert (skipped.outcome, skipped.runs, skipped.message) == (SKIPPED, False, "Skipped: a and 1 more had not ended.")
    [queued] = decide(standing(unfinished=["a"], overlap=Overlap.QUEUE), NINE).accounts
    assert (queued.outcome, queued.runs, queued.replaces) == (JOB, True, ())
    [replaced] = decide(standing(unfinished=["a"], overlap=Overlap.REPLACE), NINE).accounts
    assert (replaced.outcome, replaced.runs, replaced.replaces) == (REPLACED, True, ("a",))
    [alone] = decide(standing(overlap=Overlap.REPLACE), NINE).accounts
    assert alone.outcome is JOB


def test_a_missed_stretch_is_one_row_and_runs_nothing() -> None:
    step = decide(standing(), NINE + timedelta(hours=4, minutes=30))
    [account] = step.accounts
    assert (account.instant, account.until, account.count) == (NINE, NINE + timedelta(hours=4), 5)
    assert (account.outcome, account.runs) == (COALESCED, False)
    assert step.accounted_until == NINE + timedelta(hours=4)
    assert step.next_at == NINE + timedelta(hours=5)


def test_what_is_caught_up_with_runs_once() -> None:
    late = NINE + timedelta(hours=4, minutes=30)
    [account] = decide(standing(catch_up=True), late).accounts
    assert (account.outcome, account.runs, account.count) == (COALESCED, True, 5)
    [busy] = decide(standing(catch_up=True, unfinished=["a"]), late).accounts
    assert (busy.outcome, busy.runs) == (COALESCED, False)
    [queued] = decide(standing(catch_up=True, unfinished=["a"], overlap=Overlap.QUEUE), late).accounts
    assert (queued.runs, queued.replaces) == (True, ())
    [replacing] = decide(standing(catch_up=True, unfinished=["a"], overlap=Overlap.REPLACE), late).accounts
    assert (replacing.runs, replacing.replaces) == (True, ("a",))


def test_what_is_due_now_makes_catching_up_needless() -> None:
    missed, now = decide(standing(catch_up=True), NINE + timedelta(hours=4)).accounts
    assert (missed.outcome, missed.runs, missed.count) == (COALESCED, False, 4)
    assert (now.instant, now.outcome, now.runs) == (NINE + timedelta(hours=4), JOB, True)


def test_a_clock_that_is_set_back_makes_nothing_due_again() -> None:
    step = decide(standing(accounted_until=NINE), NINE - timedelta(days=3))
    assert step.accounts == ()
    assert step.next_at == NINE + timedelta(hours=1)


def test_at_most_one_job_is_made_in_a_step() -> None:
    every_minute = cron.parse("* * * * *", "UTC")
    now = NINE + timedelta(seconds=59, minutes=10)
    before = standing(cron=every_minute, accounted_until=NINE, catch_up=True, overlap=Overlap.QUEUE)
    step = decide(before, now)
    assert [(a.outcome, a.runs) for a in step.accounts] == [(COALESCED, False), (JOB, True)]
    assert step.accounted_until == NINE + timedelta(minutes=10)


def test_what_came_due_while_the_platform_watched_runs_however_late() -> None:
    every_minute = cron.parse("* * * * *", "UTC")
    behind = standing(cron=every_minute, accounted_until=NINE, overlap=Overlap.QUEUE)
    step = firing.decide(behind, NINE + timedelta(minutes=7), NINE)
    assert [(a.instant, a.outcome) for a in step.accounts] == [(NINE + timedelta(minutes=1), JOB)]
    assert step.next_at == NINE + timedelta(minutes=2)
