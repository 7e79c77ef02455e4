"""Looking at a pod, ending it, and what is concluded where the cluster does not answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientConnectionError
from kubernetes_asyncio.client import ApiException

from primehub_services.domain.notebook_pods import pod_name
from primehub_services.domain.pod_reasons import PodReason
from primehub_spawner.kube import ABANDONED, PrimeHubKubeSpawner
from primehub_spawner.kube_api import Cluster
from tests.support.kube_spawner import without_cluster
from tests.support.sandbox import make_plan

START = "one"


def pod(phase: str, **state: Any) -> dict[str, Any]:
    """A pod as the API has it."""
    statuses = [{"name": "notebook", "state": state}] if state else []
    return {"metadata": {"name": pod_name(START)}, "status": {"phase": phase, "containerStatuses": statuses}}


RUNNING = pod("Running", running={})
OVER = pod("Failed", terminated={"exitCode": 137, "reason": "OOMKilled"})


class FakeCluster(Cluster):
    """One pod, or an error in its place."""

    def __init__(self, found: dict[str, Any] | Exception | None) -> None:
        self.found = found
        self.asked: list[str] = []

    async def pod(self, name: str) -> dict[str, Any] | None:
        if isinstance(self.found, Exception):
            raise self.found
        return self.found if name == pod_name(START) else None

    async def end_pod(self, name: str) -> None:
        self.asked.append("end")
        self.found = OVER

    async def delete_pod(self, name: str, grace: int) -> None:
        self.asked.append(f"delete {grace}")
        self.found = None


@pytest_asyncio.fixture
async def spawner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PrimeHubKubeSpawner]:
    """A spawner with a start, whose watch shows nothing."""

    async def watch(*_: Any, **__: Any) -> None:
        return None

    monkeypatch.setattr(PrimeHubKubeSpawner, "_start_watching_pods", watch)
    async with without_cluster(tmp_path, monkeypatch, make_plan(START), {}) as made:
        yield made


AWAY = (ClientConnectionError("no route"), TimeoutError(), ApiException(status=503, reason="Service Unavailable"))


@pytest.mark.parametrize("error", AWAY)
async def test_a_cluster_that_does_not_answer_ends_nothing(spawner: PrimeHubKubeSpawner, error: Exception) -> None:
    spawner.cluster = FakeCluster(error)
    assert await spawner.poll() is None
    assert not await spawner.gone(START)
    assert await spawner.ending(START) == (None, "")


async def test_what_runs_what_ended_and_what_is_not_there(spawner: PrimeHubKubeSpawner) -> None:
    spawner.cluster = FakeCluster(RUNNING)
    assert await spawner.poll() is None
    assert not await spawner.gone(START)
    spawner.cluster = FakeCluster(OVER)
    assert await spawner.poll() == 137
    assert await spawner.gone(START)
    assert await spawner.ending(START) == (137, "OOMKilled")
    spawner.cluster = FakeCluster(None)
    assert await spawner.poll() == 1
    assert await spawner.gone(START)
    spawner.start_id = ""
    assert await spawner.poll() == 0


async def test_a_pod_that_was_evicted_from_a_node_that_stays_away_has_ended_and_nothing_waits_for_it(
    spawner: PrimeHubKubeSpawner,
) -> None:
    evicted = pod("Running", running={})
    evicted["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    cluster = spawner.cluster = FakeCluster(evicted)
    assert await spawner.poll() == 1
    assert await spawner.gone(START)
    assert await spawner.ending(START) == (None, "Its node went away.")
    await spawner.stop()
    assert cluster.asked == []


async def test_a_hub_that_is_started_anew_waits_for_a_pod_that_has_a_node_and_ends_one_that_has_none(
    spawner: PrimeHubKubeSpawner,
) -> None:
    waits, pulls = pod("Pending") | {"spec": {}}, pod("Pending") | {"spec": {"nodeName": "n1"}}
    spawner.cluster = FakeCluster(waits)
    assert await spawner.poll() is None  # its start is still followed
    spawner._check_pending = True
    spawner.cluster = FakeCluster(pulls)
    assert await spawner.poll() is None
    spawner.cluster = FakeCluster(waits)
    assert await spawner.poll() == 1
    assert "started anew" in (await spawner.ending(START))[1]


async def test_a_hub_that_is_started_anew_ends_what_waited_for_a_quota_and_says_so(
    spawner: PrimeHubKubeSpawner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spawner, "keep_state", lambda: None)
    spawner._wait(PodReason("quota", "The cluster's quota team would be exceeded."))
    kept = spawner.get_state()
    spawner.clear_state()
    spawner.load_state(kept | {"start_id": START})
    spawner.cluster = FakeCluster(None)
    spawner._check_pending = True
    assert await spawner.poll() == 1
    assert await spawner.ending(START) == (1, ABANDONED)


async def test_a_server_that_has_ended_is_not_asked_to_end_again(spawner: PrimeHubKubeSpawner) -> None:
    cluster = spawner.cluster = FakeCluster(RUNNING)
    await spawner.stop()
    assert cluster.asked == ["end"]
    assert cluster.found is OVER
    await spawner.stop()
    assert cluster.asked == ["end"]


async def test_one_that_has_no_time_is_deleted(spawner: PrimeHubKubeSpawner) -> None:
    cluster = spawner.cluster = FakeCluster(RUNNING)
    await spawner.stop(now=True)
    assert cluster.asked == ["delete 1"]


async def test_why_a_start_failed_is_its_ending(spawner: PrimeHubKubeSpawner) -> None:
    spawner.cluster = FakeCluster(None)
    spawner.why = {START: "The cluster's quota team would be exceeded."}
    assert await spawner.ending(START) == (1, "The cluster's quota team would be exceeded.")
    assert await spawner.ending("another") == (None, "")


async def test_a_watch_that_has_given_up_is_begun_anew(
    spawner: PrimeHubKubeSpawner, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Done:
        def done(self) -> bool:
            return True

    class GaveUp:
        first_load_future = watch_task = Done()
        pods: dict[str, Any] = {}

    begun: list[bool] = []

    async def watch(_self: Any, replace: bool = False) -> None:
        begun.append(replace)

    monkeypatch.setattr(PrimeHubKubeSpawner, "pod_reflector", GaveUp())
    monkeypatch.setattr(PrimeHubKubeSpawner, "_start_watching_pods", watch)
    spawner.cluster = FakeCluster(RUNNING)
    assert await spawner.poll() is None
    assert begun == [True]


async def test_a_pod_that_runs_is_seen_at_once_and_not_when_kubespawner_looks_again(
    spawner: PrimeHubKubeSpawner, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = pod("Running", running={})
    running["spec"] = {"containers": [{"ports": [{"name": "notebook-port", "containerPort": 8888}]}]}
    running["status"] |= {"podIP": "10.1.2.3"}
    running["status"]["containerStatuses"][0]["ready"] = True

    class Seen:
        pods = {f"primehub/{pod_name(START)}": running}

    monkeypatch.setattr(PrimeHubKubeSpawner, "pod_reflector", Seen())
    never: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    spawner.start_id = ""  # nobody to report to
    assert await spawner._follow(never, make_plan(START), time.monotonic() + 5) == "http://10.1.2.3:8888"
