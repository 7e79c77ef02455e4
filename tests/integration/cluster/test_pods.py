"""What controllers and API see and do of notebooks' pods, whatever made them: of a real cluster's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from primehub_services.blobs import FolderLogStore, WorkloadLogs, notebook_key, of_notebook
from primehub_services.domain import notebook_pods
from primehub_services.domain.pods import INSTANCE
from primehub_services.engines.kubernetes.cluster import Cluster
from primehub_services.engines.kubernetes.notebooks import NotebookPods
from primehub_services.notebook_logs import PodLogs
from primehub_services.notebook_parts import PodWorkloads
from tests.support.cluster import Namespace, foreign_image
from tests.support.waiting import wait_for_async

from .platform import UID

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.cluster]
OURS = "pods-of-a-test"
"""An installation beside the platform's, which leaves these alone."""


def make_pod(start_id: str, command: str, *, nowhere: bool = False) -> dict[str, Any]:
    """A notebook's pod, as its spawner might have made it."""
    container = {
        "name": notebook_pods.CONTAINER,
        "image": foreign_image(),
        "command": ["sh", "-c", command],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    security = {"runAsNonRoot": True, "runAsUser": UID, "seccompProfile": {"type": "RuntimeDefault"}}
    labels = {INSTANCE: OURS, notebook_pods.KIND: "notebook", notebook_pods.START: start_id}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": notebook_pods.pod_name(start_id), "labels": labels},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 1,
            "securityContext": security,
            "nodeSelector": {"no-node": "has-this"} if nowhere else {},
            "containers": [container],
        },
    }


@pytest_asyncio.fixture(loop_scope="session")
async def pods(namespace: Namespace) -> AsyncIterator[NotebookPods]:
    """One that runs, one that has ended and one that no node takes."""
    runs, ended = make_pod("runs", "echo 012345678; sleep 600"), make_pod("ended", "printf 'last words'; exit 3")
    items = [runs, ended, make_pod("waits", "true", nowhere=True)]
    cluster = await Cluster.connect(namespace.name)
    try:
        namespace.apply({"apiVersion": "v1", "kind": "List", "items": items})
        yield NotebookPods(cluster, OURS)
    finally:
        # their names are the next try's too
        namespace.kubectl("delete", "pods", "-l", f"{INSTANCE}={OURS}", "--timeout=50s")
        await cluster.close()


async def test_notebooks_pods_are_told_apart_read_ended_and_put_away(
    pods: NotebookPods, namespace: Namespace, tmp_path: Path
) -> None:
    store = FolderLogStore(tmp_path)
    logs = PodLogs(pods, store)
    workloads = PodWorkloads(pods, logs)

    def kept(start_id: str) -> bytes:
        return store.read(notebook_key(start_id), 0, 100).data

    async def settled() -> bool:
        await workloads.keep("runs")
        return not (await workloads.list_owned())["ended"].running and kept("runs") != b""

    await wait_for_async(settled, 60, what="one has ended, and another has begun")
    seen = await workloads.list_owned()
    assert {name: (state.running, state.exit_code) for name, state in seen.items()} == {
        "runs": (True, None),
        "ended": (False, 3),
        "waits": (True, None),
    }
    for start_id in ("ended", "waits"):
        await workloads.log(start_id)
    assert (kept("ended"), kept("waits")) == (b"last words", b"")
    await read_by_offset(WorkloadLogs(store, logs))

    for start_id in ("runs", "waits", "absent"):
        await workloads.stop(start_id)

    async def over() -> bool:
        found = await workloads.list_owned()
        return "waits" not in found and not found["runs"].running

    await wait_for_async(over, 60, what="what ran has ended and is kept, what never ran is gone")
    await workloads.log("runs")
    assert kept("runs") == b"012345678\n"
    await workloads.remove("runs")
    await workloads.remove("absent")
    await wait_for_async(lambda: namespace.get("pod", "notebook-runs") is None, 60, what="it is put away")


async def read_by_offset(logs: WorkloadLogs) -> None:
    """The log of what runs, from anywhere in it and from its end."""

    async def settled() -> bool:
        whole = await asyncio.to_thread(logs.read, of_notebook("runs"), 0, 100)
        return whole.size == 10

    await wait_for_async(settled, 30, what="all of it is printed")
    for offset, limit, data, start, end in ((4, 3, b"456", 4, 7), (-2, 100, b"8\n", 8, 10), (99, 100, b"", 10, 10)):
        read = await asyncio.to_thread(logs.read, of_notebook("runs"), offset, limit)
        assert (read.data, read.start, read.next_offset, read.size) == (data, start, end, 10)
    assert (await asyncio.to_thread(logs.read, of_notebook("none"), 0, 100)).data == b""
