"""What the engine makes of a cluster that refuses, and of what fails while it watches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from primehub_services.domain.claim_making import ClaimStorage
from primehub_services.domain.images import ContainerSource
from primehub_services.domain.workloads import EngineRef, Workload
from primehub_services.engines.base import EngineError, EngineUnavailable
from primehub_services.engines.kubernetes import KubernetesEngine, PodSettings, watching
from primehub_services.engines.kubernetes import engine as engines
from primehub_services.engines.kubernetes.cluster import ClusterRefusal
from primehub_services.engines.kubernetes.watching import Watched
from tests.support.sandbox import make_plan
from tests.support.waiting import wait_for_async

SETTINGS = PodSettings(instance="test", api_url="http://api", sidecar_image="s")


class Refusing:
    """A cluster that refuses what is applied."""

    def __init__(self, refusal: ClusterRefusal) -> None:
        self._refusal = refusal

    async def get(self, _kind: str, _name: str) -> None:
        return None

    async def apply(self, _manifest: dict[str, Any]) -> dict[str, Any]:
        raise self._refusal


class Empty:
    """A cluster in which there is nothing."""

    async def list_(self, _kind: str, _query: object) -> tuple[list[dict[str, Any]], str]:
        return [], "1"

    async def watch(self, _kind: str, _query: object, _version: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        await asyncio.Event().wait()
        yield "", {}


class Spool:
    """One that keeps nothing, on a disk that cannot be read."""

    def __init__(self) -> None:
        self.looks = 0

    def begin(self, _workload: str, _inputs: object) -> None:
        """Nothing to make room for."""

    def workloads(self) -> list[str]:
        self.looks += 1
        raise OSError("the disk cannot be read")


def engine_of(cluster: Any, spool: Any) -> KubernetesEngine:
    return KubernetesEngine(cluster, SETTINGS, ClaimStorage(instance="test"), spool, token=lambda key: key, in_pod="")


@pytest.mark.parametrize(
    ("status", "message", "final"),
    [
        (403, "exceeded quota: q, requested: count/secrets=1, used: count/secrets=2, limited: count/secrets=2", False),
        # an API server that begins says so too, before it knows who may do what
        (403, 'secrets is forbidden: User "a" cannot create resource "secrets"', False),
        (422, 'Secret "a" is invalid: data: Too long: may not be more than 1048576 bytes', True),
    ],
)
async def test_a_refusal_says_whether_the_cluster_would_refuse_it_again(status: int, message: str, final: bool) -> None:
    engine = engine_of(Refusing(ClusterRefusal(status, message)), Spool())
    plan = make_plan(mounts=(), image_source=ContainerSource(url="a:1"))
    with pytest.raises(EngineError) as refused:
        await anext(engine.apply(Workload(plan=plan, argv=("true",))))
    assert refused.value.final is final


@pytest.mark.parametrize("what", ["observe", "delete"])
async def test_a_refusal_tells_nothing_of_what_was_begun(what: str) -> None:
    class Begins(Empty):
        async def get(self, _kind: str, _name: str) -> None:
            raise ClusterRefusal(403, 'jobs is forbidden: User "a" cannot get resource "jobs"')

    engine = engine_of(Begins(), Spool())
    running = asyncio.create_task(engine.run())
    ref = EngineRef(engine="kubernetes", kind="Job", key="a-1", name="job-a-1")
    try:
        with pytest.raises(EngineUnavailable, match="cannot get resource"):
            await (engine.observe([ref]) if what == "observe" else engine.delete(ref, 30))
    finally:
        running.cancel()


async def test_a_disk_that_fails_ends_no_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "SWEEP_S", 0)
    spool = Spool()
    running = asyncio.create_task(engine_of(Empty(), spool).run())
    try:
        await wait_for_async(lambda: spool.looks > 1, what="it sweeps again")
        assert not running.done()
    finally:
        running.cancel()


async def test_what_a_change_sets_off_and_fails_does_not_end_the_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "FIRST_PAUSE_S", 0)
    told: list[str] = []

    class One(Empty):
        async def list_(self, _kind: str, _query: object) -> tuple[list[dict[str, Any]], str]:
            return [{"metadata": {"name": "a"}}], "1"

    def changed(item: dict[str, Any]) -> None:
        told.append(item["metadata"]["name"])
        if len(told) == 1:
            raise OSError("for once")

    watched = Watched(One(), "Pod", {}, changed)  # type: ignore[arg-type]
    running = asyncio.create_task(watched.run())
    try:
        await wait_for_async(lambda: len(told) > 1, what="it lists again")
        await watched.current()
    finally:
        running.cancel()
