"""The queue: which jobs of a group start now. One decision is one transaction, under the ledger's lock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto

from ..domain.claims import Decision, MachineCapacity, decide
from ..domain.groups import Group
from ..domain.identity import PLATFORM
from ..domain.images import ImagePhase
from ..domain.jobs import JobPhase, JobReason
from ..domain.problems import Unauthenticated
from ..domain.queue import (
    NOTHING,
    UNBOUNDED,
    Amounts,
    GroupRooms,
    Order,
    Room,
    Waiting,
    Walk,
    amounts,
    bounds,
    machine_room,
    resources,
    whole_place,
)
from ..store import claims, groups, jobs, queue, settings
from ..store.orm import JobRow
from ..store.queue import Moment, Subject
from ..store.unit_of_work import UnitOfWork
from . import actors, job_starts
from .launches import Assessment, assess_in

AT_ONCE = 8
"""Jobs that one decision starts: whoever waits for the ledger's lock waits for all of them."""
ENDED_AT_ONCE = 100
FIRST_READ, MOST_READ = 16, 512
"""Jobs read at once: a few in the first place, since a full group is known to be full by them; then ever more."""
PUT_OFF = timedelta(seconds=10)
"""For what stands against a job besides the budgets: an image that is being made, no sandbox on this machine."""


@dataclass(frozen=True, slots=True)
class MachineWait:
    """What only the machine holds up in a group."""

    since: Order
    """Of the oldest of these jobs."""
    least: Amounts
    """No one of them requests less."""
    kept: bool
    """Whether a place is kept for one of them."""


@dataclass(frozen=True, slots=True)
class MachineLeft:
    """What is left of the machine."""

    unused: Amounts
    open: Amounts
    """Neither used nor kept."""


@dataclass(frozen=True, slots=True)
class Admission:
    """What one decision about a group did."""

    started: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()
    more: bool = False
    """There is more to do at once."""
    for_machine: MachineWait | None = None


def admit(uow: UnitOfWork, capacity: MachineCapacity, group_id: str, *, most: int = AT_ONCE) -> Admission:
    """Decide about one group: start what goes, at most ``most``, end what is to end, and note whose place is kept."""
    uow.lock(claims.LEDGER)
    subject = queue.subject(uow, group_id, _most_requested(capacity))
    if subject is None:
        return _without_group(uow, group_id)
    group = subject.group
    ended = _end_those_who_cannot(uow, group, capacity) if subject.hopeless else []
    seen = _Seen.of(uow, group, capacity, subject.moment, most)
    going, later = seen.walk.going[:most], seen.walk.going[most:]
    places = seen.walk.places | {job.id: whole_place(job) for job in later if job.kept}
    changed = queue.keep(uow, group_id, places, seen.jobs, upto=None if seen.complete else seen.last)
    came = {job.id: _start(uow, subject, job, capacity) for job in going}
    ended += [job_id for job_id, result in came.items() if result is _Came.ENDED]
    started = [job_id for job_id, result in came.items() if result is _Came.STARTED]
    if changed or ended or started:
        uow.changed("queue", group.slug, "update", group_id=group_id)
    more = bool(later) or not seen.complete or len(started) < len(going) or len(ended) >= ENDED_AT_ONCE
    return Admission(
        started=tuple(started),
        ended=tuple(ended),
        more=more,
        for_machine=_machine_wait(seen.walk),
    )


def machine_left(uow: UnitOfWork, capacity: MachineCapacity) -> MachineLeft | None:
    """What is left of the machine just now; None where it has no bound."""
    if not capacity.bounded:
        return None
    room = room_of_machine(uow, capacity)
    unused = room.open(0), room.open(1), room.open(2)
    room.keep(amounts(queue.sum_kept(uow)))
    return MachineLeft(unused, (room.open(0), room.open(1), room.open(2)))


def room_of_machine(uow: UnitOfWork, capacity: MachineCapacity) -> Room:
    """The machine's budget as it is used now."""
    if not capacity.bounded:
        return Room()
    held = claims.gpus_held(uow) if capacity.gpu_indices else ()
    return machine_room(capacity, queue.requested(uow), held)


def rooms_of(uow: UnitOfWork, group: Group) -> GroupRooms:
    """The budgets of a group and its members as they are used now."""
    used = queue.in_use(uow, group.id)
    return GroupRooms(Room(bounds(group.group_quota), used.group), bounds(group.user_quota), used.people)


@dataclass(slots=True)
class _Seen:
    """The part of a group's queue that was walked."""

    walk: Walk
    jobs: dict[str, Waiting]
    last: Order | None
    complete: bool
    """Whether nobody who was not read could go, or have a place kept."""

    @classmethod
    def of(cls, uow: UnitOfWork, group: Group, capacity: MachineCapacity, moment: Moment, most: int) -> _Seen:
        bounded = capacity.bounded
        elsewhere = queue.kept_elsewhere(uow, group.id) if bounded else ()
        walk = Walk(room_of_machine(uow, capacity), {group.id: rooms_of(uow, group)}, elsewhere)
        seen = cls(walk, {}, None, complete=False)
        for_good, limit = True, FIRST_READ
        while not seen.complete and len(walk.going) <= most:
            jobs = queue.waiting(
                uow,
                group.id,
                moment,
                after=seen.last,
                but=walk.full_accounts(group.id, for_good=for_good),
                full=walk.machine.full(for_good=for_good),
                limit=limit,
            )
            for job in jobs:
                seen.jobs[job.id] = job
                seen.last = job.order
                walk.ask(job)
            # places are kept for those at the front: behind them, what is used counts like what is kept
            for_good = not jobs or jobs[-1].queued_at <= moment.kept_since
            seen.complete = len(jobs) < limit or bool(walk.groups[group.id].group.full(for_good=for_good))
            limit = min(2 * limit, MOST_READ)
        return seen


