"""The job queue's decision: who goes now, who never can, and whose place is kept of what. Pure.

Jobs are asked in one order. A job that fits beside the claims and the kept places of those before it goes. One that
does not, and has waited long enough, has its place kept: what is kept is not there for anybody after it. As the oldest
kept place loses nothing to anybody and everything that is held ends some day, nothing starves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from .claims import MachineCapacity
from .resources import Quota, Resources
from .units import Bytes, Millicores

Amounts = tuple[int, int, int]
"""Millicores, bytes, GPUs: a queue of thousands is walked in plain numbers."""
Order = tuple[datetime, str]
"""A job's place in the queue, which nothing changes: when it was queued, and its id."""

NOTHING: Amounts = (0, 0, 0)
UNBOUNDED = 1 << 62
_MACHINE = 2
_ALWAYS_TAKEN = (0, 1)
"""Indices of what every workload takes of quotas: who gets none of these gets nothing."""


def amounts(resources: Resources) -> Amounts:
    """The model as plain numbers."""
    return int(resources.cpu), int(resources.memory), resources.gpu


def bounds(quota: Quota) -> Amounts:
    """The quota as plain numbers; no limit is a very large one."""
    cpu, memory, gpu = quota.cpu, quota.memory, quota.gpu
    return (
        UNBOUNDED if cpu is None else int(cpu),
        UNBOUNDED if memory is None else int(memory),
        UNBOUNDED if gpu is None else gpu,
    )


def resources(given: Amounts) -> Resources:
    """Plain numbers as the model."""
    return Resources(cpu=Millicores(given[0]), memory=Bytes(given[1]), gpu=given[2])


def added(one: Amounts, other: Amounts) -> Amounts:
    """The sum of both."""
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job in the queue."""

    id: str
    group_id: str
    account_id: str
    limits: Amounts
    requests: Amounts
    queued_at: datetime
    rests: bool = False
    """It backs off: it is not considered now."""
    kept: bool = False
    """It has waited so long that its place is kept."""

    @property
    def order(self) -> Order:
        """Its place in the queue."""
        return self.queued_at, self.id


@dataclass(frozen=True, slots=True)
class Place:
    """What is kept for one job: of its owner's quota, of the group's, of the machine."""

    job_id: str
    user: Amounts = NOTHING
    group: Amounts = NOTHING
    machine: Amounts = NOTHING
    for_machine: bool = False
    """The machine alone holds it up."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What is kept of the machine for a job that is not asked in this walk."""

    order: Order
    machine: Amounts
    for_machine: bool = False


class Turn(StrEnum):
    """What came of asking one job."""

    GOES = "goes"
    WAITS = "waits"
    RESTS = "rests"
    NEVER = "never"
    """It is larger than a whole budget."""


class Room:
    """One budget: how much there is, how much of it is used, and how much is kept for those asked so far."""

    __slots__ = ("head", "kept", "limit", "used")

    def __init__(self, limit: Amounts = (UNBOUNDED, UNBOUNDED, UNBOUNDED), used: Amounts = NOTHING) -> None:
        self.limit = limit
        self.used = list(used)
        self.kept = [0, 0, 0]
        self.head = ""
        """The first job that waits for this budget, and for none that is narrower."""

    def short(self, want: Amounts) -> list[int]:
        """Indices of the resources that are wanted and not there."""
        used, kept, limit = self.used, self.kept, self.limit
        return [i for i in range(3) if want[i] and used[i] + kept[i] + want[i] > limit[i]]

    def never(self, want: Amounts) -> bool:
        """Whether it would not do if nobody else had anything of it."""
        limit = self.limit
        return want[0] > limit[0] or want[1] > limit[1] or want[2] > limit[2]

    def take(self, want: Amounts) -> None:
        """Use so much more."""
        for i in range(3):
            self.used[i] += want[i]

    def keep(self, want: Iterable[int]) -> Amounts:
        """Keep so much more; nothing more of what is kept in full, since nobody gets past that anyway."""
        given = [0 if self.kept[i] >= self.limit[i] else w for i, w in enumerate(want)]
        for i in range(3):
            self.kept[i] += given[i]
        return given[0], given[1], given[2]

    def open(self, i: int) -> int:
        """How much of a resource is neither used nor kept."""
        return max(0, self.limit[i] - self.used[i] - self.kept[i])

    def full(self, *, for_good: bool) -> list[int]:
        """Indices of cores and memory that are all used or kept; ``for_good`` counts what is kept alone."""
        return [i for i in _ALWAYS_TAKEN if self.kept[i] + (0 if for_good else self.used[i]) >= self.limit[i]]


