"""The queue as people see it: who waits where, for what, whose that is, and until when perhaps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from ..domain.claims import COUNTED_FOR_PERSON, Decision, Held, MachineCapacity, Reason, decide
from ..domain.groups import Group
from ..domain.identity import Actor
from ..domain.job_planning import default_name, timeout_of
from ..domain.jobs import Job, JobCheck, JobPhase, JobReason, JobSpec, QueueEntry, QueuePlace
from ..domain.paging import Page, PageQuery
from ..domain.permissions import require
from ..domain.problems import NotFound
from ..domain.queue import NOTHING, amounts, bounds, machine_room
from ..domain.queue_estimate import MOST_JOBS, Limits, PastRun, Run, estimate, usual_seconds
from ..store import claims, groups, queue, queue_places, settings
from ..store.queue import Moment
from ..store.queue_places import InQueue
from ..store.unit_of_work import UnitOfWork
from . import jobs
from ._editing import page_of
from .launches import as_seen, may_see


def of_job(uow: UnitOfWork, actor: Actor, job_id: str, capacity: MachineCapacity) -> Job:
    """One job, with its place in the queue while it waits. Raises ``NotFound`` as ``jobs.get`` does."""
    job = jobs.get(uow, actor, job_id)
    if job.phase is not JobPhase.PENDING:
        return job
    entry = queue_places.entry(uow, job_id)
    group = None if entry is None else groups.by_id(uow, entry.group_id)
    if entry is None or group is None:
        return job
    line = _Line(uow, actor, groups.to_model(group), capacity)
    position = queue_places.ahead(uow, entry.group_id, entry.order) + 1
    return job.model_copy(update={"queue": line.place(entry, position)})


def of_group(
    uow: UnitOfWork, actor: Actor, reference: str, query: PageQuery, capacity: MachineCapacity
) -> Page[QueueEntry]:
    """Who waits in a group, in the queue's order. A notebook's own token is shown its owner's jobs alone.

    Raises ``NotFound`` for a group that the actor cannot see.
    """
    row = groups.by_reference(uow, reference)
    if row is None:
        raise NotFound.of("group", reference)
    require(actor, "queue.read", kind="group", name=reference, group_id=row.id)
    assert actor.account is not None
    whose = actor.account.id if actor.is_notebook else None
    found, total = queue_places.entries(uow, row.id, query, account_id=whose)
    line = _Line(uow, actor, groups.to_model(row), capacity)
    entries = [
        QueueEntry(
            job=entry.id,
            name=entry.name,
            user=entry.user,
            instance_type=entry.instance_type,
            limits=entry.limits,
            place=line.place(entry, position),
        )
        for position, entry in found
    ]
    return page_of(entries, total, query)


def of_check(uow: UnitOfWork, actor: Actor, reference: str, spec: JobSpec, capacity: MachineCapacity) -> JobCheck:
    """What ``jobs.check`` says, and for a job that would wait when it may start. Raises as that does."""
    found = jobs.check(uow, actor, reference, spec, capacity)
    if found.position is None or found.position > MOST_JOBS:
        return found
    choice = jobs.choose(uow, actor, spec, capacity)
    entry = InQueue(
        id="",
        name=spec.name or default_name(spec),
        user=choice.account.name,
        account_id=choice.account.id,
        group_id=choice.group.id,
        instance_type=choice.instance_type.name,
        timeout=timeout_of(spec, choice.group.job_timeout, settings.load(uow).job_timeout),
        queued_at=uow.now,
        not_before=None,
        reason=JobReason.QUEUED.value,
        message="",
        limits=choice.instance_type.limits,
        requests=choice.instance_type.requests,
    )
    return found.model_copy(update={"estimate": _Line(uow, actor, choice.group, capacity).estimate_of(entry)})


class _Line:
    """One group's queue as one person sees it. What is read is read once, whatever the number of places shown."""

    def __init__(self, uow: UnitOfWork, person: Actor, group: Group, capacity: MachineCapacity) -> None:
        self._uow = uow
        self._person = person
        self._group = group
        self._capacity = capacity
        self._bounded = capacity.bounded
        self._keep_after = timedelta(seconds=settings.load(uow).queue_keep_after)
        self._moment = Moment(uow.now, uow.now - self._keep_after)
        self._of = queue_places.length(uow, group.id)
        # whoever shows the machine has to show all that is on it
        only = None if self._bounded else group.id
        self._claims = claims.held(uow, group_id=only)
        self._held = [Held(claim, visible=may_see(person, claim)) for claim in self._claims]
        self._kept = [(place.order, as_seen(person, place)) for place in queue.kept(uow, only)]
        self._estimates: dict[str, datetime] | None = None

    def place(self, entry: InQueue, position: int) -> QueuePlace:
        """Where a job is, what stands against it, and when it may start."""
        kept_from = entry.queued_at + self._keep_after
        return QueuePlace(
            position=position,
            of=max(self._of, position),
            waiting_since=entry.queued_at,
            kept_from=kept_from,
            kept=entry.waiting(self._moment).kept,
            decision=self._decision(entry),
            estimate=self._estimate(entry, position),
        )

    def _decision(self, entry: InQueue) -> Decision:
        decision = decide(
            account_id=entry.account_id,
            group_id=self._group.id,
            counts_person=True,
            limits=entry.limits,
            requests=entry.requests,
            user_quota=self._group.user_quota,
            group_quota=self._group.group_quota,
            capacity=self._capacity.quota,
            held=self._held,
            kept=[place for order, place in self._kept if order < entry.order],
        )
        if entry.not_before is None or not entry.rests(self._uow.now):
            return decision
        resting = Reason(
            code="resting",
            message=entry.message or "The last attempt did not end well.",
            help=f"It is tried again at {entry.not_before.isoformat(timespec='seconds')}.",
        )
        return decision.model_copy(update={"would_start": False, "reasons": (resting, *decision.reasons)})

    def _estimate(self, entry: InQueue, position: int) -> datetime | None:
        if position > MOST_JOBS:
            return None
        if self._estimates is None:
            self._estimates = self._estimated(queue_places.front(self._uow, self._group.id, MOST_JOBS))
        return self._estimates.get(entry.id)

    def estimate_of(self, entry: InQueue) -> datetime | None:
        """When a job may start that would be the last of the queue."""
        front = queue_places.front(self._uow, self._group.id, MOST_JOBS)
        return self._estimated([*front, entry]).get(entry.id)

    def _estimated(self, front: Sequence[InQueue]) -> dict[str, datetime]:
        uow, group = self._uow, self._group
        past = queue_places.past_runs(uow, group.id)
        lengths = {e.id: usual_seconds(past, e.account_id, e.name, e.instance_type, e.timeout) for e in front}
        limits = Limits(
            bounds(group.user_quota), bounds(group.group_quota), machine_room(self._capacity, NOTHING).limit
        )
        return estimate(
            [e.waiting(self._moment) for e in front],
            lengths,
            self._runs(past),
            limits,
            now=uow.now,
            keep_after=self._keep_after,
            elsewhere=queue.kept_elsewhere(uow, group.id) if self._bounded else (),
        )

    def _runs(self, past: Sequence[PastRun]) -> list[Run]:
        ends = queue_places.expected_ends(self._uow, past, None if self._bounded else self._group.id)
        return [
            Run(
                group_id=claim.group_id,
                account_id=claim.account_id,
                limits=amounts(claim.limits),
                requests=amounts(claim.requests),
                ends_at=ends.get(claim.id),
                counted=claim.kind in COUNTED_FOR_PERSON,
            )
            for claim in self._claims
        ]
