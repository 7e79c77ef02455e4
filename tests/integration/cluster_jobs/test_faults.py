"""A job that is in the middle of its work while a part of the platform or of the cluster is killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cluster import Fault, faults
from tests.support.waiting import wait_for_async

from .platform import OVER, Bench

pytestmark = [pytest.mark.cluster, pytest.mark.asyncio(loop_scope="session")]
LINES = 40
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


async def test_a_node_that_is_away_for_longer_than_the_clusters_patience_costs_an_attempt_and_nothing_runs_twice(
    bench: Bench, fault: Fault
) -> None:
    ends = await bench.submit(COUNTS)
    stays = await bench.submit(COUNTS.replace(str(LINES), str(100 * LINES)), timeout=900)
    await bench.prints(ends, "line 5\n")
    await bench.prints(stays, "line 5\n")
    fault("kill", "kubelet")
    # which is what the cluster does by itself once its patience is over, after five minutes
    bench.namespace.kubectl("delete", "pods", "-l", f"primehub.io/start={stays}-1", "--wait=false")
    await counts_to_its_end(bench, ends)
    lost = await bench.says(stays, "does not answer")
    assert (lost["phase"], lost["attempts"][0]["reason"]) == ("PENDING", "Lost"), lost
    # its container still runs on the node; it hears that all is over, and of the two only the second goes on
    fault("start", "kubelet")
    again = await bench.until(stays, "RUNNING")
    assert [attempt["number"] for attempt in again["attempts"]] == [1, 2]

    def one_is_left() -> bool:
        pods = bench.namespace.list("pods", "primehub.io/kind=job")
        return [pod["metadata"]["labels"]["primehub.io/start"] for pod in pods] == [f"{stays}-2"]

    await wait_for_async(one_is_left, 60, what="the pods of what is over are gone")
    await bench.person.ask("POST", f"/jobs/{stays}/cancel")
    assert (await bench.until(stays, *OVER))["phase"] == "CANCELLED"
    await bench.dropped()
