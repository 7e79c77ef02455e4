"""A job that is in the middle of its work while a part of the platform or of the cluster is killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cluster import Fault, a_node_that_answers, faults
from tests.support.names import unique
from tests.support.waiting import wait_for_async

from .platform import IN_TIME, OVER, Bench

pytestmark = [pytest.mark.cluster, pytest.mark.asyncio(loop_scope="session"), pytest.mark.usefixtures("over")]
LINES = 40
GOES_ON = """i=0; while :; do
  echo line $i; hostname >>"$PRIMEHUB_GROUP_VOLUME_PATH/{who}"; i=$((i+1)); sleep 0.3
done"""
"""Writes also down, beside its output, which pod it is."""
AWAY_FOR = ("unreachable", "not-ready")
AWAY = {"operator": "Exists", "effect": "NoExecute", "toleration_seconds": 5}
"""What is tolerated of a node that is away; a cluster itself gives it five minutes."""
COUNTS = f"i=0; while [ $i -lt {LINES} ]; do echo line $i; i=$((i+1)); sleep 0.3; done; echo $i >artifacts/count"


def services_pid(bench: Bench) -> int:
    """The process of the services of this platform."""
    mark = str(bench.hub.data_dir).encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command, environ = (entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()
            except OSError:
                continue
            if b"primehub_services.app" in command and mark in environ:
                return int(entry.name)
    raise AssertionError("the services do not run")


async def counts_to_its_end(bench: Bench, job: str) -> None:
    """The job succeeds in its first attempt, with every line of its output once."""
    done = await bench.until(job, *OVER)
    assert (done["phase"], len(done["attempts"])) == ("SUCCEEDED", 1), done
    assert (await bench.log(job)).splitlines() == [f"line {number}" for number in range(LINES)]
    found = (await bench.person.ask("GET", f"/jobs/{job}/artifacts")).json()
    assert [file["path"] for file in found["items"]] == ["count"]


async def test_services_that_are_killed_lose_no_line_and_run_nothing_twice(bench: Bench) -> None:
    job = await bench.submit(COUNTS)
    await bench.prints(job, "line 5\n")
    os.kill(services_pid(bench), signal.SIGKILL)
    await counts_to_its_end(bench, job)


@pytest.fixture
def fault() -> Iterator[Fault]:
    """Kills a component of the cluster; what was killed is started again in the end."""
    with faults() as act:
        yield act


@pytest.mark.parametrize("component", ["apiserver", "kubelet", "controller-manager"])
async def test_a_component_that_is_killed_and_comes_back_costs_nothing(
    bench: Bench, fault: Fault, component: str
) -> None:
    job = await bench.submit(COUNTS)
    await bench.prints(job, "line 5\n")
    fault("kill", component)
    await bench.prints(job, "line 25\n")  # it goes on, and is seen to
    fault("start", component)
    await counts_to_its_end(bench, job)


async def test_a_pod_that_somebody_deletes_is_another_attempt(bench: Bench) -> None:
    job = await bench.submit(COUNTS)
    await bench.prints(job, "line 5\n")
    bench.namespace.kubectl("delete", "pods", "-l", f"primehub.io/start={job}-1", "--wait=false")
    done = await bench.until(job, *OVER)
    assert done["phase"] == "SUCCEEDED", done
    assert [attempt["reason"] for attempt in done["attempts"]] == ["Lost", "Completed"]


@pytest.fixture
def answering() -> Iterator[None]:
    """A node that answers, and takes nothing: a cluster of whose nodes none does gives none up, as it holds itself ill."""
    with a_node_that_answers():
        yield


async def test_a_node_that_is_away_for_longer_than_the_clusters_patience_costs_an_attempt_and_nothing_runs_twice(
    bench: Bench, fault: Fault, answering: None
) -> None:
    impatient, who = unique("impatient"), unique("who")
    await bench.size(impatient, tolerations=[AWAY | {"key": f"node.kubernetes.io/{key}"} for key in AWAY_FOR])
    ends = await bench.submit(COUNTS)
    stays = await bench.submit(GOES_ON.format(who=who), instance_type=impatient, timeout=900)
    await bench.prints(ends, "line 5\n")
    await bench.prints(stays, "line 5\n")
    fault("kill", "kubelet")
    await counts_to_its_end(bench, ends)
    pod = await given_up(bench, f"{stays}-1")
    assert {"DeletionByTaintManager"} == {c["reason"] for c in conditions(pod, "DisruptionTarget")}, pod["status"]
    lost = await bench.says(stays, "does not answer")
    assert (lost["phase"], lost["attempts"][0]["reason"]) == ("PENDING", "Lost"), lost
    # its container still runs on the node; it hears that all is over, and of the two only the second goes on
    fault("start", "kubelet")
    again = await bench.until(stays, "RUNNING")
    assert [attempt["number"] for attempt in again["attempts"]] == [1, 2]

    def one_is_left() -> bool:
        pods = bench.namespace.list("pods", "primehub.io/kind=job")
        return [pod["metadata"]["labels"]["primehub.io/start"] for pod in pods] == [f"{stays}-2"]

    await wait_for_async(one_is_left, IN_TIME, what="the pods of what is over are gone")
    await bench.prints(stays, "line 5\n")
    await bench.person.ask("POST", f"/jobs/{stays}/cancel")
    assert (await bench.until(stays, *OVER))["phase"] == "CANCELLED"
    kept = (await bench.look(f"/jobs/{stays}/log?attempt=1&offset=0&limit=100000")).json()["text"].splitlines()
    assert kept == [f"line {number}" for number in range(len(kept))], "nothing is missing but the end"
    assert len(kept) > LINES, "it was kept while the kubelet was away"
    told = await bench.submit(f'uniq "$PRIMEHUB_GROUP_VOLUME_PATH/{who}"')
    await bench.until(told, *OVER)
    pods = (await bench.log(told)).split()
    assert [pod.rpartition("-")[0] for pod in pods] == [f"{stays}-1", f"{stays}-2"], "the first ended before the second"
    assert (await bench.person.ask("GET", "/groups/research/usage")).json()["holders"] == []
    await bench.dropped()


def conditions(pod: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """What the cluster says of a pod under this heading."""
    return [found for found in pod["status"].get("conditions") or () if found["type"] == kind]


async def given_up(bench: Bench, start: str) -> dict[str, Any]:
    """The pod of a start, once the cluster has given up its node: a minute after that has said its last."""

    def deleted() -> dict[str, Any] | None:
        (pod,) = bench.namespace.list("pods", f"primehub.io/start={start}")
        return pod if "deletionTimestamp" in pod["metadata"] else None

    found = await wait_for_async(deleted, 120, what="the cluster has given up the node")
    assert found is not None
    return found
