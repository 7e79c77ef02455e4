"""`helm upgrade` while people work, and `helm uninstall`: the last of this folder, as nothing is left to test after it."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.support import scenarios
from tests.support.installed import NAME, PARTS, Installed
from tests.support.platform import Lab
from tests.support.scenarios import Jobs
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.cluster]
KEYS = f"{NAME}-keys"


def test_an_upgrade_loses_no_notebook_no_job_no_key_and_no_session(
    installed: Installed, lab: Lab, jobs: Jobs, notebook: dict[str, Any]
) -> None:
    lines = 2 * scenarios.LINES
    job = jobs.submit(scenarios.COUNTS.replace(str(scenarios.LINES), str(lines)))
    wait_for(lambda: "line 5\n" in jobs.log(job), 60, what="the job counts")
    keys = json.loads(installed.kubectl("get", "secret", KEYS, "-o", "json"))["data"]
    before = installed.pod_of("notebook")["metadata"]["uid"]
    installed.upgrade({"settings": {"log_level": "DEBUG"}})
    assert json.loads(installed.kubectl("get", "secret", KEYS, "-o", "json"))["data"] == keys
    assert installed.pod_of("notebook")["metadata"]["uid"] == before
    assert installed.call("GET", "/me", token=lab.token)["name"] == lab.user

    def still_there() -> bool:
        now = installed.call("GET", f"/notebooks/{notebook['id']}", token=lab.token)
        page = httpx.get(
            installed.url + notebook["url"],
            headers={"Authorization": f"token {lab.token}"},
            trust_env=False,
            timeout=30,
        )
        return bool(now["phase"] == "RUNNING") and page.status_code == 200

    wait_for(still_there, 60, what="the notebook is behind the proxy again")
    scenarios.counts_to_its_end(jobs, job, lines)


def test_what_is_uninstalled_leaves_peoples_data_and_the_keys_to_it(
    installed: Installed, lab: Lab, notebook: dict[str, Any]
) -> None:
    said = installed.run("helm", "-n", installed.namespace, "uninstall", NAME, "--wait")
    assert f"[PersistentVolumeClaim] {NAME}-services" in said
    claims = {c["metadata"]["name"] for c in json.loads(installed.kubectl("get", "pvc", "-o", "json"))["items"]}
    assert claims >= {f"{NAME}-hub", f"{NAME}-services", f"claim-{lab.user}"}
    installed.kubectl("get", "secret", KEYS)
    deployments = json.loads(installed.kubectl("get", "deployments", "-o", "json"))["items"]
    assert not [d for d in deployments if d["metadata"]["name"] in {f"{NAME}-{part}" for part in PARTS}]
