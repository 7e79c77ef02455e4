"""The services are killed between any two writes of a job's life, and a new process goes on."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from primehub_services.controllers.job_ports import EndedAttempt, Kept
from primehub_services.domain.jobs import FINAL, Job, JobPhase
from primehub_services.domain.workloads import EngineRef, ObservedState, Workload
from primehub_services.engines.fake import FakeEngine
from primehub_services.operations import queue
from primehub_services.store.database import Database
from primehub_services.store.orm import AuditRow
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support import factories
from tests.support.clock import FixedClock
from tests.support.jobs import CAPACITY, Keeper, World, make_world

ROUNDS = 40


class Killed(BaseException):
    """``kill -9``: nothing of the process does anything after it."""


@dataclass
class Fate:
    """When the process is killed: at the n-th of the moments between which anything is written or done; 0 is never."""

    at: int = 0
    moments: int = 0

    @property
    def dead(self) -> bool:
        """Whether it was killed."""
        return bool(self.at) and self.moments >= self.at

    def moment(self) -> None:
        """One of them."""
        if self.dead:
            raise Killed
        self.moments += 1
        if self.dead:
            raise Killed


class MortalDatabase(Database):
    """A process's way to the store: a write is committed or not, and then the process lives or not."""

    def __init__(self, real: Database, fate: Fate) -> None:
        self.__dict__.update(real.__dict__)
        self._fate = fate

    async def write(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        self._fate.moment()
        result = await super().write(function, *args, **kwargs)
        self._fate.moment()
        return result


class Engine(FakeEngine):
    """Counts how often each command began; whoever asks may die before and after.

    ``named_first``: says where a workload will be before it is there, as a machine does; a cluster says it afterwards.
    """

    def __init__(self, clock: FixedClock, *, named_first: bool = True) -> None:
        super().__init__(clock)
        self.named_first = named_first
        self.began: Counter[str] = Counter()
        self.fate = Fate()

    async def apply(self, workload: Workload) -> AsyncIterator[EngineRef]:
        self.fate.moment()
        if self.named_first:
            yield self.ref(workload.key)
            self.fate.moment()
        if workload.key not in self.workloads:
            self.began[workload.key] += 1
        async for _ in super().apply(workload):
            pass
        self.fate.moment()
        yield self.ref(workload.key)

    async def delete(self, ref: EngineRef, grace: float) -> None:
        self.fate.moment()
        await super().delete(ref, grace)
        self.fate.moment()


class MortalKeeper(Keeper):
    """Keeps, and the process may die before and after."""

    fate: Fate

    async def keep(self, attempt: EndedAttempt) -> Kept:
        self.fate.moment()
        kept = await super().keep(attempt)
        self.fate.moment()
        return kept


Event = Callable[[World, str], None]
"""What happens to an attempt that runs, by its key."""


def succeeds(world: World, key: str) -> None:
    world.fake.finish(key)


def fails(world: World, key: str) -> None:
    world.fake.finish(key, 3)


def is_lost(world: World, key: str) -> None:
    world.fake.vanish(key)


def is_cancelled(world: World, key: str) -> None:
    world.cancel(key.rpartition("-")[0])


def goes_on(world: World, key: str) -> None:
    world.clock.advance(120)


RETRIED = "fails and is tried again"
EARLY = "is cancelled as soon as it runs, whatever is written of that"
LIVES: dict[str, tuple[dict[str, Any], list[Event], JobPhase]] = {
    "succeeds": ({}, [succeeds], JobPhase.SUCCEEDED),
    RETRIED: ({"retries": 1}, [fails, succeeds], JobPhase.SUCCEEDED),
    "is lost": ({}, [is_lost, succeeds], JobPhase.SUCCEEDED),
    "is cancelled": ({}, [is_cancelled], JobPhase.CANCELLED),
    "takes too long": ({"timeout": 60}, [goes_on], JobPhase.FAILED),
    EARLY: ({}, [is_cancelled], JobPhase.CANCELLED),
}


@contextmanager
def process(world: World, database: Database, fate: Fate) -> Any:
    """A process of the services, until it is killed."""
    world.database = MortalDatabase(database, fate)
    world.engine.fate = fate
    assert isinstance(world.keeper, MortalKeeper)
    world.keeper.fate = fate
    world.restarted()
    try:
        yield
    except Killed:
        pass
    finally:
        world.database = database
        world.engine.fate = Fate()
        world.keeper.fate = Fate()


async def live(world: World, database: Database, life: str, kill_at: int) -> tuple[Job, int]:
    """A whole life with one kill; the job as it ended, and how many moments there were."""
    changes, events, _ = LIVES[life]
    job = world.submit(**changes)
    told = list(events)
    fate = Fate(kill_at)
    for _ in range(ROUNDS):
        with process(world, database, fate):
            await world.database.write(queue.admit, CAPACITY, world.cast.group.id)
            await world.controller.step(world.clock())
            await world.controller.settled()
        if fate.dead:
            fate = Fate()
        world.clock.advance(7)
        now = world.job(job.id)
        if now.phase in FINAL and not world.fake.workloads:
            return now, fate.moments
        for key in list(world.fake.workloads):
            (state,) = (await world.fake.observe([world.fake.ref(key)])).values()
            written = now.attempts and now.attempts[-1].id == key and now.phase is JobPhase.RUNNING
            if state.state is ObservedState.RUNNING:
                assert key in world.claims(), f"{life}, killed at {kill_at}: it runs, and its quota is free"
                if told and (written or life == EARLY):
                    told.pop(0)(world, key)
    raise AssertionError(f"{life}, killed at {kill_at}: {world.job(job.id)} {world.fake.workloads}")


def mortal_world(database: Database, clock: FixedClock, folder: Path, *, named_first: bool = True) -> World:
    """A world whose processes can be killed."""
    engine = Engine(clock, named_first=named_first)
    made = make_world(database, clock, database.write_now(factories.cast), folder, engine)
    made.keeper = MortalKeeper()
    made.keeper.fate = Fate()
    return made


@pytest.fixture
def in_a_hurry(migrated_sqlite: Path, tmp_path: Path, clock: FixedClock) -> Iterator[Database]:
    """A store for thousands of commits; no power cut is among what is tested."""
    shutil.copy(migrated_sqlite, tmp_path / "primehub.sqlite")
    database = Database(f"sqlite:///{tmp_path / 'primehub.sqlite'}", clock=clock)

    @sa.event.listens_for(database.engine, "connect")
    def _without_sync(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA synchronous=OFF")

    yield database
    database.close()


@pytest.mark.parametrize("named_first", [True, False])
@pytest.mark.parametrize("life", sorted(set(LIVES) - {RETRIED}))
async def test_a_kill_between_any_two_writes_changes_nothing_of_how_a_job_ends(
    in_a_hurry: Database, clock: FixedClock, tmp_path: Path, life: str, named_first: bool
) -> None:
    await outlive(mortal_world(in_a_hurry, clock, tmp_path, named_first=named_first), in_a_hurry, life)


async def test_that_is_so_on_every_database(database: Database, clock: FixedClock, tmp_path: Path) -> None:
    await outlive(mortal_world(database, clock, tmp_path), database, RETRIED)


async def outlive(world: World, database: Database, life: str) -> None:
    """Live it whole, and then once for each moment with a kill there."""
    whole, moments = await live(world, database, life, 0)
    assert whole.phase is LIVES[life][2]
    assert moments > 10
    for kill_at in range(1, moments + 1):
        job, _ = await live(world, database, life, kill_at)
        where = f"killed at {kill_at} of {moments}"
        assert job.phase is whole.phase, where
        assert [a.phase for a in job.attempts if a.ended_at is None] == [], where
        assert max(world.engine.began.values()) == 1, where
        assert set(world.engine.began) <= set(world.keeper.kept), where
        assert len(job.attempts) - len(whole.attempts) in (0, 1), where
        assert world.claims() == [], where
        assert database.read_now(ends_of, job.id) == 1, where


def ends_of(uow: UnitOfWork, job_id: str) -> int:
    """How often the job was put into a final phase."""
    wanted = (AuditRow.action == "job.end", AuditRow.target == job_id)
    return uow.session.scalar(sa.select(sa.func.count()).select_from(AuditRow).where(*wanted)) or 0
