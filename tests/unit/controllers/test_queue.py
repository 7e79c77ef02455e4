"""Which groups are decided about, and when: by what changed, by what came of age, and by what the machine has again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import pytest
import sqlalchemy as sa

from primehub_services.controllers import QueueController
from primehub_services.controllers.queue import LOOK_EVERY
from primehub_services.domain.claims import MachineCapacity
from primehub_services.domain.launch import LaunchRequest
from primehub_services.domain.lifecycle import Ending
from primehub_services.domain.resources import Quota
from primehub_services.domain.system import SystemSettingsUpdate
from primehub_services.domain.units import Millicores
from primehub_services.operations import notebooks, queue, starts, system
from primehub_services.store.database import Database
from primehub_services.store.orm import GroupRow, JobRow, NotebookRow
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support import factories, waiting_jobs
from tests.support.clock import FixedClock
from tests.support.factories import Cast

NO_BOUND = MachineCapacity()
TWO_CORES = MachineCapacity(quota=Quota(cpu=Millicores(2000)))


@dataclass
class World:
    """The controller, over a store with two groups of two cores each."""

    database: Database
    cast: Cast
    clock: FixedClock
    capacity: MachineCapacity = NO_BOUND
    decided: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.controller = self.restarted()

    def restarted(self) -> QueueController:
        async def capacity() -> MachineCapacity:
            return self.capacity

        return QueueController(self.database, capacity)

    async def step(self, seconds: float = 1) -> set[str]:
        """One step, so much later; the jobs that run then."""
        self.clock.advance(seconds)
        self.decided.clear()
        await self.controller.step(self.clock.now)
        return self.database.read_now(waiting_jobs.active)

    def queue(self, job_id: str, kind: str = "cpu-1", *, theirs: bool = False, **more) -> None:
        who = self.cast.outsider if theirs else self.cast.member
        group = self.cast.other_group if theirs else self.cast.group
        self.database.write_now(waiting_jobs.queue_job, job_id, who, group, instance_type=kind, **more)

    def end(self, job_id: str) -> None:
        self.database.write_now(waiting_jobs.end_running, job_id)

    def notebook(self) -> str:
        request = LaunchRequest(group="research", instance_type="cpu-2", image="base")
        return self.database.write_now(notebooks.start, self.cast.member, request, self.capacity).id

    def end_notebook(self, start_id: str) -> None:
        def end(uow: UnitOfWork) -> None:
            starts.end(uow, uow.session.get_one(NotebookRow, start_id), Ending())

        self.database.write_now(end)


@pytest.fixture
def world(database: Database, cast: Cast, clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> World:
    def fill(uow: UnitOfWork) -> None:
        for cores in (1, 2):
            factories.instance_type(uow, f"cpu-{cores}", cpu_limit=1000 * cores)
        factories.image(uow)
        uow.session.execute(sa.update(GroupRow).values(group_cpu=2000))

    database.write_now(fill)
    made = World(database, cast, clock)
    admit = queue.admit

    def recorded(uow: UnitOfWork, capacity: MachineCapacity, group_id: str) -> queue.Admission:
        made.decided.append(group_id)
        return admit(uow, capacity, group_id)

    monkeypatch.setattr(queue, "admit", recorded)
    return made


async def test_a_job_goes_with_the_next_step_and_then_there_is_nothing_to_decide(world: World) -> None:
    world.queue("a")
    assert await world.step() == {"a"}
    await world.step()
    await world.step()
    assert world.decided == []


async def test_what_waited_before_the_platform_came_up_is_seen(world: World) -> None:
    world.queue("a")
    world.controller = world.restarted()
    assert await world.step() == {"a"}


async def test_an_end_lets_the_next_one_go_and_bothers_no_other_group(world: World) -> None:
    for name in ("a", "b", "c"):
        world.queue(name, "cpu-2")
    world.queue("theirs", theirs=True)
    assert await world.step() == {"a", "theirs"}

    world.end("a")
    assert await world.step() == {"b", "theirs"}
    assert set(world.decided) == {world.cast.group.id}


async def test_a_notebook_that_ends_lets_a_job_go_and_one_that_starts_is_no_reason_to_look(world: World) -> None:
    await world.step()
    start_id = world.notebook()
    await world.step()
    assert world.decided == []
    world.queue("a")
    assert await world.step() == set()
    world.end_notebook(start_id)
    assert await world.step() == {"a"}


async def test_progress_of_what_runs_is_no_reason_to_decide(world: World) -> None:
    world.queue("a")
    await world.step()
    await world.step()

    def progress(uow: UnitOfWork) -> None:
        row = uow.session.get_one(JobRow, "a")
        uow.changed("job", row.id, "update", group_id=row.group_id)

    world.database.write_now(progress)
    await world.step()
    assert world.decided == []


async def test_a_place_is_kept_when_its_time_comes_though_nothing_changes(world: World) -> None:
    world.queue("a", "cpu-1")
    world.queue("big", "cpu-2")
    await world.step()
    await world.step(598)
    assert world.database.read_now(waiting_jobs.kept) == set()
    await world.step(3)
    assert world.database.read_now(waiting_jobs.kept) == {"big"}


async def test_a_back_off_that_ends_is_noticed(world: World) -> None:
    world.queue("a", not_before=world.clock.now + timedelta(seconds=8))
    assert await world.step(2) == set()
    assert await world.step(2) == set()
    assert await world.step(5) == {"a"}


async def test_settings_are_a_reason_to_look_everywhere(world: World) -> None:
    world.queue("a", "cpu-1")
    world.queue("big", "cpu-2")
    await world.step()
    await world.step(5)
    change = SystemSettingsUpdate(version=0, queue_keep_after=3)
    world.database.write_now(system.update, world.cast.platform_admin, change)
    await world.step()
    assert world.database.read_now(waiting_jobs.kept) == {"big"}


async def test_what_the_machine_has_again_goes_to_another_group(world: World) -> None:
    world.capacity = TWO_CORES
    world.queue("a", "cpu-2")
    await world.step()
    world.queue("theirs", "cpu-2", theirs=True)
    assert await world.step() == {"a"}
    world.end("a")
    assert await world.step() == {"theirs"}


async def test_groups_that_the_machine_has_no_room_for_are_not_tried_again_and_again(world: World) -> None:
    world.capacity = TWO_CORES
    world.queue("a", "cpu-1")
    world.queue("b", "cpu-1")
    await world.step()
    world.queue("theirs", "cpu-2", theirs=True)
    await world.step()
    world.end("b")  # one core: too little
    assert await world.step() == {"a"}
    assert world.cast.other_group.id not in world.decided


async def test_what_nobody_told_of_is_found_by_looking_everywhere_now_and_then(world: World) -> None:
    world.queue("a", "cpu-2")
    await world.step()
    world.queue("b", "cpu-2")
    await world.step()

    def quietly(uow: UnitOfWork) -> None:
        uow.session.execute(sa.update(GroupRow).values(group_cpu=4000))

    world.database.write_now(quietly)
    assert await world.step() == {"a"}
    assert await world.step(LOOK_EVERY.total_seconds()) == {"a", "b"}


async def test_a_group_that_cannot_be_decided_about_holds_up_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    admit = queue.admit

    def broken(uow: UnitOfWork, capacity: MachineCapacity, group_id: str) -> queue.Admission:
        if group_id == world.cast.group.id:
            raise RuntimeError("broken")
        return admit(uow, capacity, group_id)

    monkeypatch.setattr(queue, "admit", broken)
    world.queue("a")
    world.queue("theirs", theirs=True)
    with pytest.raises(RuntimeError, match="broken"):
        await world.step()
    assert world.database.read_now(waiting_jobs.active) == {"theirs"}


async def test_many_jobs_go_within_one_step(world: World) -> None:
    world.database.write_now(lambda uow: uow.session.execute(sa.update(GroupRow).values(group_cpu=None)))
    for number in range(20):
        world.queue(f"job-{number:02}")
    assert len(await world.step()) == 20


async def test_a_clock_that_was_set_back_puts_off_no_look_everywhere(world: World) -> None:
    world.queue("a", "cpu-2")
    await world.step()
    world.queue("b", "cpu-2")
    await world.step()
    world.database.write_now(lambda uow: uow.session.execute(sa.update(GroupRow).values(group_cpu=4000)))
    world.clock.set_by(-3600)
    assert await world.step() == {"a", "b"}


async def test_a_back_off_that_ends_after_the_clock_was_set_back_is_noticed(world: World) -> None:
    await world.step()
    world.clock.set_by(-3600)
    await world.step()
    world.queue("a", not_before=world.clock.now + timedelta(seconds=8))
    assert await world.step(2) == set()
    assert await world.step(7) == {"a"}
