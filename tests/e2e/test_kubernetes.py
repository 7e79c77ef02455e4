"""The platform on a cluster, from `helm install` to `helm uninstall`, as an operator and a person meet it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.support.chart import helm
from tests.support.cluster import require_cluster
from tests.support.installed import NAME, PARTS, Installed, images, installation
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.cluster]

READY_WITHIN = 120
"""Seconds from the parts' making until every one is ready."""
TEST_WITHIN = 280
SMALL = {"name": "small", "cpu_limit": 1, "memory_limit": "1Gi", "cpu_request": 0.1, "memory_request": "128Mi"}
KEYS = f"{NAME}-keys"


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    """What this cluster's installation is given: where the images are, and nothing else."""
    require_cluster()
    helm("version")
    return images()


@pytest.fixture(scope="module")
def installed(values: dict[str, Any]) -> Iterator[Installed]:
    """PrimeHub, installed with no value but the images', and its administrator signed in by the one-time link."""
    with installation(values) as found:
        found.install()
        found.become_admin()
        yield found


@dataclass(frozen=True)
class Person:
    """Somebody in a group, and what the group may start."""

    name: str
    token: str
    group: str
    image: str

    @property
    def launch(self) -> dict[str, str]:
        """What they start a notebook or a job with."""
        return {"group": self.group, "instance_type": str(SMALL["name"]), "image": self.image}


@pytest.fixture(scope="module")
def person(installed: Installed) -> Person:
    """A member of a group, with the image that the first start offers."""
    made = installed.call("POST", "/groups", {"name": "Kernels_ONE", "user_quota": {"cpu": 4}})
    group = str(made["slug"])
    installed.call("POST", "/instance-types", SMALL)
    (image,) = installed.call("GET", "/images")["items"]
    return Person("ann", installed.add_person("ann", group), group, image["slug"])


@pytest.fixture(scope="module")
def notebook(installed: Installed, person: Person) -> dict[str, Any]:
    """A notebook that runs."""
    asked = installed.call("POST", "/notebooks", person.launch, token=person.token, status=202)

    def running() -> dict[str, Any] | None:
        now: dict[str, Any] = installed.call("GET", f"/notebooks/{asked['id']}", token=person.token)
        assert now["phase"] in ("STARTING", "RUNNING"), f"{now}\n{installed.state_of_pods()}\n{installed.hub_log()}"
        return now if now["phase"] == "RUNNING" else None

    found = wait_for(running, 300, what="the notebook runs")
    assert found is not None
    return found


def pod_of(installed: Installed, person: Person, kind: str = "notebook") -> dict[str, Any]:
    """The one pod of the person's of this kind."""
    labels = f"app.kubernetes.io/managed-by=primehub,primehub.io/kind={kind}"
    (found,) = json.loads(installed.kubectl("get", "pods", "-l", labels, "-o", "json"))["items"]
    assert isinstance(found, dict)
    return found


def inside(installed: Installed, pod: dict[str, Any], code: str) -> Any:
    """What Python prints, as JSON, in a notebook's container."""
    container = pod["spec"]["containers"][0]["name"]
    words = ("exec", pod["metadata"]["name"], "-c", container, "--", "python3", "-c", code)
    return json.loads(installed.kubectl(*words).strip().splitlines()[-1])


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
    installed: Installed, person: Person, notebook: dict[str, Any]
) -> None:
    page = httpx.get(
        installed.url + notebook["url"],
        headers={"Authorization": f"token {person.token}"},
        trust_env=False,
        timeout=30,
    )
    assert page.status_code == 200
    assert "JupyterLab" in page.text
    pod = pod_of(installed, person)
    assert pod["spec"]["automountServiceAccountToken"] is False
    code = "import json, os; print(json.dumps(os.path.exists('/var/run/secrets/kubernetes.io')))"
    assert inside(installed, pod, code) is False


