"""Fires recurring jobs: what is due gets its row and its job in one transaction, as the owner and with their rights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from ..domain import cron
from ..domain.claims import Budget, MachineCapacity
from ..domain.firing import Account, Standing, decide
from ..domain.identity import PLATFORM, Actor
from ..domain.jobs import JobSpec
from ..domain.problems import Conflict, Problem, Refused, Unavailable
from ..domain.schedules import FiringOutcome, Overlap
from ..store import accounts
from ..store import schedules as store
from ..store.orm import FiringRow, JobRow, ScheduleRow
from ..store.unit_of_work import UnitOfWork
from . import job_departures, jobs, notifications
from .actors import person
from .launches import Choice

CHANGE: Final = "schedule"
MAX_MESSAGE = 500
_PASSES_BY = frozenset({"image-not-ready", "no-sandbox", "quota", "kept-place", "queue-full"})
"""Codes of reasons for which one run is left out; for any other the recurring job is paused."""


@dataclass(frozen=True, slots=True)
class Made:
    """What became of one account's job."""

    job: str | None = None
    refused: str = ""
    """Why there is none."""
    lasting: bool = False
    """Whether the reason would stand at the next instant too."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction has in common for all that it fires."""

    capacity: MachineCapacity
    watched_since: datetime
    """From when on the platform has been there and its clock has gone on steadily."""
    _owners: dict[str, Actor] = field(default_factory=dict)
    _choices: dict[tuple[str, str, str, str], Choice] = field(default_factory=dict)

    def owner(self, uow: UnitOfWork, row: ScheduleRow) -> Actor:
        """The schedule's owner with the rights of this moment. Raises ``Conflict`` for one who has none."""
        if row.account_id not in self._owners:
            account = accounts.by_id(uow, row.account_id)
            if account is None or not account.enabled:
                msg = "The owner's account is disabled or deleted."
                raise Conflict(msg)
            self._owners[row.account_id] = person(uow, account.name)
        return self._owners[row.account_id]

    def choice(self, uow: UnitOfWork, owner: Actor, row: ScheduleRow, spec: JobSpec) -> Choice:
        """What the job names, found and allowed for the owner. Raises ``Problem``."""
        key = (row.account_id, row.group_id, spec.instance_type, spec.image)
        if key not in self._choices:
            self._choices[key] = jobs.choose(uow, owner, spec, self.capacity)
        return self._choices[key]


def fire(uow: UnitOfWork, schedule_id: str, batch: Batch) -> bool:
    """Account for what is due of one recurring job; at most one job is made. Whether anything was due.

    A job that is refused pauses the schedule, with that reason, and its owner is told. Raises ``Unavailable`` where
    it cannot be said now whether the job may run: nothing is accounted for then.
    """
    row = store.locked(uow, schedule_id, skip=True)
    if row is None or row.paused or row.next_at is None or row.next_at > uow.now:
        return False
    replacing = row.overlap == Overlap.REPLACE.value
    unfinished = store.unfinished(uow, row.id, lock=replacing)
    step = decide(_standing(row, [job.id for job in unfinished]), uow.now, batch.watched_since)
    made = Made()
    for account in step.accounts:
        if account.runs:
            made = _run(uow, row, account, unfinished, batch)
        _write(uow, row, account, made if account.runs else Made())
    store.account_until(uow, row.id, step.accounted_until, step.next_at)
    if made.refused and made.lasting:
        pause(uow, row, made.refused)
    elif step.accounts:
        if made.refused:
            notifications.schedule_failed(uow, row, made.refused)
        uow.changed(CHANGE, row.id, "update", group_id=row.group_id, account_id=row.account_id)
    return True


def _standing(row: ScheduleRow, unfinished: Sequence[str]) -> Standing:
    return Standing(
        cron=cron.stored(row.cron, row.timezone),
        overlap=Overlap(row.overlap),
        catch_up=row.catch_up,
        accounted_until=row.accounted_until,
        unfinished=unfinished,
    )


def _run(uow: UnitOfWork, row: ScheduleRow, account: Account, unfinished: Sequence[JobRow], batch: Batch) -> Made:
    try:
        # a refusal may come after something of the job was written
        with uow.session.begin_nested():
            job = submit_as_owner(uow, row, PLATFORM, batch, scheduled=True)
    except Unavailable:
        raise
    except Problem as problem:
        return Made(refused=problem.detail, lasting=not _passes_by(problem))
    for earlier in unfinished:
        if earlier.id in account.replaces:
            job_departures.ask_to_end(uow, earlier, f"Replaced by {job.id}")
    return Made(job=job.id)


