"""Recurring jobs fire at their instants, each accounted for exactly once, whatever is killed and whatever clocks do."""

from __future__ import annotations

import asyncio
import random
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from primehub_services.blobs import FolderLogStore
from primehub_services.controllers import SweepController
from primehub_services.controllers.runner import Runner
from primehub_services.controllers.schedules import LONGEST_WAIT, ScheduleController
from primehub_services.domain import cron
from primehub_services.domain.claims import MachineCapacity
from primehub_services.domain.schedules import Overlap
from primehub_services.operations import firings, schedules
from primehub_services.store import schedules as schedule_store
from primehub_services.store.database import Database
from primehub_services.store.orm import JobRow, ScheduleRow
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support import factories
from tests.support.clock import START, FixedClock
from tests.support.factories import Cast
from tests.support.identity import rows
from tests.support.killing import InlineDatabase, killed_at
from tests.support.recurring import (
    MACHINE,
    end_jobs,
    firing_rows,
    job_rows,
    launchables,
    recurring,
    schedule_row,
)

OURS = ("primehub_services/controllers", "primehub_services/operations", "primehub_services/store")


async def machine() -> MachineCapacity:
    return MACHINE


def controller(database: Database) -> ScheduleController:
    return ScheduleController(database, machine)


@pytest.fixture
def inline(database_url: str, clock: FixedClock) -> Iterator[InlineDatabase]:
    opened = InlineDatabase(database_url, clock=clock)
    yield opened
    opened.close()


@pytest.fixture
def people(inline: InlineDatabase) -> Cast:
    inline.write_now(launchables)
    return inline.write_now(factories.cast)


async def test_it_wakes_for_the_next_instant(inline: InlineDatabase, people: Cast, clock: FixedClock) -> None:
    fires = controller(inline)
    await fires.step(clock())
    assert fires.interval == LONGEST_WAIT
    recurring(inline, people.member)
    clock.now = START + timedelta(hours=1, seconds=-0.25)
    await fires.step(clock())
    assert job_rows(inline) == []
    assert fires.interval == pytest.approx(0.25)
    assert Runner(fires).wait_s() == pytest.approx(0.25)
    clock.advance(0.25)
    await fires.step(clock())
    [job] = job_rows(inline)
    [row] = firing_rows(inline)
    assert (row.instant, row.job_id, row.decided_at) == (START + timedelta(hours=1), job.id, clock.now)
    assert fires.interval == LONGEST_WAIT


