"""The platform on a cluster as `helm install` leaves it, and as an operator and a person meet it."""

from __future__ import annotations

import base64
import json
import shlex
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import httpx
import pytest
import yaml

from tests.support.beside import LIKE_INTERNET, LIKE_METADATA, Address, Beside, asks, listening_at
from tests.support.chart import rendered
from tests.support.installed import NAME, Installed, images, installation
from tests.support.names import unique
from tests.support.platform import STARTS_IN, Lab
from tests.support.scenarios import Jobs
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.cluster]

READY_WITHIN = 120
"""Seconds that `helm install --wait` may take, the keys' hook and the pulling of images included."""
TEST_WITHIN = 280


@pytest.fixture(scope="module")
def took(installed: Installed) -> Callable[[], float]:
    """Seconds until an installation was ready: the one of this folder; asked once more, another one."""
    measured = [installed.took]

    def measure() -> float:
        if measured:
            return measured.pop()
        with installation(images()) as another:
            another.install()
            return another.took

    return measure


def test_it_is_ready_in_two_minutes_with_no_value_but_the_images(
    installed: Installed, took: Callable[[], float]
) -> None:
    seconds = took()
    print(f"\nready after {seconds:.0f} s")
    assert seconds < READY_WITHIN
    status = installed.call("GET", "/status")
    assert status["engine"] == "kubernetes"
    assert {p["name"]: p["status"] for p in status["parts"]}["hub"] == "ok"


def test_prometheus_reads_what_is_measured_with_its_own_token_alone(installed: Installed) -> None:
    data = json.loads(installed.kubectl("get", "secret", f"{NAME}-keys", "-o", "json"))["data"]
    for token, status in {base64.b64decode(data["metrics.token"]).decode(): 200, "another": 401}.items():
        headers = {"Authorization": f"Bearer {token}"}  # as the ServiceMonitor has it sent
        answer = httpx.get(f"{installed.api}/metrics", headers=headers, trust_env=False, timeout=30)
        assert answer.status_code == status, answer.text


def test_notes_tell_where_it_is_and_how_the_administrator_gets_in(installed: Installed) -> None:
    notes = installed.run("helm", "-n", installed.namespace, "get", "notes", NAME)
    assert f"port-forward service/{NAME}-proxy 8000:80" in notes
    assert "primehub sign-in-link" in notes


def test_it_was_installed_where_the_restricted_standard_is_enforced(installed: Installed) -> None:
    namespace = json.loads(installed.kubectl("get", "namespace", installed.namespace, "-o", "json"))
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    words = ("run", "unconfined", "--image=none", "--dry-run=server", "--privileged")
    refused = subprocess.run(
        ["kubectl", "-n", installed.namespace, *words], capture_output=True, text=True, timeout=60, check=False
    )
    assert refused.returncode != 0
    assert 'violates PodSecurity "restricted' in refused.stderr


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
    pod = installed.pod_of("notebook", start=notebook["id"])
    assert pod["spec"]["automountServiceAccountToken"] is False
    code = "import json, os; print(json.dumps(os.path.exists('/var/run/secrets/kubernetes.io')))"
    assert installed.inside(pod, code) is False


RIGHTS = {
    "hub": {
        ("", "pods"): "get list watch create patch delete",
        ("", "pods/log"): "get",
        ("", "persistentvolumeclaims"): "get create",
        ("", "events"): "list watch",
    },
    "services": {
        ("batch", "jobs"): "get list watch create patch delete",
        ("", "pods"): "get list watch patch delete",
        ("", "pods/log"): "get",
        ("", "secrets"): "list create patch delete",
        ("", "persistentvolumeclaims"): "get list watch create",
        ("", "events"): "list watch",
        ("metrics.k8s.io", "pods"): "list",
    },
}
"""What each part may do in its own namespace, as `docs/design/003-kubernetes.md` says: everybody else may nothing."""


