"""The platform on a cluster as `helm install` leaves it, and as an operator and a person meet it."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.support.installed import NAME, Installed
from tests.support.platform import Lab

pytestmark = [pytest.mark.e2e, pytest.mark.cluster]

READY_WITHIN = 120
"""Seconds from the parts' making until every one is ready."""
TEST_WITHIN = 280


def test_it_is_ready_in_two_minutes_with_no_value_but_the_images(installed: Installed) -> None:
    took = installed.ready_after()
    print(f"\nready after {took:.0f} s")
    assert took < READY_WITHIN
    status = installed.call("GET", "/status")
    assert status["engine"] == "kubernetes"
    assert {p["name"]: p["status"] for p in status["parts"]}["hub"] == "ok"


def test_notes_tell_where_it_is_and_how_the_administrator_gets_in(installed: Installed) -> None:
    notes = installed.run("helm", "-n", installed.namespace, "get", "notes", NAME)
    assert f"port-forward service/{NAME}-proxy 8000:80" in notes
    assert "primehub sign-in-link" in notes


def test_the_platforms_pods_pass_an_enforced_restricted_standard(installed: Installed) -> None:
    label = "pod-security.kubernetes.io/enforce=restricted"
    said = installed.run("kubectl", "label", "--dry-run=server", "--overwrite", "namespace", installed.namespace, label)
    assert "violate" not in said.lower()


def test_a_person_starts_jupyterlab_in_a_pod_that_has_nothing_of_the_clusters(
    installed: Installed, lab: Lab, notebook: dict[str, Any]
) -> None:
    page = httpx.get(
        installed.url + notebook["url"],
        headers={"Authorization": f"token {lab.token}"},
        trust_env=False,
        timeout=30,
    )
    assert page.status_code == 200
    assert "JupyterLab" in page.text
    pod = installed.pod_of("notebook")
    assert pod["spec"]["automountServiceAccountToken"] is False
    code = "import json, os; print(json.dumps(os.path.exists('/var/run/secrets/kubernetes.io')))"
    assert installed.inside(pod, code) is False


def test_a_notebook_reaches_the_hub_and_the_api_and_nothing_else_of_the_cluster(
    installed: Installed, lab: Lab, notebook: dict[str, Any]
) -> None:
    services = {
        s["metadata"]["name"]: s for s in json.loads(installed.kubectl("get", "services", "-o", "json"))["items"]
    }
    closed = [(services[f"{NAME}-proxy-api"]["spec"]["clusterIP"], 8001), ("169.254.169.254", 80)]
    closed.append(("kubernetes.default.svc", 443))
    code = f"""
import json, socket

def reached(host, port):
    try:
        socket.create_connection((host, port), 4).close()
        return True
    except OSError:
        return False

print(json.dumps({{
    "opened": [reached("{NAME}-hub", 8081), reached("{NAME}-services", 8092)],
    "closed": [reached(host, port) for host, port in {closed!r}],
}}))
"""
    found = installed.inside(installed.pod_of("notebook"), code)
    assert found == {"opened": [True, True], "closed": [False] * len(closed)}


def test_helm_test_starts_a_notebook_and_a_job_and_removes_them(installed: Installed) -> None:
    said = installed.run("helm", "-n", installed.namespace, "test", NAME, "--logs", "--timeout", f"{TEST_WITHIN}s")
    assert "Everything works." in said
    labels = "app.kubernetes.io/managed-by=primehub,primehub.io/user=helm-test"
    left = json.loads(installed.kubectl("get", "jobs,pods", "-l", labels, "-o", "json"))["items"]
    assert not [f for f in left if f["kind"] == "Pod" and f["status"]["phase"] == "Running"]
    names = [g["name"] for g in installed.call("GET", "/groups")["items"]]
    assert not [n for n in names if n.startswith("helm-test")]