def _passes_by(problem: Problem) -> bool:
    reasons = problem.extra.get("decision", {}).get("reasons", ())
    # a machine does not always see all that it has: its GPUs come with their driver
    passing = (r["code"] in _PASSES_BY or r.get("budget") == Budget.MACHINE.value for r in reasons)
    return isinstance(problem, Refused) and bool(reasons) and all(passing)


def submit_as_owner(
    uow: UnitOfWork, row: ScheduleRow, actor: Actor, batch: Batch, *, scheduled: bool, trial: bool = False
) -> JobRow:
    """A job of the schedule, made as its owner, whose rights are looked up anew. Raises ``Problem``."""
    owner = batch.owner(uow, row)
    spec = JobSpec.of_row(row.job)
    named = spec.model_copy(update={"name": spec.name or row.name})
    if row.notebook_reads_file and spec.notebook is not None:
        named = named.model_copy(update={"notebook": spec.notebook.model_copy(update={"reads_file": True})})
    origin = jobs.Origin(schedule_id=row.id, scheduled=scheduled, trial=trial)
    choice = batch.choice(uow, owner, row, named)
    return jobs.create(uow, actor, owner, named, batch.capacity, origin, choice=choice)


def _write(uow: UnitOfWork, row: ScheduleRow, account: Account, made: Made) -> None:
    outcome, message = account.outcome, account.message
    if made.refused:
        message = f"{account.message} Not run: {made.refused}".strip()
        outcome = FiringOutcome.COALESCED if outcome is FiringOutcome.COALESCED else FiringOutcome.SKIPPED
    firing = FiringRow(
        schedule_id=row.id,
        instant=account.instant,
        until=account.until,
        count=account.count,
        outcome=outcome.value,
        job_id=made.job,
        message=message[:MAX_MESSAGE],
        decided_at=uow.now,
    )
    store.add_firing(uow, firing)


def account_rest(uow: UnitOfWork, row: ScheduleRow, reason: str) -> None:
    """What is due and was not fired yet gets one row that says why it never will be; later instants are open."""
    if row.paused:
        return
    missed = cron.stored(row.cron, row.timezone).stretch(row.accounted_until, uow.now)
    if missed is None:
        return
    message = f"{reason} before it could run."
    account = Account(missed.first, missed.last, missed.count, FiringOutcome.COALESCED, False, (), message)
    _write(uow, row, account, Made())
    row.accounted_until = missed.last


def pause(uow: UnitOfWork, row: ScheduleRow, reason: str) -> None:
    """The platform pauses a recurring job, and tells its owner. The caller has locked it."""
    row.paused = True
    row.pause_reason = reason[:MAX_MESSAGE]
    row.next_at = None
    uow.session.flush()
    uow.audit(PLATFORM, "schedule.pause", row.id, group_id=row.group_id, name=row.name, reason=row.pause_reason)
    uow.changed(CHANGE, row.id, "update", group_id=row.group_id, account_id=row.account_id)
    notifications.schedule_paused(uow, row, row.pause_reason)


def pause_all(uow: UnitOfWork, reason: str, *, account_id: str | None = None, group_id: str | None = None) -> None:
    """Pause those of a person, of a group, or of a person in a group, whose right to run anything there has ended."""
    for row in store.of_person(uow, account_id=account_id, group_id=group_id):
        account_rest(uow, row, f"Paused ({reason})")
        pause(uow, row, reason)


def look_again(uow: UnitOfWork, schedule_id: str) -> None:
    """Work the next due instant out anew: the rules of time zones may have changed since it was written."""
    row = store.locked(uow, schedule_id, skip=True)
    if row is None or row.paused:
        return
    next_at = cron.stored(row.cron, row.timezone).after(row.accounted_until)
    if next_at != row.next_at:
        store.account_until(uow, row.id, row.accounted_until, next_at)


def resumed_from(row: ScheduleRow, now: datetime) -> datetime:
    """From where due instants count when a pause ends or the times change: never one that is accounted for already."""
    return max(row.accounted_until, now)