async def test_one_that_cannot_be_fired_holds_up_no_other(
    inline: InlineDatabase, people: Cast, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, well = recurring(inline, people.member), recurring(inline, people.member)
    real = firings.submit_as_owner

    def submit(uow: UnitOfWork, row: ScheduleRow, *args: object, **kwargs: object) -> JobRow:
        if row.id == broken.id:
            msg = "a fault"
            raise RuntimeError(msg)
        return real(uow, row, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(firings, "submit_as_owner", submit)
    clock.advance(3600)
    with pytest.raises(RuntimeError):
        await controller(inline).step(clock())
    assert firing_rows(inline, broken.id) == []
    assert [row.outcome for row in firing_rows(inline, well.id)] == ["JOB"]
    monkeypatch.undo()
    await controller(inline).step(clock())
    assert [row.outcome for row in firing_rows(inline, broken.id)] == ["JOB"]


async def test_a_busy_platform_misses_nothing_and_one_that_slept_does(
    inline: InlineDatabase, people: Cast, clock: FixedClock
) -> None:
    made = recurring(inline, people.member, "* * * * *", overlap="queue")
    fires = controller(inline)
    for _ in range(3):  # each step a little late, the last one far behind the first instant
        clock.advance(55)
        await fires.step(clock())
    assert [(row.outcome, row.count) for row in firing_rows(inline, made.id)] == [("JOB", 1)] * 2
    clock.advance(600)
    await fires.step(clock())
    assert [(row.outcome, row.count) for row in firing_rows(inline, made.id)][2:] == [("COALESCED", 9), ("JOB", 1)]


async def test_two_processes_at_once_fire_it_once(database: Database, clock: FixedClock) -> None:
    database.write_now(launchables)
    cast = database.write_now(factories.cast)
    made = recurring(database, cast.member)
    clock.advance(3600)
    other = Database(database.url.render_as_string(hide_password=False), clock=clock)
    try:
        await asyncio.gather(*(controller(d).step(clock()) for d in (database, other)))
    finally:
        other.close()
    assert len(firing_rows(database, made.id)) == len(job_rows(database)) == 1


async def test_what_another_process_holds_is_left_to_it(database: Database, clock: FixedClock) -> None:
    if database.is_sqlite:
        return  # one writer at a time
    database.write_now(launchables)
    cast = database.write_now(factories.cast)
    made = recurring(database, cast.member)
    clock.advance(3600)
    other = Database(database.url.render_as_string(hide_password=False), clock=clock)
    try:
        with other._begin(write=True) as uow:
            assert schedule_store.locked(uow, made.id) is not None
            await controller(database).step(clock())
            assert firing_rows(database) == []
    finally:
        other.close()
    await controller(database).step(clock())
    assert len(firing_rows(database)) == 1


async def test_new_rules_of_a_time_zone_count_from_the_next_start(
    inline: InlineDatabase, people: Cast, clock: FixedClock
) -> None:
    made = recurring(inline, people.member)
    right = schedule_row(inline, made.id).next_at

    def spoil(uow: UnitOfWork) -> None:
        uow.session.execute(sa.update(ScheduleRow).values(next_at=uow.now + timedelta(days=400)))

    inline.write_now(spoil)
    await controller(inline).step(clock())
    assert schedule_row(inline, made.id).next_at == right


CRONS = ("* * * * *", "*/2 * * * *", "*/7 * * * *", "0-40 * * * *", "30 * * * *", "15 2,3 * * *")
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe")


def due_instants(row: ScheduleRow, since: datetime) -> list[datetime]:
    """Every due instant up to what is accounted for, found without the code under test's counting."""
    read, found = cron.stored(row.cron, row.timezone), []
    at = read.after(since)
    while at is not None and at <= row.accounted_until:
        found.append(at)
        at = read.after(at)
    return found


def check_accounts(database: Database, since: datetime, seen_until: datetime) -> tuple[int, Counter[str]]:
    """Each due instant is in exactly one row, and each row that ran has exactly one job. How many instants."""
    instants, outcomes = 0, Counter[str]()
    jobs = {job.id: job for job in job_rows(database)}
    accounted_jobs: list[str] = []
    for schedule in rows(database, sa.select(ScheduleRow)):
        due = due_instants(schedule, since)
        read = cron.stored(schedule.cron, schedule.timezone)
        assert (read.after(schedule.accounted_until) or seen_until) > seen_until - timedelta(microseconds=1)
        covered: list[datetime] = []
        for row in firing_rows(database, schedule.id):
            last = row.until or row.instant
            within = due[bisect_left(due, row.instant) : bisect_right(due, last)]
            assert (within[0], within[-1], len(within)) == (row.instant, last, row.count)
            covered += within
            outcomes[row.outcome] += row.count
            if row.job_id is not None:
                assert jobs[row.job_id].schedule_id == schedule.id
                accounted_jobs.append(row.job_id)
        assert covered == due
        instants += len(due)
    assert sorted(accounted_jobs) == sorted(jobs)
    return instants, outcomes


class World:
    """Simulated time: it goes on, jumps ahead and is set back, while jobs end and the controller is killed."""

    def __init__(self, database: InlineDatabase, clock: FixedClock, seed: int) -> None:
        self.database = database
        self.clock = clock
        self.random = random.Random(seed)
        self.fires = controller(database)
        self.latest = clock.now
        self.kills = 0

    async def go_on(self) -> None:
        """One turn."""
        chance = self.random.random()
        if chance < 0.03:
            self.clock.advance(self.random.uniform(100, 4 * 3600))  # away, or a clock that is set forward
        elif chance < 0.06:
            self.clock.advance(-self.random.uniform(1, 90 * 60))
        else:
            self.clock.now = max(self.clock.now, self.latest)
            self.clock.advance(self.random.choice([1, 30, 59.9, 60, 60, 60, 61]))
        self.latest = max(self.latest, self.clock.now)
        if self.random.random() < 0.3:
            end_jobs(self.database, self.random.choice(["SUCCEEDED", "FAILED", "CANCELLED"]))
        while self.random.random() < 0.2:
            line = int(self.random.expovariate(1 / 800))
            if not await killed_at(line, lambda: self.fires.step(self.clock()), within=OURS):
                break
            self.kills += 1
            self.fires = controller(self.database)
        await self.fires.step(self.clock())


async def simulate(database: InlineDatabase, people: Cast, clock: FixedClock, *, instants: int, seed: int) -> None:
    clock.now = datetime.fromisoformat("2026-03-28T20:00+00:00")  # the clocks of Berlin change in the night
    since = clock.now
    chooser = random.Random(seed)
    for n in range(12):
        recurring(
            database,
            people.member if n % 2 else people.group_admin,
            CRONS[n % len(CRONS)],
            timezone=chooser.choice(ZONES),
            overlap=chooser.choice(list(Overlap)),
            catch_up=chooser.random() < 0.5,
        )
    world = World(database, clock, seed)
    found, turns = 0, 0
    outcomes: Counter[str] = Counter()
    while found < instants:
        for _ in range(50):
            await world.go_on()
        turns += 50
        clock.now = max(clock.now, world.latest)
        await world.fires.step(clock())
        found, outcomes = check_accounts(database, since, clock.now)
    assert world.kills > turns / 10
    assert set(outcomes) == {"JOB", "SKIPPED", "REPLACED", "COALESCED"}


async def test_every_instant_is_accounted_for_once_under_kills_and_clock_steps(
    inline: InlineDatabase, people: Cast, clock: FixedClock
) -> None:
    """10,000 of them on SQLite; on PostgreSQL, where each statement is a way to go, the first thousand."""
    await simulate(inline, people, clock, instants=10_000 if inline.is_sqlite else 1000, seed=7)


async def test_old_firings_are_forgotten_but_the_newest(
    inline: InlineDatabase, people: Cast, clock: FixedClock, tmp_path: Path
) -> None:
    often, once = recurring(inline, people.member), recurring(inline, people.member, "31 9 * * *")
    for _ in range(3):
        clock.advance(3600)
        await controller(inline).step(clock())
        end_jobs(inline)
    gone = recurring(inline, people.member)
    inline.write_now(schedules.delete, people.member, gone.id)
    clock.advance(100 * 86_400)
    inline.write_now(schedules.delete, people.member, once.id)
    await SweepController(inline, FolderLogStore(tmp_path)).step(clock())
    assert len(firing_rows(inline, often.id)) == 1
    assert {row.id for row in rows(inline, sa.select(ScheduleRow))} == {often.id, once.id}
