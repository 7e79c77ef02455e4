"""What a group's pods may do on a cluster: what a platform admin allowed it, and what the namespace lets in."""

from __future__ import annotations

import json
import shlex
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest

from tests.support.beside import LIKE_INTERNET, LIKE_METADATA, Address, Beside, asks, listening_at
from tests.support.cluster import LEVEL, cluster_image
from tests.support.installed import NAME, Installed
from tests.support.platform import Lab
from tests.support.scenarios import Jobs
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.cluster]
WHO = """
    id -u; grep NoNewPrivs /proc/self/status
    [ "$(id -u)" != 0 ] || somebody='setpriv --reuid=1000 --clear-groups'
    $somebody become -p -c 'id -u'
    umask 077; echo mine >artifacts/private
"""
"""Who a job is, whether a program may make it another, whether one does, and a file for nobody else."""
BELOW = "The group may have more (baseline) than the cluster lets the platform's namespace give (restricted)"


@pytest.fixture
def roots(installed: Installed, lab: Lab) -> Lab:
    """A group that a platform admin let have more, its admin, and an image that is made for root."""
    unique = uuid.uuid4().hex[:8]
    source = {"type": "container", "url": cluster_image("test/root")}
    image = installed.call("POST", "/images", {"name": f"root-{unique}", "source": source, "all_groups": True})
    group = installed.call("POST", "/groups", {"name": f"roots-{unique}", "user_quota": {"cpu": 4}})
    token = installed.add_person(f"rob-{unique}", group["slug"])
    installed.call("PUT", f"/groups/{group['slug']}/members/rob-{unique}", {"role": "admin"})
    more = {"version": group["version"], "pod_security": "baseline"}
    refused = installed.call("PATCH", f"/groups/{group['slug']}", more, token=token, status=403)
    assert refused["errors"][0]["field"] == "pod_security"
    assert installed.call("PATCH", f"/groups/{group['slug']}", more)["pod_security"] == "baseline"
    return Lab(group["slug"], lab.instance_type, image["slug"], f"rob-{unique}", token)


@contextmanager
def enforced(installed: Installed, level: str) -> Iterator[None]:
    """The namespace enforces this level, until the block ends."""
    label = "pod-security.kubernetes.io/enforce={}"
    installed.kubectl("label", "--overwrite", "namespace", installed.namespace, label.format(level))
    try:
        yield
    finally:
        installed.kubectl("label", "--overwrite", "namespace", installed.namespace, label.format(LEVEL))


def reached(installed: Installed, lab: Lab, notebook: str, *phases: str) -> dict[str, Any]:
    """The notebook, once it is in one of these phases."""

    def look() -> dict[str, Any] | None:
        now: dict[str, Any] = installed.call("GET", f"/notebooks/{notebook}", token=lab.token)
        assert now["phase"] in (*phases, "STARTING", "STOPPING"), f"{now}\n{installed.hub_log()}"
        return now if now["phase"] in phases else None

    found = wait_for(look, 120, what=f"the notebook is {' or '.join(phases)}")
    assert found is not None
    return found


def refusal(installed: Installed, lab: Lab) -> str:
    """What somebody is told whose notebook the cluster does not take: at once, or in its record where the hub is slow."""
    headers = {"Authorization": f"token {lab.token}"}
    answer = httpx.post(f"{installed.api}/notebooks", json=lab.launch, headers=headers, trust_env=False, timeout=30)
    if answer.status_code == 409:
        return str(answer.json()["detail"])
    assert answer.status_code == 202, answer.text
    return str(reached(installed, lab, answer.json()["id"], "FAILED")["reason"])


def test_a_groups_pods_are_what_it_may_be_and_the_namespace_takes_them_or_says_why_not(
    installed: Installed, lab: Lab, roots: Lab, notebook: dict[str, Any], beside: Beside
) -> None:
    jobs = Jobs(installed, roots)
    job = jobs.submit(WHO)
    assert BELOW in refusal(installed, roots)
    assert BELOW in jobs.ended(job)["message"]

    with enforced(installed, "baseline"):
        others = Jobs(installed, replace(lab, image=roots.image))
        job, theirs = jobs.submit(WHO), others.submit(WHO)
        own = installed.call("POST", "/notebooks", roots.launch, token=roots.token, status=202)["id"]
        for of, made, said in ((jobs, job, "0 0 0"), (others, theirs, "1000 1 1000")):
            assert of.ended(made)["phase"] == "SUCCEEDED", of.log(made)
            assert of.log(made).replace("NoNewPrivs:", "").split() == said.split()
            artifacts = of.call("GET", f"/jobs/{made}/artifacts")
            assert ([file["path"] for file in artifacts["items"]], artifacts["left_out"]) == (["private"], [])
        url = reached(installed, roots, own, "RUNNING")["url"]
        headers = {"Authorization": f"token {roots.token}"}
        page = httpx.get(f"{installed.url}{url}", headers=headers, trust_env=False, timeout=30)
        assert "JupyterLab" in page.text
        pod = installed.pod_of("notebook", user=roots.user)
        assert installed.inside(pod, "import os; print(os.getuid())") == 0
        of_another_group = installed.pod_of("notebook", start=notebook["id"])["status"]["podIP"]
        try:
            reaches_no_more_than_others(installed, jobs, pod, [(of_another_group, 8888), beside.address])
        finally:
            installed.call("DELETE", f"/notebooks/{own}", token=roots.token)
            reached(installed, roots, own, "STOPPED")


def reaches_no_more_than_others(installed: Installed, jobs: Jobs, pod: dict[str, Any], closed: list[Address]) -> None:
    """A notebook's pod in which people are root, and a job of theirs: the platform and the internet, and nothing else."""
    cluster, proxy = ("kubernetes.default.svc", 443), (f"{NAME}-proxy-api", 8001)
    with listening_at(LIKE_METADATA) as metadata, listening_at(LIKE_INTERNET) as internet:
        ways = [(f"{NAME}-services", 8092), (f"{NAME}-hub", 8081)]
        asked = [*internet, *ways, cluster, proxy, *closed, *metadata]
        nothing = [False] * (len(asked) - len(internet) - len(ways))
        job = jobs.submit(f"python3 -c {shlex.quote(asks(asked))}")
        assert installed.inside(pod, asks(asked)) == [True] * len(internet) + [True, True, *nothing]
        assert jobs.ended(job)["phase"] == "SUCCEEDED", jobs.log(job)
        assert json.loads(jobs.log(job)) == [True] * len(internet) + [True, False, *nothing]