def _machine_wait(walk: Walk) -> MachineWait | None:
    jobs = walk.for_machine
    if not jobs:
        return None
    least = tuple(min(job.requests[i] for job in jobs) for i in range(3))
    return MachineWait(jobs[0].order, least, kept=any(job.kept for job in jobs))  # type: ignore[arg-type]


class _Came(Enum):
    """What came of starting a job whose turn it is."""

    STARTED = auto()
    ENDED = auto()
    PUT_OFF = auto()
    GONE = auto()
    """Somebody else ended it meanwhile, or is about to."""
    CHANGED = auto()
    """Its instance type is of another size now, so that it has to be asked again."""


def _start(uow: UnitOfWork, subject: Subject, job: Waiting, capacity: MachineCapacity) -> _Came:
    found = queue.locked_with_owner(uow, job.id)
    if found is None or found[0].cancel_requested is not None:
        return _Came.GONE
    row, places = found
    try:
        person = actors.person_of("" if places is None else places[0].name, places)
    except Unauthenticated:
        message = "The account of its owner is disabled or deleted."
        return _end(uow, row, JobReason.INVALID, message)
    spec = jobs.spec_of(row)
    assessment = assess_in(uow, person, subject.group, spec, capacity, fits=True)
    choice = assessment.choice
    ending = _ending(assessment)
    if ending is not None:
        return _end(uow, row, ending, assessment.decision.sentence)
    assert choice is not None
    kind = choice.instance_type
    if (amounts(kind.limits), amounts(kind.requests)) != (job.limits, job.requests):
        row.cpu_limit, row.memory_limit, row.gpu_limit = amounts(kind.limits)
        row.cpu_request, row.memory_request, _ = amounts(kind.requests)
        uow.session.flush()
        return _Came.CHANGED
    if not assessment.decision.would_start:
        row.not_before, row.message = uow.now + PUT_OFF, assessment.decision.sentence[:2000]
        job_starts.touched(uow, row)
        uow.session.flush()
        return _Came.PUT_OFF
    assert places is not None
    context = job_starts.Context(settings.of(subject.setting), [groups.to_model(group) for group, _ in places[1]])
    attempt = job_starts.begin_attempt(uow, row, person, choice, context)
    uow.audit(PLATFORM, "job.start", row.id, group_id=row.group_id, name=row.name, attempt=attempt.id)
    return _Came.STARTED


def _ending(assessment: Assessment) -> JobReason | None:
    """How a job ends that cannot start as it is, whatever becomes free."""
    codes = {reason.code for reason in assessment.decision.reasons}
    choice = assessment.choice
    if choice is None or "image-needs-gpu" in codes:
        return JobReason.INVALID
    if "image-unsupported" in codes or choice.image.phase is ImagePhase.FAILED:
        return JobReason.IMAGE
    return None


def _end(uow: UnitOfWork, row: JobRow, reason: JobReason, message: str) -> _Came:
    job_starts.end_job(uow, row, JobPhase.FAILED, reason, message)
    return _Came.ENDED


def _end_those_who_cannot(uow: UnitOfWork, group: Group, capacity: MachineCapacity) -> list[str]:
    """End who was cancelled, and with the arithmetic what is larger than a whole budget.

    But for the machine's GPUs: where their driver is not there, after a boot for one, they are not seen for a while.
    """
    person, everyone = bounds(group.user_quota), bounds(group.group_quota)
    limits = min(person[0], everyone[0]), min(person[1], everyone[1]), min(person[2], everyone[2])
    requests = _most_requested(capacity)
    ended = []
    for job_id in queue.hopeless(uow, group.id, limits=limits, requests=requests, most=ENDED_AT_ONCE):
        row = queue.locked(uow, job_id)
        if row is None:
            continue
        if row.cancel_requested is not None:
            job_starts.end_job(uow, row, JobPhase.CANCELLED, JobReason.CANCELLED, row.cancel_requested)
        else:
            _end(uow, row, JobReason.NEVER_FITS, _arithmetic(row, group, capacity).sentence)
        ended.append(job_id)
    return ended


def _most_requested(capacity: MachineCapacity) -> Amounts:
    cpu, memory, _ = machine_room(capacity, NOTHING).limit
    return cpu, memory, UNBOUNDED


def _arithmetic(row: JobRow, group: Group, capacity: MachineCapacity) -> Decision:
    """What stands against a job where nobody holds anything."""
    return decide(
        account_id=row.account_id,
        group_id=group.id,
        counts_person=True,
        limits=resources((row.cpu_limit, row.memory_limit, row.gpu_limit)),
        requests=resources((row.cpu_request, row.memory_request, row.gpu_limit)),
        user_quota=group.user_quota,
        group_quota=group.group_quota,
        capacity=capacity.quota,
        held=(),
    )


def _without_group(uow: UnitOfWork, group_id: str) -> Admission:
    """End what still waits in a group that is no more."""
    ended = queue.all_waiting(uow, group_id, ENDED_AT_ONCE)
    for job_id in ended:
        row = queue.locked(uow, job_id)
        if row is not None:
            _end(uow, row, JobReason.INVALID, "Its group is gone.")
    queue.keep(uow, group_id, {}, {})
    return Admission(ended=tuple(ended), more=len(ended) >= ENDED_AT_ONCE)