def test_a_notebook_reaches_the_hub_and_the_api_and_nothing_else_of_the_cluster(
    installed: Installed, person: Person, notebook: dict[str, Any]
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
    found = inside(installed, pod_of(installed, person), code)
    assert found == {"opened": [True, True], "closed": [False] * len(closed)}


def test_a_job_runs_to_its_end_and_its_log_is_kept(installed: Installed, person: Person) -> None:
    body = {**person.launch, "name": "sums", "command": "echo begin; expr 6 '*' 7"}
    job = installed.call("POST", "/jobs", body, token=person.token, status=201)

    def ended() -> dict[str, Any] | None:
        now: dict[str, Any] = installed.call("GET", f"/jobs/{job['id']}", token=person.token)
        return now if now["phase"] in ("SUCCEEDED", "FAILED", "CANCELLED") else None

    now = wait_for(ended, 180, what="the job has ended")
    assert now is not None
    assert now["phase"] == "SUCCEEDED", f"{now}\n{installed.state_of_pods()}\n{installed.hub_log()}"

    def kept() -> bool:
        text = str(installed.call("GET", f"/jobs/{job['id']}/log", token=person.token)["text"])
        return "begin" in text and "42" in text

    wait_for(kept, 30, what="the log is kept")


def test_helm_test_starts_a_notebook_and_a_job_and_removes_them(installed: Installed) -> None:
    said = installed.run("helm", "-n", installed.namespace, "test", NAME, "--logs", "--timeout", f"{TEST_WITHIN}s")
    assert "Everything works." in said
    labels = "app.kubernetes.io/managed-by=primehub,primehub.io/user=helm-test"
    left = json.loads(installed.kubectl("get", "jobs,pods", "-l", labels, "-o", "json"))["items"]
    assert not [f for f in left if f["kind"] == "Pod" and f["status"]["phase"] == "Running"]
    names = [g["name"] for g in installed.call("GET", "/groups")["items"]]
    assert not [n for n in names if n.startswith("helm-test")]


def test_an_upgrade_loses_no_notebook_no_key_and_no_session(
    installed: Installed, person: Person, notebook: dict[str, Any]
) -> None:
    keys = json.loads(installed.kubectl("get", "secret", KEYS, "-o", "json"))["data"]
    before = pod_of(installed, person)["metadata"]["uid"]
    installed.upgrade({"settings": {"log_level": "DEBUG"}})
    assert json.loads(installed.kubectl("get", "secret", KEYS, "-o", "json"))["data"] == keys
    assert pod_of(installed, person)["metadata"]["uid"] == before
    assert installed.call("GET", "/me", token=person.token)["name"] == person.name

    def still_there() -> bool:
        now = installed.call("GET", f"/notebooks/{notebook['id']}", token=person.token)
        page = httpx.get(
            installed.url + notebook["url"],
            headers={"Authorization": f"token {person.token}"},
            trust_env=False,
            timeout=30,
        )
        return bool(now["phase"] == "RUNNING") and page.status_code == 200

    wait_for(still_there, 60, what="the notebook is behind the proxy again")


def test_what_is_uninstalled_leaves_peoples_data_and_the_keys_to_it(
    installed: Installed, person: Person, notebook: dict[str, Any]
) -> None:
    said = installed.run("helm", "-n", installed.namespace, "uninstall", NAME, "--wait")
    assert f"[PersistentVolumeClaim] {NAME}-services" in said
    claims = {c["metadata"]["name"] for c in json.loads(installed.kubectl("get", "pvc", "-o", "json"))["items"]}
    assert claims >= {f"{NAME}-hub", f"{NAME}-services", f"claim-{person.name}"}
    installed.kubectl("get", "secret", KEYS)
    deployments = json.loads(installed.kubectl("get", "deployments", "-o", "json"))["items"]
    assert not [d for d in deployments if d["metadata"]["name"] in {f"{NAME}-{part}" for part in PARTS}]
