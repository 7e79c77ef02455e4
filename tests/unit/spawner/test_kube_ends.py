"""Looking at a pod, ending it, and what is concluded where the cluster does not answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientConnectionError
from jupyterhub.spawner import SpawnException
from kubernetes_asyncio.client import ApiException
from kubespawner import KubeSpawner

from primehub_services.domain.notebook_pods import pod_name
from primehub_services.domain.pod_reasons import PodReason
from primehub_spawner import kube
from primehub_spawner.kube import ABANDONED, PrimeHubKubeSpawner
from primehub_spawner.kube_api import Cluster
from tests.support.kube_spawner import without_cluster
from tests.support.sandbox import make_plan
from tests.support.waiting import wait_for_async

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

    async def last_words(self, *_: Any) -> str:
        return ""


@pytest_asyncio.fixture
async def spawner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PrimeHubKubeSpawner]:
    """A spawner with a start, whose watch shows nothing."""

    async def watch(*_: Any, **__: Any) -> None:
        return None

    monkeypatch.setattr(PrimeHubKubeSpawner, "_start_reflector", watch)
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


class Watch:
    """Of pods or events, which goes on, or has given up."""

    def __init__(self, gave_up: bool = False) -> None:
        loop = asyncio.get_running_loop()
        self.first_load_future, self.watch_task = loop.create_future(), loop.create_future()
        self.first_load_future.set_result(None)
        if gave_up:
            self.watch_task.set_result(None)
        self.pods: dict[str, Any] = {}
        self.events: list[Any] = []


def watches(monkeypatch: pytest.MonkeyPatch) -> dict[str, Watch]:
    """The hub's, of both kinds, which have given up and can be begun anew."""
    there = {kind: Watch(gave_up=True) for kind in ("pods", "events")}

    async def begin(_self: Any, kind: str, replace: bool, **_: Any) -> None:
        if replace:
            there[kind] = Watch()

    monkeypatch.setattr(PrimeHubKubeSpawner, "pod_reflector", property(lambda _: there["pods"]))
    monkeypatch.setattr(PrimeHubKubeSpawner, "event_reflector", property(lambda _: there["events"]))
    monkeypatch.setattr(PrimeHubKubeSpawner, "_start_reflector", begin)
    return there


def go_on(there: dict[str, Watch]) -> bool:
    return not any(watch.watch_task.done() for watch in there.values())


async def test_watches_that_have_given_up_are_begun_anew_at_the_next_look(
    spawner: PrimeHubKubeSpawner, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = watches(monkeypatch)
    spawner.cluster = FakeCluster(RUNNING)
    assert await spawner.poll() is None
    assert go_on(there)
    kept = dict(there)
    assert await spawner.poll() is None
    assert there == kept


async def test_watches_that_have_given_up_are_begun_anew_before_a_start_and_while_it_lasts(
    spawner: PrimeHubKubeSpawner, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = watches(monkeypatch)
    monkeypatch.setattr(kube, "WATCH_EVERY", 0)

    async def start() -> str:
        assert go_on(there)
        there["pods"] = Watch(gave_up=True)
        await wait_for_async(lambda: go_on(there))
        return "http://10.1.2.3:8888"

    monkeypatch.setattr(KubeSpawner, "start", lambda _: asyncio.ensure_future(start()))
    monkeypatch.setattr(spawner, "_take_up", lambda *_: None)
    assert await spawner._run(make_plan(START), {}, time.monotonic() + 5) == "http://10.1.2.3:8888"


async def test_a_server_that_no_watch_shows_is_gone_only_where_the_cluster_says_so(
    spawner: PrimeHubKubeSpawner, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = spawner.cluster = FakeCluster(ClientConnectionError("no route"))
    left = [*AWAY, RUNNING]

    async def nothing_yet(*_: Any) -> bool:
        cluster.found = left.pop(0) if left else None
        return False

    monkeypatch.setattr(PrimeHubKubeSpawner, "server", SimpleNamespace(base_url="/user/ann/"))
    monkeypatch.setattr(kube, "answers", nothing_yet)
    monkeypatch.setattr(kube, "LOOK_EVERY", 0)
    with pytest.raises(SpawnException, match="deleted"):
        await spawner._until_it_answers("http://10.1.2.3:8888", make_plan(START), time.monotonic() + 5)
    assert left == []


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


@pytest.mark.parametrize("runs", [False, True])
async def test_a_start_that_takes_too_long_has_its_reason_before_the_hub_gives_it_up(
    spawner: PrimeHubKubeSpawner, monkeypatch: pytest.MonkeyPatch, runs: bool
) -> None:
    clock = SimpleNamespace(now=0.0, monotonic=lambda: clock.now)
    never: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def missing(_: Any) -> dict[str, str]:
        clock.now += 294.9 if runs else 295.1
        return {}

    async def start() -> str:
        return "http://10.1.2.3:8888" if runs else await never

    async def silent(*_: Any) -> bool:
        return bool(await never)

    spawner.start_timeout = 300
    monkeypatch.setattr(PrimeHubKubeSpawner, "server", SimpleNamespace(base_url="/user/ann/"))
    monkeypatch.setattr(KubeSpawner, "start", lambda _: asyncio.ensure_future(start()))
    monkeypatch.setattr(spawner, "_take_up", lambda *_: None)
    monkeypatch.setattr(spawner, "_missing", missing)
    monkeypatch.setattr(kube, "time", clock)
    monkeypatch.setattr(kube, "answers", silent)
    async with asyncio.timeout(5):
        with pytest.raises(SpawnException, match="It did not start in 300 s"):
            await spawner.launch(make_plan(START))
    assert "It did not start in 300 s" in (await spawner.ending(START))[1]