@dataclass(slots=True)
class GroupRooms:
    """A group's budget and those of its members."""

    group: Room
    user_limit: Amounts = (UNBOUNDED, UNBOUNDED, UNBOUNDED)
    used: Mapping[str, Amounts] = field(default_factory=dict)
    """What each account holds that counts against its own quota."""
    users: dict[str, Room] = field(default_factory=dict)

    def of(self, account_id: str) -> Room:
        """The budget of one member."""
        room = self.users.get(account_id)
        if room is None:
            room = self.users[account_id] = Room(self.user_limit, self.used.get(account_id, NOTHING))
        return room


def machine_room(capacity: MachineCapacity, requested: Amounts, gpus_held: Iterable[int] = ()) -> Room:
    """The machine's budget. Where it hands out GPUs by index, those that are held count, whoever asked how many."""
    limit, used = bounds(capacity.quota), requested
    if capacity.gpu_indices is not None:
        free = len(set(capacity.gpu_indices) - set(gpus_held))
        limit = limit[0], limit[1], min(limit[2], len(capacity.gpu_indices))
        used = used[0], used[1], max(used[2], limit[2] - free)
    return Room(limit, used)


class Walk:
    """One way through the queue, job by job in its order; what is known so far can be asked at any time."""

    def __init__(self, machine: Room, groups: Mapping[str, GroupRooms], elsewhere: Iterable[Elsewhere] = ()) -> None:
        """``elsewhere`` is in the queue's order."""
        self.machine = machine
        self.groups = groups
        self.going: list[Waiting] = []
        self.never: list[Waiting] = []
        self.places: dict[str, Place] = {}
        """By job: what is kept for those that wait."""
        self.for_machine: list[Waiting] = []
        """Those that only the machine holds up."""
        self._elsewhere = list(elsewhere)[::-1]

    def ask(self, job: Waiting) -> Turn:
        """What the job does now. Each one asked must come after those before."""
        while self._elsewhere and self._elsewhere[-1].order < job.order:
            other = self._elsewhere.pop()
            self.machine.keep(other.machine)
            if other.for_machine and not self.machine.head:
                self.machine.head = other.order[1]
        group = self.groups[job.group_id]
        rooms = (group.of(job.account_id), group.group, self.machine)
        wants = (job.limits, job.limits, job.requests)
        if any(room.never(want) for room, want in zip(rooms, wants, strict=True)):
            self.never.append(job)
            return Turn.NEVER
        if job.rests:
            return Turn.RESTS
        short = [room.short(want) for room, want in zip(rooms, wants, strict=True)]
        if not any(short):
            for room, want in zip(rooms, wants, strict=True):
                room.take(want)
            self.going.append(job)
            return Turn.GOES
        if short[2] and not (short[0] or short[1]):
            self.for_machine.append(job)
        if job.kept:
            self._keep(job, rooms, wants, short)
        return Turn.WAITS

    def ask_all(self, jobs: Iterable[Waiting]) -> Walk:
        """Ask every one of them, in the queue's order."""
        for job in sorted(jobs, key=lambda j: j.order):
            self.ask(job)
        return self

    def full_accounts(self, group_id: str, *, for_good: bool) -> list[str]:
        """Members of the group of whom nothing more can go or keep anything."""
        return [account for account, room in self.groups[group_id].users.items() if room.full(for_good=for_good)]

    def _keep(
        self, job: Waiting, rooms: tuple[Room, Room, Room], wants: tuple[Amounts, ...], short: list[list[int]]
    ) -> None:
        first = next(i for i in range(3) if short[i])
        heads = rooms[first].head in ("", job.id)
        if heads:
            rooms[first].head = job.id
        # what those within would let it use just now; the widest first, so that keeping does not change it
        let = [min((room.open(i) for room in rooms[:first] or ()), default=UNBOUNDED) for i in range(3)]
        kept: dict[int, Amounts] = dict.fromkeys(range(3), NOTHING)
        for at in range(3):
            if at <= first and heads:
                asked = list(wants[at])
            elif at < first or not short[at]:
                continue
            else:
                usable = [min(let[i], wants[0][i]) for i in range(3)]
                if any(wants[0][i] and not usable[i] for i in range(3)):
                    break  # it could use nothing of what lies further out
                asked = [min(wants[at][i], usable[i]) if i in short[at] else 0 for i in range(3)]
            if at >= first:
                let = [min(let[i], rooms[at].open(i)) for i in range(3)]
            kept[at] = rooms[at].keep(asked)
        if any(map(any, kept.values())):
            self.places[job.id] = Place(job.id, kept[0], kept[1], kept[2], first == _MACHINE)


def whole_place(job: Waiting) -> Place:
    """The place of a job that may go, until it has gone."""
    return Place(job.id, job.limits, job.limits, job.requests)