def rights(installed: Installed, namespace: str, account: str) -> set[tuple[str, ...]]:
    """Group, resource, name and verb of all that a service account of the installation may do in this namespace, by whatever
    binding; a path and a verb of what is in no namespace."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    who = f"--as=system:serviceaccount:{installed.namespace}:{account}"
    # to validate it, kubectl would ask for more than such an account may
    words = (who, "create", "--validate=false", "-f", "-", "-o", "json")
    status = json.loads(installed.kubectl(*words, given=json.dumps(review)))["status"]
    found: set[tuple[str, ...]] = set()
    for rule in status["resourceRules"]:
        parts = (rule.get("apiGroups", ()), rule.get("resources", ()), rule.get("resourceNames") or [""], rule["verbs"])
        found.update(product(*parts))
    for rule in status["nonResourceRules"]:
        found.update(product(rule.get("nonResourceURLs", ()), rule["verbs"]))
    return found


def test_its_service_accounts_may_do_what_is_written_down_in_their_namespace_and_nothing_anywhere_else(
    installed: Installed,
) -> None:
    items = json.loads(installed.kubectl("get", "serviceaccounts", "-o", "json"))["items"]
    accounts = {item["metadata"]["name"] for item in items}
    assert accounts == {"default", *(f"{NAME}-{part}" for part in RIGHTS)}
    for namespace in (installed.namespace, "kube-system", "default"):
        everybodys = rights(installed, namespace, "somebody-without-a-binding")
        # that of the hook is gone, and so must be what it might
        for account in (*accounts, f"{NAME}-keys"):
            own = RIGHTS.get(account.removeprefix(f"{NAME}-"), {}) if namespace == installed.namespace else {}
            written = {(*what, "", verb) for what, verbs in own.items() for verb in verbs.split()}
            assert rights(installed, namespace, account) - everybodys == written, f"{account} in {namespace}"


LISTENS = "python3 -u -m http.server 8888"


@pytest.fixture
def strangers(installed: Installed, lab: Lab) -> Iterator[list[Address]]:
    """Where a notebook and a job of another person in another group listen."""
    user = unique("eve")
    group = str(installed.call("POST", "/groups", {"name": unique("Strangers"), "user_quota": {"cpu": 2}})["slug"])
    eves = replace(lab, group=group, user=user, token=installed.add_person(user, group))
    jobs = Jobs(installed, eves)
    job = jobs.submit(LISTENS)
    try:
        path = f"/notebooks/{jobs.call('POST', '/notebooks', eves.launch)['id']}"
        wait_for(lambda: jobs.call("GET", path)["phase"] == "RUNNING", STARTS_IN, what="the notebook runs")
        wait_for(lambda: "Serving HTTP" in jobs.log(job), STARTS_IN, what="the job listens")
        pods = [installed.pod_of(kind, user=user) for kind in ("notebook", "job")]
        found = [(str(pod["status"]["podIP"]), 8888) for pod in pods]
        assert installed.inside(pods[1], asks(found[1:])) == [True]
        yield found
    finally:
        jobs.cancel(job)
        installed.end_notebooks(user)
        jobs.ended(job)


def test_notebooks_and_jobs_reach_the_platform_and_the_internet_and_nothing_else_of_the_cluster_though_it_is_there(
    installed: Installed, lab: Lab, notebook: dict[str, Any], jobs: Jobs, strangers: list[Address], beside: Beside
) -> None:
    services = json.loads(installed.kubectl("get", "services", "-o", "json"))["items"]
    address = {service["metadata"]["name"]: service["spec"]["clusterIP"] for service in services}
    hub, api, proxy = (f"{NAME}-hub", 8081), (f"{NAME}-services", 8092), (address[f"{NAME}-proxy-api"], 8001)
    cluster, gateway, stranger = ("kubernetes.default.svc", 443), (f"{NAME}-gateway", 8093), strangers[0]
    with listening_at(LIKE_METADATA) as metadata, listening_at(LIKE_INTERNET) as internet:
        anybodys = [cluster, beside.address, *metadata]
        for of, addresses in {
            "": [*anybodys, *internet],
            f"deploy/{NAME}-services": [cluster, beside.address, hub],
            f"deploy/{NAME}-hub": [proxy],
            f"deploy/{NAME}-proxy": [stranger, gateway],
        }.items():
            assert beside.reaches(addresses, of) == [True] * len(addresses), f"{of or 'an open pod'} reaches them"
        assert beside.reaches([*strangers, proxy, gateway]) == [False] * 4
        asked = [*internet, api, hub, *strangers, proxy, gateway, *anybodys]
        online, nothing = [True] * len(internet), [False] * (len(asked) - len(internet) - 2)
        ours = installed.pod_of("notebook", user=lab.user)
        assert installed.inside(ours, asks(asked)) == [*online, True, True, *nothing]
        job = jobs.submit(f"python3 -c {shlex.quote(asks(asked))}")
        assert jobs.ended(job)["phase"] == "SUCCEEDED"
        assert json.loads(jobs.log(job)) == [*online, True, False, *nothing]


def test_services_whose_database_does_not_answer_say_which_and_not_its_password(installed: Installed) -> None:
    there = "127.0.0.1:1/primehub"
    given = {"DATABASE_URL": f"postgresql://me:hidden@{there}", "DATA_DIR": "/tmp/another"}
    variables = [f"PRIMEHUB_SETTING__{name}={value}" for name, value in given.items()]
    variables += ["JUPYTERHUB_SERVICE_URL=http://127.0.0.1:8099"]
    # one that is away is waited for; the end of the wait is asked for by the pod's own timeout
    service = ["timeout", "30", "python3", "-m", "primehub_services.app"]
    words = ["exec", f"deploy/{NAME}-services", "--", "env", *variables, *service]
    asked = ["kubectl", "-n", installed.namespace, *words]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=120, check=False)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "services wait" in said
    assert f"{there}?" in said
    assert "cannot be reached" in said
    assert "hidden" not in said
    assert "Traceback" not in said


def test_helm_test_starts_a_notebook_and_a_job_and_removes_them(installed: Installed) -> None:
    said = installed.run("helm", "-n", installed.namespace, "test", NAME, "--logs", "--timeout", f"{TEST_WITHIN}s")
    assert "Everything works." in said
    labels = "app.kubernetes.io/managed-by=primehub,primehub.io/user=helm-test"
    left = json.loads(installed.kubectl("get", "jobs,pods", "-l", labels, "-o", "json"))["items"]
    assert not [f for f in left if f["kind"] == "Pod" and f["status"]["phase"] == "Running"]
    names = [g["name"] for g in installed.call("GET", "/groups")["items"]]
    assert not [n for n in names if n.startswith("helm-test")]


def test_the_api_server_takes_every_manifest_of_a_release_with_an_address_tls_and_single_sign_on(
    installed: Installed,
) -> None:
    values = {
        **installed.values,
        "ingress": {"enabled": True, "className": "nginx", "host": "hub.example.org", "tls": {"secretName": "tls"}},
        "proxy": {"tls": {"secretName": "proxy-tls"}, "service": {"type": "LoadBalancer"}},
        "settings": {"accounts": {"oidc": {"issuer": "https://sso.example.org/realms/lab", "client_id": "primehub"}}},
        "secretSettings": {
            "database_url": {"name": "postgres", "key": "url"},
            "hub_database_url": {"name": "postgres", "key": "hub"},
            "accounts.oidc.client_secret": {"name": "sso", "key": "secret"},
        },
        "services": {"replicas": 3, "storage": {"accessMode": "ReadWriteMany"}},
        "priorityClassName": "system-cluster-critical",
    }
    manifests = rendered(values, release="elsewhere")
    given = yaml.safe_dump_all(manifests)
    said = installed.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", given=given)
    assert len(said.splitlines()) == len(manifests)
