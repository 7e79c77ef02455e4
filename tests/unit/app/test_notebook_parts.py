"""Notebooks' pods through the ports of controllers and API, where a cluster is away, a node or most of a log is lost.

Of what a cluster does otherwise its own tests tell.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from primehub_services import notebook_parts
from primehub_services.controllers.ports import EngineUnavailable
from primehub_services.domain import notebook_pods
from primehub_services.engines.base import EngineUnavailable as NoAnswer
from primehub_services.engines.kubernetes.both_ends import BothEnds, both_ends
from primehub_services.engines.kubernetes.cluster import ClusterRefusal
from primehub_services.engines.kubernetes.notebooks import NotebookPods
from primehub_services.notebook_parts import PodLogs, PodWorkloads

PIECE = 16
"""Bytes of a log that come at once."""


class FakeCluster:
    """Pods in memory."""

    def __init__(self, *pods: dict[str, Any]) -> None:
        self.pods = {pod["metadata"]["name"]: pod for pod in pods}
        self.patched: dict[str, Any] = {}
        self.logs: dict[str, bytes] = {}
        self.away = False

    async def list_(self, _kind: str, query: Mapping[str, str]) -> tuple[list[dict[str, Any]], str]:
        if self.away:
            raise NoAnswer("the cluster does not answer")
        return list(self.pods.values()), "1"

    async def get(self, _kind: str, name: str) -> dict[str, Any] | None:
        return self.pods.get(name)

    async def patch(self, _kind: str, name: str, change: dict[str, Any]) -> None:
        self.patched[name] = change

    async def delete(self, _kind: str, name: str) -> None:
        self.pods.pop(name, None)

    async def log(self, pod: str, container: str, most: int) -> BothEnds:
        if self.away:
            raise NoAnswer("the cluster does not answer")
        if pod not in self.logs:
            raise ClusterRefusal(404, "not found")

        async def text() -> AsyncIterator[bytes]:
            for at in range(0, len(self.logs[pod]), PIECE):
                yield self.logs[pod][at : at + PIECE]

        return await both_ends(text(), most)


def pod(start_id: str, phase: str, **state: Any) -> dict[str, Any]:
    """A notebook's pod as the API has it."""
    return {
        "metadata": {"name": notebook_pods.pod_name(start_id), "labels": {notebook_pods.START: start_id}},
        "status": {"phase": phase, "containerStatuses": [{"name": "notebook", "state": state}] if state else []},
    }


def pods(cluster: FakeCluster) -> NotebookPods:
    """The port's other side."""
    return NotebookPods(cluster, "ph")  # type: ignore[arg-type]


async def test_what_its_node_keeps_is_lost_and_asked_for_nothing() -> None:
    evicted = pod("one", "Running", running={})
    evicted["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    cluster = FakeCluster(evicted)
    port = PodWorkloads(pods(cluster))
    state = (await port.list_owned())["one"]
    assert (state.running, state.lost, state.reason) == (False, True, "Its node went away.")
    await port.stop("one")
    assert cluster.patched == {}


async def test_one_that_was_asked_is_not_asked_again_which_would_put_off_its_end() -> None:
    stopping = pod("one", "Running", running={})
    stopping["metadata"]["annotations"] = {notebook_pods.STOPPED: datetime.now(UTC).isoformat()}
    cluster = FakeCluster(stopping)
    await PodWorkloads(pods(cluster)).stop("one")
    assert cluster.patched == {}


async def test_a_cluster_that_is_away_is_no_absence() -> None:
    cluster = FakeCluster()
    cluster.away = True
    with pytest.raises(EngineUnavailable):
        await PodWorkloads(pods(cluster)).list_owned()


async def test_of_a_log_that_is_too_long_both_ends_are_kept_and_their_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook_parts, "KEPT", 100)
    monkeypatch.setattr(notebook_parts, "SHOWN", 100)
    cluster = FakeCluster()
    cluster.logs["notebook-one"] = whole = b"".join(b"%09d\n" % i for i in range(1000))
    pieces = list(await PodWorkloads(pods(cluster)).log("one"))
    assert pieces[0][0] == 0
    assert all(whole[offset : offset + len(piece)] == piece for offset, piece in pieces)
    assert pieces[-1][0] + len(pieces[-1][1]) == len(whole)
    assert 100 <= sum(len(piece) for _, piece in pieces) < 100 + 2 * PIECE
    logs = PodLogs(pods(cluster))
    missing = await asyncio.to_thread(logs.read, "one", 5000, 10)
    assert missing is not None
    assert (missing.start, missing.data) == (pieces[-1][0], pieces[-1][1][:10]), "what comes next"
    assert missing.size == len(whole)
