"""Claims equal what really runs, whatever was killed in the middle of a start."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from primehub_services.blobs import FolderLogStore, notebook_key
from primehub_services.controllers import EngineUnavailable, HubUnavailable, NotebookController, WorkloadState
from primehub_services.controllers.notebooks import ASKING_GRACE
from primehub_services.domain.claims import MachineCapacity
from primehub_services.domain.handshake import ClaimRequest
from primehub_services.domain.notebooks import FINAL, NotebookPhase
from primehub_services.domain.problems import Refused
from primehub_services.operations import claims, notebooks
from primehub_services.store.database import Database
from primehub_services.store.orm import ClaimRow, NotebookRow
from tests.support.clock import FixedClock
from tests.support.factories import Cast

from .world import Start, make_start

RECOVERY = 10
"""Seconds within which claims must equal what runs."""


@pytest.fixture
def start(database: Database, cast: Cast, clock: FixedClock) -> Start:
    return make_start(database, cast, clock)


@pytest.fixture
def logs(tmp_path) -> FolderLogStore:
    return FolderLogStore(tmp_path / "blobs")


@pytest.fixture
def controller(start: Start, logs: FolderLogStore) -> NotebookController:
    return NotebookController(start.database, start.hub, start.engine, logs)


def held(start: Start) -> set[str]:
    return start.database.read_now(lambda uow: set(uow.session.scalars(sa.select(ClaimRow.id))))


async def run(start: Start, controller: NotebookController, seconds: float) -> None:
    passed = 0.0
    while passed <= seconds:
        await controller.step(start.clock.now)
        await controller.settled()
        if passed == 6:
            start.hub.poll()
        start.clock.advance(controller.interval)
        passed += controller.interval


def assert_equal(start: Start) -> None:
    """The claims are what runs, and the rows say so."""
    ready = {start.hub.starts[key] for key, server in start.hub.present.items() if server.ready}
    assert held(start) == start.engine.running() == ready
    rows = start.database.read_now(
        lambda uow: {i: NotebookPhase(p) for i, p in uow.session.execute(sa.select(NotebookRow.id, NotebookRow.phase))}
    )
    assert {start_id for start_id, phase in rows.items() if phase not in FINAL} == held(start)


@pytest.mark.parametrize("last", Start.STEPS)
@pytest.mark.parametrize("crashed", ["services", "hub", "both"])
async def test_after_a_crash_between_any_two_steps_claims_equal_what_runs(
    start: Start, logs: FolderLogStore, last: str, crashed: str
) -> None:
    start.clock.advance(-60)
    start.go(last=last)
    start.clock.advance(1)
    if crashed == "services" and last in ("commit", "ask_hub"):
        # the spawner finds no API to claim at, and the hub gives the start up
        start.hub.present.clear()
    if crashed in ("hub", "both"):
        start.hub.crash()
    controller = NotebookController(start.database, start.hub, start.engine, logs)
    if crashed == "services" and last in ("adopt", "launch"):
        # the hub goes on with the start while nobody looks
        if last == "adopt":
            start.launch()
        await run(start, controller, 2)
        start.become_ready()

    await run(start, controller, RECOVERY)

    assert_equal(start)
    survives = last == "become_ready" or (crashed == "services" and last in ("adopt", "launch"))
    assert (start.notebook().phase is NotebookPhase.RUNNING) == survives
    if last in ("ask_to_stop", "end_workload"):
        assert start.notebook().reason == "stopped by ann"


async def test_a_start_whose_handler_still_asks_a_busy_hub_is_left_alone(
    start: Start, controller: NotebookController
) -> None:
    await controller.step(start.clock.now)
    start.clock.advance(1)
    start.commit()

    await run(start, controller, ASKING_GRACE - 10)
    assert held(start) == {start.id}
    start.ask_hub()
    await run(start, controller, ASKING_GRACE)
    assert held(start) == {start.id}
    start.adopt()
    assert start.notebook().phase is NotebookPhase.STARTING


async def test_a_start_that_the_hub_never_gets_lapses(start: Start, controller: NotebookController) -> None:
    await controller.step(start.clock.now)
    start.clock.advance(1)
    start.commit()

    await run(start, controller, ASKING_GRACE + 4)

    assert held(start) == set()
    assert (start.notebook().phase, start.notebook().reason) == (NotebookPhase.FAILED, "the hub did not start it")


def give_up(start: Start) -> None:
    start.database.write_now(notebooks.abandon, start.id, "JupyterHub does not answer.")


@pytest.mark.parametrize("given_up", ["by its handler", "by the sweep", "by the sweep after a crash"])
@pytest.mark.parametrize("late", [0, 600])
async def test_a_start_that_was_given_up_never_runs_though_the_hub_comes_late(
    start: Start, controller: NotebookController, logs: FolderLogStore, given_up: str, late: float
) -> None:
    await controller.step(start.clock.now)
    start.clock.advance(1)
    start.commit()
    if given_up == "by its handler":
        give_up(start)
    elif given_up == "by the sweep":
        await run(start, controller, ASKING_GRACE + 4)
    else:  # killed before the handler could give it up
        start.clock.advance(1)
        controller = NotebookController(start.database, start.hub, start.engine, logs)
        await run(start, controller, RECOVERY)
    assert (held(start), start.notebook().phase) == (set(), NotebookPhase.FAILED)
    start.clock.advance(late)

    start.ask_hub()
    with pytest.raises(Refused, match="given up"):
        start.adopt()
    start.hub.present.clear()
    await run(start, controller, RECOVERY)

    assert_equal(start)
    assert start.notebook().phase is NotebookPhase.FAILED


@pytest.mark.parametrize("last", ["adopt", "launch", "become_ready"])
async def test_a_start_whose_answer_alone_was_lost_goes_on(start: Start, controller, last: str) -> None:
    start.go(last=last)

    give_up(start)
    for step in start.STEPS[start.STEPS.index(last) + 1 : start.STEPS.index("become_ready") + 1]:
        getattr(start, step)()
    await run(start, controller, RECOVERY)

    assert_equal(start)
    assert start.notebook().phase is NotebookPhase.RUNNING


async def test_a_ready_server_of_an_earlier_start_does_not_keep_a_lapsed_claim(start: Start, logs) -> None:
    start.commit()
    start.ask_hub()
    start.hub.ready("ann", "")
    start.clock.advance(60)

    await run(start, NotebookController(start.database, start.hub, None, logs), 0)

    assert held(start) == set()


async def test_while_the_hub_cannot_be_asked_nothing_is_released(start: Start, controller: NotebookController) -> None:
    start.go(last="become_ready")
    start.engine.end(start.id)
    start.hub.up = False
    start.clock.advance(600)

    with pytest.raises(HubUnavailable):
        await controller.step(start.clock.now)

    assert held(start) == {start.id}
    assert start.notebook().phase is NotebookPhase.RUNNING


async def test_a_notebook_whose_readiness_nobody_could_tell_runs(start: Start, controller) -> None:
    start.go(last="launch")
    start.hub.ready("ann", "")

    await run(start, controller, 6)

    assert start.notebook().phase is NotebookPhase.RUNNING
    assert start.notebook().url.endswith("lab")
    assert start.notebook().events[-1].progress == 100


async def test_a_workload_without_a_claim_is_stopped_and_put_away(start: Start, controller, logs) -> None:
    start.engine.workloads["stray"] = WorkloadState(True)

    await run(start, controller, 4)

    assert start.engine.workloads == {}
    assert not logs.exists(notebook_key("stray"))


async def test_a_workload_that_died_ends_its_notebook_with_what_the_engine_saw(start: Start, controller) -> None:
    start.go(last="become_ready")
    start.clock.advance(5)
    start.engine.end(start.id, exit_code=137, reason="OOMKilled")

    await run(start, controller, 0)

    assert held(start) == set()
    assert (start.notebook().phase, start.notebook().reason) == (NotebookPhase.FAILED, "OOMKilled")


async def test_a_notebook_on_a_node_that_went_away_ends_and_is_put_away_once_its_node_is_back(
    start: Start, controller: NotebookController, logs: FolderLogStore
) -> None:
    start.go(last="become_ready")
    start.clock.advance(5)
    start.engine.workloads[start.id] = WorkloadState(False, reason="Its node went away.", lost=True)

    await run(start, controller, 10)

    assert held(start) == set()
    assert (start.notebook().phase, start.notebook().reason) == (NotebookPhase.FAILED, "Its node went away.")
    assert start.id in start.engine.workloads, "nobody could read its log"
    start.engine.workloads[start.id] = WorkloadState(False, 143, "Stopped")
    await run(start, controller, 0)
    assert start.engine.workloads == {}
    assert logs.read(notebook_key(start.id), 0, 100).data == b"hello\n"


async def test_a_stop_is_asked_of_the_hub_and_the_log_is_kept(start: Start, controller, logs) -> None:
    start.go(last="ask_to_stop")

    await run(start, controller, 4)

    assert ("stop", "ann", "") in start.hub.calls
    assert_equal(start)
    assert (start.notebook().phase, start.notebook().reason) == (NotebookPhase.STOPPED, "stopped by ann")
    assert logs.read(notebook_key(start.id), 0, 100).data == b"hello\n"
    assert start.engine.workloads == {}


async def test_a_stop_that_the_hub_refuses_is_asked_again(start: Start, controller) -> None:
    start.go(last="ask_to_stop")
    start.hub.refuses["stop", "ann", ""] = RuntimeError("busy")
    await run(start, controller, 2)
    assert held(start) == {start.id}

    start.hub.refuses.clear()
    await run(start, controller, 2)

    assert_equal(start)
    assert start.notebook().phase is NotebookPhase.STOPPED


async def test_a_start_cancelled_before_the_hub_had_it_is_released_at_once(start: Start, controller) -> None:
    await controller.step(start.clock.now)
    start.clock.advance(1)
    start.commit()
    start.ask_to_stop()

    await run(start, controller, 0)

    assert held(start) == set()
    assert start.notebook().reason == "stopped by ann"


async def test_one_that_is_adopted_while_it_is_being_given_up_goes_on(start: Start, controller) -> None:
    start.commit()
    start.clock.advance(60)
    write = start.database.write

    async def racing(function, *args):
        start.ask_hub()
        start.adopt()
        return await write(function, *args)

    start.database.write = racing
    await controller.step(start.clock.now)

    assert held(start) == {start.id}
    assert start.notebook().phase is NotebookPhase.STARTING


async def test_a_superseded_start_s_workload_is_stopped_and_the_new_one_runs(start: Start, controller) -> None:
    start.go(last="become_ready")
    old = start.id
    start.hub.present.clear()
    start.hub.starts.clear()
    asked = ClaimRequest(user="ann")
    start.hub.spawn("ann", "")
    start.id = start.database.write_now(claims.claim, start.cast.spawner, asked, MachineCapacity()).start_id
    start.hub.starts["ann", ""] = start.id
    start.launch()
    start.become_ready()

    await run(start, controller, 4)

    assert old != start.id
    assert start.engine.running() == {start.id}
    assert_equal(start)


async def test_activity_puts_the_deadline_off_and_writes_only_what_is_new(start: Start, controller) -> None:
    start.go(last="become_ready")
    before = start.notebook()
    start.clock.advance(300)
    start.hub.ready("ann", "")

    await controller.step(start.clock.now)
    after = start.notebook()
    await controller.step(start.clock.now)

    assert before.idle_deadline is not None
    assert after.idle_deadline is not None
    assert (after.idle_deadline - before.idle_deadline).total_seconds() == 300
    assert start.notebook().version == after.version


async def test_without_an_engine_the_hub_alone_is_believed(start: Start, logs) -> None:
    start.go(last="become_ready")
    controller = NotebookController(start.database, start.hub, None, logs)
    start.clock.advance(60)
    await run(start, controller, 4)
    assert held(start) == {start.id}

    start.hub.present.clear()
    await run(start, controller, 0)

    assert held(start) == set()
    assert start.notebook().phase is NotebookPhase.FAILED


async def test_a_stop_is_heard_for_a_start_that_is_pending_at_the_hub(start: Start, controller) -> None:
    start.go(last="launch")
    start.database.write_now(notebooks.stop, start.cast.member, start.id)

    await run(start, controller, 4)

    assert_equal(start)
    assert start.notebook().phase is NotebookPhase.STOPPED


async def test_one_start_that_cannot_be_dealt_with_holds_up_no_other(start: Start, controller) -> None:
    start.go(last="become_ready")
    start.engine.workloads |= {"a-stray": WorkloadState(True), "stray": WorkloadState(True)}
    stop = start.engine.stop

    async def failing(start_id: str) -> None:
        if start_id == "a-stray":
            raise EngineUnavailable("its supervisor does not answer")
        await stop(start_id)

    start.engine.stop = failing

    with pytest.raises(EngineUnavailable):
        await controller.step(start.clock.now)

    assert start.engine.running() == {"a-stray", start.id}


async def test_between_two_looks_only_a_new_request_to_stop_asks_the_hub(start: Start, controller) -> None:
    start.go(last="become_ready")
    await controller.step(start.clock.now)
    asked = []
    servers = start.hub.servers
    start.hub.servers = lambda: asked.append("servers") or servers()

    await controller.step(start.clock.now)
    assert asked == []

    start.ask_to_stop()
    await controller.step(start.clock.now)
    await controller.step(start.clock.now)
    assert asked == ["servers"]


async def test_a_log_that_cannot_be_kept_stays_where_it_is(start: Start, controller, logs, monkeypatch) -> None:
    start.go(last="become_ready")
    start.clock.advance(10)
    start.engine.end(start.id)

    def full(key: str, pieces) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(logs, "put", full)
        await controller.step(start.clock.now)
        start.clock.advance(controller.interval)
        with pytest.raises(OSError, match="No space"):
            await controller.step(start.clock.now)
        assert start.id in start.engine.workloads
    await controller.step(start.clock.now)

    assert logs.read(notebook_key(start.id), 0, 100).data == b"hello\n"
    assert start.engine.workloads == {}


@pytest.mark.parametrize("last", ["commit", "adopt", "become_ready"])
async def test_a_clock_that_was_set_back_keeps_no_claim_of_what_is_gone(start: Start, controller, last: str) -> None:
    await controller.step(start.clock.now)
    start.clock.advance(1)
    start.go(last=last)
    await run(start, controller, RECOVERY)
    start.engine.end(start.id)
    start.hub.present.clear()
    start.clock.set_by(-3600)

    await run(start, controller, ASKING_GRACE + RECOVERY if last == "commit" else RECOVERY)

    assert held(start) == set()
    assert start.notebook().phase in FINAL


async def test_after_the_clock_was_set_back_a_busy_hub_has_as_long_as_ever(start: Start, controller) -> None:
    await controller.step(start.clock.now)
    start.clock.set_by(-3600)
    await controller.step(start.clock.now)
    start.clock.advance(1)
    start.commit()

    await run(start, controller, ASKING_GRACE - 10)

    assert held(start) == {start.id}
