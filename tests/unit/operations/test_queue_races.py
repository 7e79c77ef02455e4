"""Many at once, and many at random: quotas hold, and the store's decisions agree with what people are told of them."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa

from primehub_services.domain.claims import MachineCapacity
from primehub_services.domain.identity import Actor
from primehub_services.domain.launch import LaunchRequest
from primehub_services.domain.lifecycle import Ending
from primehub_services.domain.paging import PageQuery
from primehub_services.domain.problems import Refused
from primehub_services.domain.resources import Quota
from primehub_services.domain.units import GIB, Millicores
from primehub_services.operations import notebooks, queue, queue_places, starts
from primehub_services.store.database import Database
from primehub_services.store.orm import ClaimRow, GroupRow, JobRow, KeptPlaceRow, NotebookRow
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support import factories, waiting_jobs
from tests.support.clock import FixedClock
from tests.support.factories import Cast

USER, GROUP, MACHINE = 3000, 4000, 6000
CAPACITY = MachineCapacity(quota=Quota(cpu=Millicores(MACHINE)))


@pytest.fixture
def replica(database_url: str, clock: FixedClock) -> Iterator[Database]:
    """The same store, opened as another process would."""
    opened = Database(database_url, clock=clock)
    yield opened
    opened.close()


@pytest.fixture
def groups(database: Database, cast: Cast) -> tuple[GroupRow, GroupRow]:
    """The two groups, with quotas, and types of one and two cores."""

    def fill(uow: UnitOfWork) -> None:
        for cores in (1, 2):
            factories.instance_type(uow, f"cpu-{cores}", cpu_limit=1000 * cores, memory_limit=GIB)
        factories.image(uow)
        uow.session.execute(sa.update(GroupRow).values(user_cpu=USER, group_cpu=GROUP))

    database.write_now(fill)
    return cast.group, cast.other_group


def people(cast: Cast) -> tuple[tuple[Actor, int], ...]:
    """Who may start something, and in which of the groups."""
    return (cast.member, 0), (cast.group_admin, 0), (cast.outsider, 1)


def excess(uow: UnitOfWork) -> list[str]:
    """The budgets of which more is in use than there is."""
    in_use = sa.func.sum(ClaimRow.cpu_limit)
    by_group = uow.session.execute(sa.select(ClaimRow.group_id, in_use).group_by(ClaimRow.group_id))
    both = (ClaimRow.group_id, ClaimRow.account_id)
    by_person = uow.session.execute(sa.select(*both, in_use).group_by(*both))
    found = [f"group {group}: {used}" for group, used in by_group if used > GROUP]
    found += [f"person {person}: {used}" for _, person, used in by_person if used > USER]
    everything = uow.session.scalar(sa.select(in_use)) or 0
    return found + ([f"machine: {everything}"] if everything > MACHINE else [])


def give_back_one(uow: UnitOfWork, chosen: random.Random) -> None:
    """Something that runs has ended."""
    rows = list(uow.session.scalars(sa.select(ClaimRow).order_by(ClaimRow.id)))
    if rows:
        row = chosen.choice(rows)
        end(uow, row.kind, row.id, row.server_name)


def end(uow: UnitOfWork, kind: str, claim_id: str, name: str) -> None:
    """End what holds a claim, unless it has ended."""
    if kind == "notebook":
        starts.end(uow, uow.session.get_one(NotebookRow, claim_id), Ending())
    elif uow.session.get(ClaimRow, claim_id) is not None:
        waiting_jobs.end_running(uow, name)


def test_jobs_and_notebooks_at_once_never_exceed_a_quota(
    database: Database, replica: Database, cast: Cast, groups: tuple[GroupRow, GroupRow]
) -> None:
    everybody = people(cast)
    for number in range(40):
        who, where = everybody[number % 3]
        kind = f"cpu-{1 + number % 2}"
        database.write_now(waiting_jobs.queue_job, f"job-{number:02}", who, groups[where], instance_type=kind)
    wrong: list[str] = []
    barrier = threading.Barrier(5)

    def repeatedly(store: Database, act: Callable[[Database, random.Random], Any], seed: int) -> threading.Thread:
        def run() -> None:
            chosen = random.Random(seed)
            barrier.wait(20)
            try:
                for _ in range(25):
                    act(store, chosen)
                    wrong.extend(store.read_now(excess))
            except Exception as error:
                wrong.append(repr(error))

        return threading.Thread(target=run)

    def admit(store: Database, chosen: random.Random) -> None:
        store.write_now(queue.admit, CAPACITY, chosen.choice(groups).id)

    def start(store: Database, chosen: random.Random) -> None:
        who, where = chosen.choice(everybody)
        request = LaunchRequest(group=groups[where].slug, instance_type="cpu-1", image="base")
        with contextlib.suppress(Refused):
            store.write_now(notebooks.start, who, request, CAPACITY)

    def give_back(store: Database, chosen: random.Random) -> None:
        store.write_now(give_back_one, chosen)

    acts = ((database, admit), (replica, admit), (database, start), (replica, start), (replica, give_back))
    threads = [repeatedly(store, act, seed) for seed, (store, act) in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)

    assert wrong == []
    claimed = sa.select(ClaimRow.server_name).where(ClaimRow.kind == "job")
    running = database.read_now(lambda uow: set(uow.session.scalars(claimed)))
    assert running == database.read_now(waiting_jobs.active)


def settle(database: Database, groups: tuple[GroupRow, GroupRow]) -> None:
    """Decide until nothing more goes: what one group keeps no more, the other takes in the next round."""

    def places(uow: UnitOfWork) -> list[Any]:
        table = KeptPlaceRow.__table__
        return [tuple(row) for row in uow.session.execute(sa.select(table).order_by(table.c.job_id))]

    before, kept = None, database.read_now(places)
    started = True
    while started or kept != before:
        started = any([database.write_now(queue.admit, CAPACITY, group.id).started for group in groups])
        before, kept = kept, database.read_now(places)


@dataclass
class World:
    """A platform that lives for a while at random."""

    database: Database
    cast: Cast
    groups: tuple[GroupRow, GroupRow]
    clock: FixedClock
    chosen: random.Random
    queued: dict[str, int] = field(default_factory=dict)
    """By job: the turn in which it came."""

    def turn(self, number: int) -> None:
        """Something happens, then the queue is decided about until nothing more goes; then all rules are looked at."""
        self.clock.advance(60)
        everybody = people(self.cast)
        for _ in range(self.chosen.randint(0, 3)):
            who, where = self.chosen.choice(everybody)
            job_id = f"job-{len(self.queued):04}"
            kind = self.chosen.choice(("cpu-1", "cpu-2"))
            self.database.write_now(waiting_jobs.queue_job, job_id, who, self.groups[where], instance_type=kind)
            self.queued[job_id] = number
        if self.chosen.random() < 0.5:
            who, where = self.chosen.choice(everybody)
            request = LaunchRequest(group=self.groups[where].slug, instance_type="cpu-1", image="base")
            with contextlib.suppress(Refused):
                self.database.write_now(notebooks.start, who, request, CAPACITY)
        for _ in range(self.chosen.randint(1, 2)):
            self.database.write_now(give_back_one, self.chosen)
        settle(self.database, self.groups)
        assert self.database.read_now(excess) == []
        self.check()

    def check(self) -> None:
        """Who waits is told why: nobody who could go stays."""
        for group in self.groups:
            page = self.database.read_now(
                queue_places.of_group, self.cast.platform_admin, group.slug, PageQuery(page_size=200), CAPACITY
            )
            for entry in page.items:
                assert not entry.place.decision.would_start, f"{entry.job} could go"
                assert entry.place.decision.reasons


@pytest.mark.parametrize("seed", [1, 2])
def test_who_waits_is_told_why_and_nothing_starves(
    database: Database, cast: Cast, groups: tuple[GroupRow, GroupRow], clock: FixedClock, seed: int
) -> None:
    world = World(database, cast, groups, clock, random.Random(seed))
    for number in range(30):
        world.turn(number)
    # no more comes: what is there gets its turn
    for _ in range(len(world.queued)):
        database.write_now(give_back_one, world.chosen)
        settle(database, groups)
    waiting = sa.select(JobRow.id).where(JobRow.phase == "PENDING")
    assert database.read_now(lambda uow: list(uow.session.scalars(waiting))) == []
