"""Each part of an installation is killed while a job runs and a notebook starts: everything converges, and nothing is lost."""

from __future__ import annotations

import pytest

from tests.support.installed import NAME, Installed
from tests.support.platform import Lab
from tests.support.scenarios import COUNTS, Jobs, counts_to_its_end
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.cluster]
CONVERGED = 120


@pytest.fixture(scope="module")
def bob(installed: Installed, lab: Lab) -> Jobs:
    """Another member of the group, who has nothing yet."""
    token = installed.add_person("bob", lab.group)
    return Jobs(installed, Lab(lab.group, lab.instance_type, lab.image, "bob", token))


def kill(installed: Installed, part: str) -> None:
    """As a node that dies: without a word, and with nothing in order."""
    labels = f"app.kubernetes.io/instance={NAME},app.kubernetes.io/component={part}"
    installed.kubectl("delete", "pods", "-l", labels, "--force", "--grace-period=0", "--wait=false")
    installed.kubectl("rollout", "status", f"deployment/{NAME}-{part}", "--timeout=120s")
    installed.connect()


@pytest.mark.parametrize("part", ["services", "hub", "proxy"])
def test_a_part_that_is_killed_costs_no_job_no_start_and_no_claim(installed: Installed, bob: Jobs, part: str) -> None:
    job = bob.submit(COUNTS)
    wait_for(lambda: "line 5\n" in bob.log(job), 60, what="the job counts")
    asked = bob.call("POST", "/notebooks", bob.lab.launch)
    kill(installed, part)
    counts_to_its_end(bob, job)

    def settled() -> bool:
        phase = bob.call("GET", f"/notebooks/{asked['id']}")["phase"]
        return phase == "RUNNING" or (part == "hub" and phase in ("FAILED", "STOPPED"))

    wait_for(settled, CONVERGED, what="the notebook runs, or its hub says that it does not")
    if bob.call("GET", f"/notebooks/{asked['id']}")["phase"] == "RUNNING":
        bob.call("DELETE", f"/notebooks/{asked['id']}")

    def nothing_held() -> bool:
        holders = bob.call("GET", f"/groups/{bob.lab.group}/usage")["holders"]
        return not [holder for holder in holders if holder["user"] == "bob"]

    wait_for(nothing_held, CONVERGED, what="no claim is left")

    def nothing_runs() -> bool:
        labels = "app.kubernetes.io/managed-by=primehub,primehub.io/user=bob"
        return not installed.kubectl("get", "jobs,pods", "-l", labels, "-o", "name").strip()

    wait_for(nothing_runs, CONVERGED, what="nothing is left in the cluster")
