"""Notebooks' pods through the ports of controllers and API, where a cluster is away, a node is lost, a log goes on elsewhere.

Of what a cluster does otherwise its own tests tell.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from primehub_services.blobs import FolderLogStore, notebook_key
from primehub_services.controllers.ports import EngineUnavailable
from primehub_services.domain import notebook_pods
from primehub_services.engines.base import EngineUnavailable as NoAnswer
from primehub_services.engines.kubernetes.cluster import ClusterRefusal
from primehub_services.engines.kubernetes.notebooks import NotebookPods
from primehub_services.notebook_logs import PodLogs
from primehub_services.notebook_parts import PodWorkloads
from tests.support.waiting import wait_for_async

PIECE = 16
"""Bytes of a log that come at once."""


class FakeCluster:
    """Pods in memory."""

    def __init__(self, *pods: dict[str, Any]) -> None:
        self.pods = {pod["metadata"]["name"]: pod for pod in pods}
        self.patched: dict[str, Any] = {}
        self.logs: dict[str, list[tuple[bytes, bytes]]] = {}
        """Of each line, when it was written and its text."""
        self.wanted: list[str] = []
        self.away = False
        self.listed = 0
        self.told: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue()

    async def watch(self, *_: object) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        while True:
            yield await self.told.get()

    async def list_(self, _kind: str, query: Mapping[str, str]) -> tuple[list[dict[str, Any]], str]:
        if self.away:
            raise NoAnswer("the cluster does not answer")
        self.listed += 1
        return list(self.pods.values()), "1"

    async def get(self, _kind: str, name: str) -> dict[str, Any] | None:
        return self.pods.get(name)

    async def patch(self, _kind: str, name: str, change: dict[str, Any]) -> None:
        self.patched[name] = change

    async def delete(self, _kind: str, name: str) -> None:
        self.pods.pop(name, None)

    async def log(self, pod: str, _container: str, query: Mapping[str, str]) -> AsyncIterator[bytes]:
        if self.away:
            raise NoAnswer("the cluster does not answer")
        if pod not in self.logs:
            raise ClusterRefusal(404, "not found")
        self.wanted.append(query.get("sinceTime", ""))
        data = b"".join(b"%s %s" % line for line in self.logs[pod])
        for at in range(0, len(data), PIECE):
            yield data[at : at + PIECE]


def pod(start_id: str, phase: str, **state: Any) -> dict[str, Any]:
    """A notebook's pod as the API has it."""
    return {
        "metadata": {
            "name": notebook_pods.pod_name(start_id),
            "uid": start_id,
            "labels": {notebook_pods.START: start_id},
        },
        "status": {"phase": phase, "containerStatuses": [{"name": "notebook", "state": state}] if state else []},
    }


def pods(cluster: FakeCluster) -> NotebookPods:
    """The port's other side."""
    return NotebookPods(cluster, "ph")  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> FolderLogStore:
    return FolderLogStore(tmp_path)


def port_of(cluster: FakeCluster, store: FolderLogStore) -> PodWorkloads:
    """What controllers have."""
    return PodWorkloads(pods(cluster), PodLogs(pods(cluster), store))


def kept(store: FolderLogStore, start_id: str = "one") -> bytes:
    """The log that is kept."""
    return store.read(notebook_key(start_id), 0, 1 << 20).data


def at(second: int, nanoseconds: int = 0) -> bytes:
    """A moment, as nodes write it."""
    return b"2026-03-01T12:00:%02d.%09dZ" % (second, nanoseconds)


