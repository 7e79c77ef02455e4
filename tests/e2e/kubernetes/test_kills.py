"""Each part of an installation is killed while a job runs and a notebook starts: everything converges, and nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.support.cluster import cluster_image
from tests.support.installed import NAME, Installed
from tests.support.names import unique
from tests.support.platform import STARTS_IN, Lab, Platform
from tests.support.scenarios import COUNTS, Jobs, counts_to_its_end
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.cluster]
CONVERGED = 120
SHELL = "test/shell"
"""An image whose server waits for the file that ``HOLD_START`` names before it listens."""
ABANDONED = "The hub was started anew while it waited for a node. Start it again."


class Bob(Jobs):
    """What somebody does while parts are killed: what may be asked twice is asked again until it is answered."""

    def __init__(self, platform: Platform, lab: Lab, nowhere: str) -> None:
        super().__init__(platform, lab)
        self.nowhere = nowhere
        """A type that no node has."""

    def call(self, method: str, path: str, body: Any = None) -> Any:
        if method not in ("GET", "DELETE"):
            return super().call(method, path, body)

        def answered() -> tuple[Any] | None:
            with suppress(AssertionError, httpx.HTTPError):
                return (Jobs.call(self, method, path, body),)
            return None

        found = wait_for(answered, CONVERGED, what=f"{method} {path} is answered", every=0.5)
        assert found is not None
        return found[0]


@pytest.fixture
def bob(installed: Installed, lab: Lab) -> Iterator[Bob]:
    """Another member of the group, who has nothing yet; what a test leaves of theirs is ended."""
    name, nowhere = unique("bob"), unique("nowhere")
    token = installed.add_person(name, lab.group)
    size = {"cpu_limit": 0.5, "memory_limit": "256Mi", "cpu_request": 0.01, "memory_request": "64Mi"}
    of_the_group = {"all_groups": False, "groups": [lab.group], "node_selector": {"no-node": "has-this"}}
    installed.call("POST", "/instance-types", {"name": nowhere, **size, **of_the_group})
    image = installed.add_image(cluster_image(SHELL), unique("bobs-shell"))
    made = Bob(installed, Lab(lab.group, lab.instance_type, image, name, token), nowhere)
    yield made
    installed.end_notebooks(name)
    left = [job["id"] for job in made.call("GET", f"/jobs?group={lab.group}&user={name}")["items"]]
    made.cancel(*left)
    for job in left:
        made.ended(job)


def kill(installed: Installed, part: str) -> None:
    """As a node that dies: without a word, and with nothing in order. Another pod is in its place in the end."""
    dead = {pod["metadata"]["uid"] for pod in installed.parts(part)}
    labels = f"app.kubernetes.io/instance={NAME},app.kubernetes.io/component={part}"
    installed.kubectl("delete", "pods", "-l", labels, "--force", "--grace-period=0", "--wait=false")
    wait_for(lambda: ready(installed, part) - dead, CONVERGED, what=f"another pod of the {part} is ready", every=0.5)
    installed.connect()


def ready(installed: Installed, part: str) -> set[str]:
    """The uids of the part's pods that take what comes."""
    return {
        pod["metadata"]["uid"]
        for pod in installed.parts(part)
        if "deletionTimestamp" not in pod["metadata"]
        and any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", ()))
    }


@dataclass(frozen=True)
class Begun:
    """Two starts of a person's, each of them surely on its way."""

    jobs: Bob
    held: str
    """Its pod runs, and its server listens only once it is let."""
    unplaced: str
    """Its pod waits for a node."""
    gate: str

    def phase(self, start: str, *phases: str) -> dict[str, Any]:
        """The start, once it is in one of these phases."""

        def reached() -> dict[str, Any] | None:
            now: dict[str, Any] = self.jobs.call("GET", f"/notebooks/{start}")
            return now if now["phase"] in phases else None

        found = wait_for(reached, CONVERGED, what=f"the notebook is {' or '.join(phases)}")
        assert found is not None
        return found

    def let(self, installed: Installed) -> None:
        """The one that is held goes on."""
        made = f"open({f'/home/jovyan/{self.gate}'!r}, 'w'); print(1)"
        installed.inside(installed.pod_of("notebook", start=self.held), made)


def begun(installed: Installed, jobs: Bob, gate: str) -> Begun:
    """Both are asked for, and have their pods."""
    asked = {**jobs.lab.launch, "environment": {"HOLD_START": gate}}
    held = jobs.call("POST", "/notebooks", asked)["id"]
    nowhere = {**jobs.lab.launch, "instance_type": jobs.nowhere, "server_name": "nowhere"}
    unplaced = jobs.call("POST", "/notebooks", nowhere)["id"]

    def waits(start: str, known: str) -> bool:
        pods = json.loads(installed.kubectl("get", "pods", "-l", f"primehub.io/start={start}", "-o", "json"))["items"]
        return known in json.dumps([pod["status"] for pod in pods])

    wait_for(lambda: waits(held, '"running"'), STARTS_IN, what="the one's container runs")
    wait_for(lambda: waits(unplaced, "Unschedulable"), STARTS_IN, what="the other has no node")
    assert [jobs.call("GET", f"/notebooks/{start}")["phase"] for start in (held, unplaced)] == ["STARTING"] * 2
    return Begun(jobs, held, unplaced, gate)


@pytest.mark.parametrize("part", ["services", "hub", "proxy"])
def test_a_part_that_is_killed_costs_no_job_no_start_and_no_claim(installed: Installed, bob: Bob, part: str) -> None:
    job = bob.submit(COUNTS)
    wait_for(lambda: "line 5\n" in bob.log(job), STARTS_IN, what="the job counts")
    starts = begun(installed, bob, unique(f"go-on-{part}"))
    kill(installed, part)
    if part == "hub":  # nobody follows this start any more, and its owner is not kept waiting for it
        assert starts.phase(starts.unplaced, "FAILED", "STOPPED")["reason"] == ABANDONED
    else:
        assert starts.phase(starts.unplaced, "STARTING", "FAILED", "STOPPED")["phase"] == "STARTING"
        bob.call("DELETE", f"/notebooks/{starts.unplaced}")
    assert starts.phase(starts.held, "STARTING", "RUNNING", "FAILED", "STOPPED")["phase"] == "STARTING"
    starts.let(installed)
    starts.phase(starts.held, "RUNNING")
    counts_to_its_end(bob, job)
    bob.call("DELETE", f"/notebooks/{starts.held}")

    def nothing_held() -> bool:
        holders = bob.call("GET", f"/groups/{bob.lab.group}/usage")["holders"]
        return not [holder for holder in holders if holder["user"] == bob.lab.user]

    wait_for(nothing_held, CONVERGED, what="no claim is left")

    def nothing_runs() -> bool:
        labels = f"app.kubernetes.io/managed-by=primehub,primehub.io/user={bob.lab.user}"
        return not installed.kubectl("get", "jobs,pods", "-l", labels, "-o", "name").strip()

    wait_for(nothing_runs, CONVERGED, what="nothing is left in the cluster")
