"""Servers that start or end slowly keep nobody from looking at theirs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import traitlets

from primehub_services.domain.launch import LaunchPlan
from primehub_services.sandbox.spec import Rendered, SandboxSpec, WorkloadState, WorkloadStatus
from primehub_spawner.local import PrimeHubLocalSpawner
from tests.support.waiting import wait_for_async

MANY = 40


class Hanging:
    """Workloads whose starts and stops do not return before they are let go."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.hanging = 0
        self.stopped = 0

    def render(self, plan: LaunchPlan, **_: Any) -> Rendered:
        return Rendered(spec=SandboxSpec(key=plan.start_id, argv=("server",), env={}, uid=1000, gid=1000))

    def start(self, spec: SandboxSpec) -> None:
        self.hanging += 1
        self.let_go.wait(60)

    def stop(self, key: str, grace_s: float) -> None:
        self.stopped += 1
        self.let_go.wait(60)

    def status(self, key: str) -> WorkloadStatus:
        return WorkloadStatus(key=key, state=WorkloadState.RUNNING)


class Spawner(PrimeHubLocalSpawner):
    """The real one without a hub around it."""

    workloads = traitlets.Any()
    hub = SimpleNamespace(api_url="http://127.0.0.1:8081/hub/api")
    user = SimpleNamespace(admin=False, name="ann")

    def get_env(self) -> dict[str, str]:
        return {}

    def get_args(self) -> list[str]:
        return []

    async def _until_it_answers(self, start_id: str) -> None:
        return None


@pytest.fixture
def workloads() -> Iterator[Hanging]:
    made = Hanging()
    yield made
    made.let_go.set()


def spawner(workloads: Hanging, number: int) -> Spawner:
    made = Spawner(workloads=workloads, api_url="http://127.0.0.1:8002")
    made.start_id = f"start{number}"
    return made


def plan(number: int) -> LaunchPlan:
    return LaunchPlan.model_construct(start_id=f"start{number}", image_location="/opt/base", left_out=())


async def test_starts_that_hang_keep_no_server_from_being_looked_at_or_stopped(workloads: Hanging) -> None:
    starting = [asyncio.ensure_future(spawner(workloads, n)._run(plan(n))) for n in range(MANY)]
    await wait_for_async(lambda: workloads.hanging >= 2, what="starts hang")
    other = spawner(workloads, MANY)

    assert await asyncio.wait_for(other.poll(), 5) is None
    ending = asyncio.ensure_future(other.halt(now=True))
    await wait_for_async(lambda: workloads.stopped == 1, what="the stop is asked for")
    assert workloads.hanging < MANY, "only so many start at a time"
    assert await asyncio.wait_for(other.poll(), 5) is None
    # nor is anything else of the hub's held up
    assert await asyncio.wait_for(asyncio.to_thread(lambda: "free"), 5) == "free"

    ending.cancel()
    workloads.let_go.set()
    await asyncio.gather(*starting)
    assert workloads.hanging == MANY