async def test_what_its_node_keeps_is_lost_and_asked_for_nothing(store: FolderLogStore) -> None:
    evicted = pod("one", "Running", running={})
    evicted["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    cluster = FakeCluster(evicted)
    port = port_of(cluster, store)
    state = (await port.list_owned())["one"]
    assert (state.running, state.lost, state.reason) == (False, True, "Its node went away.")
    await port.stop("one")
    assert cluster.patched == {}


async def test_one_that_was_asked_is_not_asked_again_which_would_put_off_its_end(store: FolderLogStore) -> None:
    stopping = pod("one", "Running", running={})
    stopping["metadata"]["annotations"] = {notebook_pods.STOPPED: datetime.now(UTC).isoformat()}
    cluster = FakeCluster(stopping)
    await port_of(cluster, store).stop("one")
    assert cluster.patched == {}


async def test_a_cluster_that_is_away_is_no_absence(store: FolderLogStore) -> None:
    cluster = FakeCluster()
    cluster.away = True
    with pytest.raises(EngineUnavailable):
        await port_of(cluster, store).list_owned()


async def test_whose_logs_grow_is_known_without_listing_all_each_time(store: FolderLogStore) -> None:
    cluster = FakeCluster(pod("one", "Running", running={}), pod("two", "Failed", terminated={}))
    notebooks = pods(cluster)
    port = PodWorkloads(notebooks, PodLogs(notebooks, store))
    watching = asyncio.create_task(notebooks.run())
    try:
        assert await port.running() == {"one": False}
        ends = pod("one", "Running", running={})
        ends["metadata"]["deletionTimestamp"] = datetime.now(UTC).isoformat()
        cluster.told.put_nowait(("MODIFIED", ends))
        await wait_for_async(cluster.told.empty, what="it is told")
        assert await port.running() == {"one": True}
        assert cluster.listed == 1
    finally:
        watching.cancel()


async def test_a_log_is_kept_while_it_grows_and_outlives_its_pod(store: FolderLogStore) -> None:
    cluster = FakeCluster()
    cluster.logs["notebook-one"] = [(at(1), b"one\n"), (at(2, 5), b"two\n")]
    port = port_of(cluster, store)
    assert await port.keep("one")
    assert not await port.keep("one")
    # the node gives whole seconds, and has begun a new file meanwhile
    cluster.logs["notebook-one"] = [(at(2, 5), b"two\n"), (at(2, 6), b"bar 1%\rbar 2%\n"), (at(9), b"more")]
    assert await port.keep("one")
    assert kept(store) == b"one\ntwo\nbar 1%\rbar 2%\n"
    assert cluster.wanted == ["", "2026-03-01T12:00:02Z", "2026-03-01T12:00:02Z"]
    await port.log("one")
    assert kept(store) == b"one\ntwo\nbar 1%\rbar 2%\nmore"
    del cluster.logs["notebook-one"]
    assert not await port.keep("one")
    assert kept(store).endswith(b"more")


async def test_another_process_goes_on_where_one_was_killed_before_it_had_noted_how_far_it_was(
    store: FolderLogStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = FakeCluster()
    cluster.logs["notebook-one"] = [(at(1), b"one\n")]
    await port_of(cluster, store).keep("one")
    cluster.logs["notebook-one"] += [(at(2), b"two\n")]
    with monkeypatch.context() as patch:
        patch.setattr(store, "put", killed)
        with pytest.raises(OSError, match="killed"):
            await port_of(cluster, store).keep("one")
    assert kept(store) == b"one\ntwo\n"
    cluster.logs["notebook-one"] += [(at(3), b"three\n")]
    await port_of(cluster, store).keep("one")
    assert kept(store) == b"one\ntwo\nthree\n"


def killed(*_: object) -> None:
    raise OSError("killed")


async def test_who_looks_sees_what_was_written_just_now_and_what_is_kept_where_the_cluster_is_away(
    store: FolderLogStore,
) -> None:
    cluster = FakeCluster()
    cluster.logs["notebook-one"] = [(at(1), b"one\n")]
    logs = PodLogs(pods(cluster), store)
    assert await asyncio.to_thread(logs.read, "one", 0, 100) is None
    assert kept(store) == b"one\n"
    cluster.away = True
    assert await asyncio.to_thread(PodLogs(pods(cluster), store).read, "one", 0, 100) is None


async def test_what_a_node_says_in_place_of_a_log_is_none(store: FolderLogStore) -> None:
    cluster = FakeCluster()
    cluster.logs["notebook-one"] = [(b"unable to retrieve", b"container logs for containerd://abc\n")]
    assert not await port_of(cluster, store).keep("one")
    assert kept(store) == b""
