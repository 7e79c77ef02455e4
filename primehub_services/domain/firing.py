"""What becomes of due instants: each is accounted for exactly once. Pure; the caller writes it in one transaction.

What was due while the platform watched runs, however long the platform then takes. So does what was due up to ``GRACE``
before it began to watch: a restart takes seconds. What is older is a *missed stretch*, one row with its range: the
platform was away, or its clock was set forward. Where the schedule catches up, one job runs for the whole stretch,
unless an instant that is not missed is due and runs anyway. A clock that is set back makes nothing due again:
everything up to ``accounted_until`` has its row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from .cron import Cron
from .schedules import FiringOutcome, Overlap

GRACE = timedelta(seconds=60)
"""How long before the platform watched an instant may have been due and still run by itself."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a decision rests on."""

    cron: Cron
    overlap: Overlap
    catch_up: bool
    accounted_until: datetime
    unfinished: Sequence[str]
    """Jobs of earlier instants that have not ended; those that were started by hand do not count."""


@dataclass(frozen=True, slots=True)
class Account:
    """One row: what becomes of an instant, or of a missed stretch."""

    instant: datetime
    until: datetime | None
    count: int
    outcome: FiringOutcome
    runs: bool
    """Whether a job is to be made for it."""
    replaces: tuple[str, ...] = ()
    """Jobs that are to be cancelled for it."""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be written together. At most one job is among it: what is due after it is for the next step."""

    accounts: tuple[Account, ...]
    accounted_until: datetime
    next_at: datetime | None


def decide(standing: Standing, now: datetime, watched_since: datetime) -> Step:
    """The rows for what is due now: the missed stretch, if there is one, and the first instant that is in time.

    ``watched_since`` is from when on the platform has been there and its clock has gone on steadily.
    """
    cron = standing.cron
    accounts: list[Account] = []
    until = standing.accounted_until
    missed_until = min(now, watched_since) - GRACE
    missed = cron.stretch(until, missed_until)
    due = cron.after(max(until, missed_until))
    in_time = due is not None and due <= now
    if missed is not None:
        accounts.append(_missed(standing, missed.first, missed.last, missed.count, in_time=in_time))
        until = missed.last
    if due is not None and in_time:
        accounts.append(_in_time(standing, due))
        until = due
    return Step(tuple(accounts), until, cron.after(until))


def _missed(standing: Standing, first: datetime, last: datetime, count: int, *, in_time: bool) -> Account:
    def row(runs: bool, message: str, replaces: tuple[str, ...] = ()) -> Account:
        return Account(first, last, count, FiringOutcome.COALESCED, runs, replaces, message)

    what = "1 run was" if count == 1 else f"{count} runs were"
    missed = f"{what} missed while the platform was away or its clock was set."
    if not standing.catch_up:
        return row(False, missed)
    if in_time:
        return row(False, f"{missed} The next one was due at once.")
    if standing.unfinished and standing.overlap is Overlap.SKIP:
        return row(False, f"{missed} Not caught up: {_named(standing.unfinished)} had not ended.")
    replaces = tuple(standing.unfinished) if standing.overlap is Overlap.REPLACE else ()
    return row(True, f"{missed} Caught up once.", replaces)


def _in_time(standing: Standing, instant: datetime) -> Account:
    if standing.unfinished and standing.overlap is Overlap.SKIP:
        message = f"Skipped: {_named(standing.unfinished)} had not ended."
        return Account(instant, None, 1, FiringOutcome.SKIPPED, False, (), message)
    if standing.unfinished and standing.overlap is Overlap.REPLACE:
        message = f"Took the place of {_named(standing.unfinished)}."
        return Account(instant, None, 1, FiringOutcome.REPLACED, True, tuple(standing.unfinished), message)
    return Account(instant, None, 1, FiringOutcome.JOB, True)


def _named(jobs: Sequence[str]) -> str:
    return jobs[0] if len(jobs) == 1 else f"{jobs[0]} and {len(jobs) - 1} more"
