"""`helm upgrade` while people work, `helm uninstall`, and what is found again: the last of this folder, as it is another version then."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.support import scenarios
from tests.support.beside import Beside
from tests.support.installed import NAME, PARTS, Installed
from tests.support.platform import Lab
from tests.support.scenarios import Jobs
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.cluster]
KEYS = f"{NAME}-keys"
NEXT = "primehub/test/next"
"""The image of `tests/images/next`: the platform's, with one revision of the database more."""
AWAY = 60
"""Seconds that the portal may be away: a pod of each part ends and another begins."""
REVISION = """
import sqlite3
database = sqlite3.connect("/var/lib/primehub/primehub.sqlite")
print(database.execute("SELECT version_num FROM alembic_version").fetchone()[0])
"""


def test_an_upgrade_to_the_next_version_loses_no_notebook_no_job_no_key_and_no_session(
    installed: Installed, lab: Lab, jobs: Jobs, notebook: dict[str, Any], beside: Beside
) -> None:
    lines = 2 * scenarios.LINES
    job = jobs.submit(scenarios.COUNTS.replace(str(scenarios.LINES), str(lines)))
    wait_for(lambda: "line 5\n" in jobs.log(job), 60, what="the job counts")
    keys = json.loads(installed.kubectl("get", "secret", KEYS, "-o", "json"))["data"]
    before = installed.pod_of("notebook", user=lab.user)["metadata"]["uid"]
    with beside.watching(f"http://{NAME}-proxy/services/primehub/api/v1/health") as pauses:
        installed.upgrade({"images": installed.values["images"] | {"hub": NEXT}})
        wait_for(lambda: _answers(installed, lab, notebook), 60, what="the notebook is behind the proxy again")
    print(f"\nthe portal was away for {max(pauses):.1f} s")
    assert max(pauses) < AWAY
    assert json.loads(installed.kubectl("get", "secret", KEYS, "-o", "json"))["data"] == keys
    assert installed.pod_of("notebook", user=lab.user)["metadata"]["uid"] == before
    assert installed.call("GET", "/me", token=lab.token)["name"] == lab.user
    scenarios.counts_to_its_end(jobs, job, lines)


def test_the_upgrade_replaced_every_part_and_migrated_the_database_once(installed: Installed) -> None:
    labels = f"app.kubernetes.io/instance={NAME},app.kubernetes.io/component in ({','.join(PARTS)})"
    pods = json.loads(installed.kubectl("get", "pods", "-l", labels, "-o", "json"))["items"]
    assert len(pods) == len(PARTS)
    assert all(f"/{NEXT}:" in f"/{pod['spec']['containers'][0]['image']}" for pod in pods)
    # its revision makes a table: a second time would have failed, and ended the process
    assert [pod["status"]["containerStatuses"][0]["restartCount"] for pod in pods] == [0] * len(PARTS)
    words = ("exec", f"deploy/{NAME}-services", "--", "python3", "-c", REVISION)
    assert installed.kubectl(*words).split() == ["next"]


def _answers(installed: Installed, lab: Lab, notebook: dict[str, Any]) -> bool:
    """Whether the notebook runs, and is reached."""
    now = installed.call("GET", f"/notebooks/{notebook['id']}", token=lab.token)
    headers = {"Authorization": f"token {lab.token}"}
    page = httpx.get(installed.url + notebook["url"], headers=headers, trust_env=False, timeout=30)
    return bool(now["phase"] == "RUNNING") and page.status_code == 200


def test_what_is_uninstalled_leaves_peoples_data_and_the_keys_to_it(
    installed: Installed, lab: Lab, notebook: dict[str, Any]
) -> None:
    before = installed.pod_of("notebook", user=lab.user)["metadata"]["uid"]
    said = installed.run("helm", "-n", installed.namespace, "uninstall", NAME, "--wait")
    assert f"[PersistentVolumeClaim] {NAME}-services" in said
    claims = {c["metadata"]["name"] for c in json.loads(installed.kubectl("get", "pvc", "-o", "json"))["items"]}
    assert claims >= {f"{NAME}-hub", f"{NAME}-services", f"claim-{lab.user}"}
    installed.kubectl("get", "secret", KEYS)
    deployments = json.loads(installed.kubectl("get", "deployments", "-o", "json"))["items"]
    assert not [d for d in deployments if d["metadata"]["name"] in {f"{NAME}-{part}" for part in PARTS}]
    still = installed.pod_of("notebook", user=lab.user)
    assert (still["metadata"]["uid"], still["status"]["phase"]) == (before, "Running")


def test_what_is_installed_again_finds_it_with_a_secret_that_somebody_keeps_and_configuration_of_ones_own(
    installed: Installed, lab: Lab, notebook: dict[str, Any]
) -> None:
    extra = "c.JupyterHub.template_vars.update({'announcement': 'told by an operator'})"
    installed.install({"existingSecret": KEYS, "hub": {"extraConfig": {"told": extra}}})
    # the tokens of before are known, and what ran all the time is told of and reached
    wait_for(lambda: _answers(installed, lab, notebook), 60, what="the notebook is behind the new proxy")
    assert installed.call("GET", "/me")["name"] == "admin"
    page = httpx.get(f"{installed.url}/hub/login", trust_env=False, timeout=30)
    assert "told by an operator" in page.text
