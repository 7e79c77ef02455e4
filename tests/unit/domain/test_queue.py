"""Whose turn it is: examples of each rule, and random queues walked until they are empty."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from hypothesis import example, given, settings
from hypothesis import strategies as st

from primehub_services.domain.claims import MachineCapacity
from primehub_services.domain.queue import (
    NOTHING,
    UNBOUNDED,
    Amounts,
    Elsewhere,
    GroupRooms,
    Room,
    Waiting,
    Walk,
    added,
    machine_room,
)
from primehub_services.domain.resources import Quota

START = datetime(2026, 3, 2, tzinfo=UTC)
NO_BOUND = (UNBOUNDED, UNBOUNDED, UNBOUNDED)


def job(name: str, cpu: int = 1, gpu: int = 0, *, kept: bool = False, at: int = 0, **more) -> Waiting:
    """One that takes as much memory as cores; ``at`` is its place."""
    size = (cpu, cpu, gpu)
    return Waiting(
        id=name,
        group_id=more.get("group", "g"),
        account_id=more.get("account", name),
        limits=more.get("limits", size),
        requests=more.get("requests", size),
        queued_at=START + timedelta(seconds=at),
        rests=more.get("rests", False),
        kept=kept,
    )


def cores(cpu: int, gpu: int = UNBOUNDED) -> Amounts:
    return cpu, cpu, gpu


def walk(
    jobs: Iterable[Waiting],
    *,
    user: Amounts = NO_BOUND,
    group: Amounts = NO_BOUND,
    machine: Amounts = NO_BOUND,
    used: dict[str, Amounts] | None = None,
    elsewhere: Iterable[Elsewhere] = (),
) -> Walk:
    """Ask jobs of any groups, all with the same quotas; ``used`` is by account, in the group ``g``."""
    jobs, used = list(jobs), used or {}
    sums = NOTHING
    for amount in used.values():
        sums = added(sums, amount)
    groups = {name: GroupRooms(Room(group), user) for name in {j.group_id for j in jobs}}
    groups["g"] = GroupRooms(Room(group, sums), user, used)
    return Walk(Room(machine, sums), groups, elsewhere).ask_all(jobs)


def going(seen: Walk) -> list[str]:
    return [j.id for j in seen.going]


def test_first_in_goes_first() -> None:
    assert going(walk([job("b", at=1), job("a", at=0), job("c", at=2)], group=cores(2))) == ["a", "b"]


def test_a_job_that_cannot_run_yet_does_not_block_a_smaller_one_behind_it() -> None:
    assert going(walk([job("big", 4, at=0), job("small", 1, at=1)], group=cores(4), used={"x": cores(1, 0)})) == [
        "small"
    ]


def test_once_its_place_is_kept_nobody_later_takes_what_it_waits_for() -> None:
    seen = walk([job("big", 4, at=0, kept=True), job("small", 1, at=1)], group=cores(4), used={"x": cores(1, 0)})

    assert going(seen) == []
    assert seen.places["big"].group == (4, 4, 0)


def test_who_is_before_a_kept_place_still_goes() -> None:
    jobs = [job("small", 1, at=0), job("big", 4, at=1, kept=True)]
    assert going(walk(jobs, group=cores(4), used={"x": cores(1, 0)})) == ["small"]


def test_one_held_up_by_its_owners_quota_holds_up_the_owner_alone() -> None:
    jobs = [
        job("mine", 2, at=0, kept=True, account="ann"),
        job("mine-too", 1, at=1, account="ann"),
        job("other", 2, at=2, account="bob"),
    ]
    seen = walk(jobs, user=cores(2), group=cores(4), used={"ann": cores(1, 0)})

    assert going(seen) == ["other"]
    assert (seen.places["mine"].user, seen.places["mine"].group) == ((2, 2, 0), NOTHING)


def test_of_the_groups_quota_no_more_is_kept_than_the_owners_lets_it_use() -> None:
    # ann may take 1 more core; when her own job ends she has the other one with it
    jobs = [job("mine", 2, at=0, kept=True, account="ann"), job("a", 1, at=1), job("b", 1, at=2)]
    seen = walk(jobs, user=cores(2), group=cores(3), used={"ann": cores(1, 0), "x": cores(1, 0)})

    assert seen.places["mine"].group == (1, 1, 0)
    assert going(seen) == []


def test_who_can_use_nothing_keeps_nothing_further_out() -> None:
    jobs = [job("mine", 1, 1, at=0, kept=True, account="ann"), job("other", 1, 1, at=1)]
    seen = walk(jobs, user=cores(2, 1), machine=cores(10, 1), used={"ann": cores(2, 0), "x": (0, 0, 1)})
    assert seen.places["mine"].user == (1, 1, 1)
    assert seen.places["mine"].machine == NOTHING


def test_a_full_group_keeps_nothing_of_the_machine() -> None:
    jobs = [job("mine", 2, at=0, kept=True), job("theirs", 1, at=1, group="h")]
    seen = walk(jobs, group=cores(4), machine=cores(5), used={"x": cores(4, 0)})

    assert seen.places["mine"].machine == NOTHING
    assert going(seen) == ["theirs"]


def test_a_place_kept_of_the_machine_holds_against_other_groups() -> None:
    jobs = [job("mine", 2, at=0, kept=True), job("theirs", 1, at=1, group="h")]
    assert going(walk(jobs, machine=cores(5), used={"x": cores(4, 0)})) == []


def test_what_is_kept_for_other_groups_counts_from_its_place_on() -> None:
    jobs = [job("early", 1, at=0), job("late", 1, at=2)]
    other = [Elsewhere((START + timedelta(seconds=1), "other"), (2, 2, 0))]
    assert going(walk(jobs, machine=cores(3), elsewhere=other)) == ["early"]


def test_cores_do_not_stay_idle_behind_a_queue_for_gpus() -> None:
    waiting = [job(f"gpu-{i:02}", 1, 1, at=i, kept=True) for i in range(50)]
    others = [job(f"cpu-{i}", 1, at=100 + i) for i in range(9)]
    seen = walk([*waiting, *others], machine=cores(10, 2), used={"x": (0, 0, 2)})

    # the first of the queue keeps a core too, or it would have to wait for one when it has its GPU
    assert going(seen) == [f"cpu-{i}" for i in range(9)]
    assert seen.places["gpu-00"].machine == (1, 1, 1)
    assert seen.places["gpu-01"].machine == (0, 0, 1)


def test_the_first_to_wait_keeps_the_narrower_budgets_too() -> None:
    jobs = [job("gpu", 2, 1, at=0, kept=True, account="ann"), job("cpu", 2, at=1, account="ann")]
    seen = walk(jobs, user=cores(3), machine=cores(100, 1), used={"x": (0, 0, 1)})

    assert going(seen) == []
    assert seen.places["gpu"].user == (2, 2, 1)
    assert seen.places["gpu"].for_machine


def test_the_first_of_another_group_keeps_the_rest_of_the_machine_alone() -> None:
    other = [Elsewhere((START, "other"), (1, 1, 1), for_machine=True)]
    seen = walk([job("gpu", 1, 1, at=1, kept=True)], machine=cores(10, 1), used={"x": (0, 0, 1)}, elsewhere=other)
    # one GPU there is, and it is kept already
    assert "gpu" not in seen.places


def test_who_rests_neither_goes_nor_keeps() -> None:
    jobs = [job("resting", 1, at=0, kept=True, rests=True), job("b", 1, at=1)]
    assert going(walk(jobs, group=cores(1))) == ["b"]


def test_what_never_fits_is_told_at_once_and_keeps_nothing() -> None:
    for bound in ({"user": cores(3)}, {"group": cores(3)}, {"machine": cores(3)}):
        seen = walk([job("huge", 4, kept=True), job("b", 3, at=1)], **bound)
        assert [j.id for j in seen.never] == ["huge"]
        assert going(seen) == ["b"]


def test_gpus_that_are_held_by_index_count_whatever_was_asked() -> None:
    capacity = MachineCapacity(quota=Quota(gpu=4), gpu_indices=(0, 1, 2, 3))
    room = machine_room(capacity, (0, 0, 1), [0, 1, 7])
    assert (room.used[2], room.limit[2]) == (2, 4)


# random queues

LONGEST = 3
"""Turns that a job runs at most."""
PATIENCE = 2
"""Turns until a place is kept."""


@dataclass
class Running:
    job: Waiting
    until: int


@dataclass
class World:
    """Two groups with two people each on one machine; a turn is a second."""

    user: Amounts
    group: Amounts
    machine: Amounts
    now: int = 0
    waiting: list[Waiting] = field(default_factory=list)
    running: list[Running] = field(default_factory=list)
    lengths: dict[str, int] = field(default_factory=dict)
    ahead: dict[str, int] = field(default_factory=dict)
    """By job: how many were before it when it came."""

    def arrive(self, size: tuple[int, int], whose: int, length: int) -> None:
        name = f"j{len(self.lengths):04}"
        made = job(name, *size, at=self.now, group=f"g{whose // 2}", account=f"p{whose}")
        if any(
            w > b for bound in (self.user, self.group, self.machine) for w, b in zip(made.limits, bound, strict=True)
        ):
            return
        self.ahead[name] = len(self.waiting) + len(self.running)
        self.lengths[name] = length
        self.waiting.append(made)

    def rooms(self) -> tuple[Room, dict[str, GroupRooms]]:
        machine, groups = Room(self.machine), {}
        for name in ("g0", "g1"):
            used: dict[str, Amounts] = {}
            room = Room(self.group)
            for r in self.running:
                if r.job.group_id == name:
                    room.take(r.job.limits)
                    used[r.job.account_id] = added(used.get(r.job.account_id, NOTHING), r.job.limits)
            groups[name] = GroupRooms(room, self.user, used)
        for r in self.running:
            machine.take(r.job.requests)
        return machine, groups

    def turn(self) -> None:
        """End what ends, start what goes, and check every rule."""
        self.running = [r for r in self.running if r.until > self.now]
        self.waiting = [
            replace(j, kept=self.now - (j.queued_at - START).seconds >= PATIENCE)
            for j in sorted(self.waiting, key=lambda j: j.order)
        ]
        seen = Walk(*self.rooms()).ask_all(self.waiting)
        self.check(seen)
        names = set(going(seen))
        self.running += [Running(j, self.now + self.lengths[j.id]) for j in seen.going]
        self.waiting = [j for j in self.waiting if j.id not in names]
        self.now += 1

    def check(self, seen: Walk) -> None:
        names = set(going(seen))
        assert seen.never == []
        machine, groups = self.rooms()
        blocked: list[tuple[Waiting, list[tuple[Room, int]]]] = []
        for j in self.waiting:
            mine = (groups[j.group_id].of(j.account_id), groups[j.group_id].group, machine)
            if j.id in names:
                for room in mine:
                    for i in range(3):
                        assert not j.limits[i] or room.used[i] + j.limits[i] <= room.limit[i], f"{j.id} is too much"
                for _, waits in blocked:
                    assert not any(room is r and j.limits[i] for room, i in waits for r in mine), f"{j.id} overtakes"
                for room in mine:
                    room.take(j.limits)
                continue
            lacks = self.lacks(seen, j, mine)
            assert any(lacks), f"{j.id} stays for nobody"
            if j.kept:
                first = next(at for at in range(3) if lacks[at])
                blocked.append((j, [(mine[first], i) for i in lacks[first]]))

    def lacks(self, seen: Walk, j: Waiting, mine: tuple[Room, Room, Room]) -> list[list[int]]:
        """What it lacks of each budget beside what is used of it, and what is kept of it for those before it."""
        kept = [[0, 0, 0], [0, 0, 0], [0, 0, 0]]
        for k in self.waiting:
            place = seen.places.get(k.id)
            if place is None or k.order >= j.order:
                continue
            assert k.kept
            same = (k.account_id == j.account_id and k.group_id == j.group_id, k.group_id == j.group_id, True)
            for at, amount in enumerate((place.user, place.group, place.machine)):
                for i in range(3):
                    kept[at][i] += amount[i] * same[at]
        return [
            [i for i in range(3) if j.limits[i] and room.used[i] + kept[at][i] + j.limits[i] > room.limit[i]]
            for at, room in enumerate(mine)
        ]


SIZES = st.tuples(st.integers(1, 4), st.integers(0, 2))
ARRIVALS = st.lists(
    st.lists(st.tuples(SIZES, st.integers(0, 3), st.integers(1, LONGEST)), max_size=4), min_size=5, max_size=40
)


@settings(max_examples=150, deadline=None)
@example(  # who waits for a place kept for one's own older job waits for nothing of the machine yet
    turns=[
        [((1, 1), 0, 1), ((1, 1), 0, 2), ((3, 1), 3, 2), ((2, 1), 2, 1)],
        [],
        [((3, 0), 1, 3), ((3, 0), 2, 1)],
        [],
        [((1, 0), 0, 1)],
    ],
    user=(3, 1),
    group=(6, 1),
    machine=(8, 1),
)
@given(
    turns=ARRIVALS,
    user=st.tuples(st.integers(2, 5), st.integers(1, 3)),
    group=st.tuples(st.integers(3, 7), st.integers(1, 3)),
    machine=st.tuples(st.integers(4, 9), st.integers(1, 4)),
)
def test_random_queues_obey_every_rule_and_nothing_starves(turns, user, group, machine) -> None:
    world = World(cores(*user), cores(*group), cores(*machine))
    for arrivals in turns:
        for arrival in arrivals:
            world.arrive(*arrival)
        world.turn()
        for j in world.waiting:
            # each of those before it has three budgets to wait for, one after the other
            longest = PATIENCE + (world.ahead[j.id] + 1) * 3 * (LONGEST + 1)
            assert world.now - (j.queued_at - START).seconds <= longest, f"{j.id} starves"


@settings(max_examples=150, deadline=None)
@given(turns=ARRIVALS, quotas=st.lists(st.tuples(st.integers(1, 6), st.integers(0, 3)), min_size=1, max_size=10))
def test_quotas_that_change_are_never_exceeded_by_what_goes(turns, quotas) -> None:
    world = World(cores(9, 3), cores(9, 3), cores(9, 4))
    for at, arrivals in enumerate(turns):
        for arrival in arrivals:
            world.arrive(*arrival)
        quota = cores(*quotas[at % len(quotas)])
        world.group = quota if at % 2 else world.group
        world.user = world.user if at % 2 else quota
        bounds = (world.user, world.group, world.machine)
        # what does not fit into the whole any more is ended by the queue
        world.waiting = [
            j for j in world.waiting if all(w <= b for bound in bounds for w, b in zip(j.limits, bound, strict=True))
        ]
        world.turn()


def test_a_job_that_needs_cores_and_a_gpu_is_not_passed_by_turns_for_one_and_the_other() -> None:
    world = World(cores(2, 1), cores(4, 1), cores(100, 1))
    for turn in range(60):
        if turn % 2 == 0:
            world.arrive((1, 1), 1, 2)  # a colleague's: the GPU is never free for longer than a moment
        else:
            world.arrive((1, 0), 0, 2)  # its owner's: the cores are not free just then
        if turn == 0:
            world.arrive((2, 1), 0, 1)  # all that its owner may have
        world.turn()
    assert "j0001" not in {j.id for j in world.waiting}
