"""`helm upgrade` while people work, `helm uninstall`, and what is found again: the last of this folder, as it is another version then."""

from __future__ import annotations

import json
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support import scenarios
from tests.support.beside import Beside, asks
from tests.support.chart import CHART
from tests.support.cluster import own_address
from tests.support.installed import NAME, PARTS, READY, Installed, are_next, restarts
from tests.support.keycloak import CLIENT, Keycloak, form_address, issuer_at, running_keycloak
from tests.support.platform import API_PATH, STARTS_IN, Lab, asked_by_portal, free_port, like_a_persons
from tests.support.repository import certificate
from tests.support.scenarios import Jobs
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.cluster]
KEYS = f"{NAME}-keys"
SSO = "single-sign-on"
AWAY = 60
"""Seconds that the portal may be away: a pod of each part ends and another begins."""
REPLACED = 120
"""Seconds for which the end of the last pod of before is waited for: the longest grace is 20."""
REVISION = """
import sqlite3
database = sqlite3.connect("/var/lib/primehub/primehub.sqlite")
print(database.execute("SELECT version_num FROM alembic_version").fetchone()[0])
"""


@pytest.mark.alone
def test_an_upgrade_to_the_next_version_loses_no_notebook_no_job_no_key_and_no_session(
    installed: Installed, lab: Lab, jobs: Jobs, notebook: dict[str, Any], beside: Beside
) -> None:
    lines = 2 * scenarios.LINES
    job = jobs.submit(scenarios.COUNTS.replace(str(scenarios.LINES), str(lines)))
    wait_for(lambda: "line 5\n" in jobs.log(job), STARTS_IN, what="the job counts")
    keys = json.loads(installed.kubectl("get", "secret", KEYS, "-o", "json"))["data"]
    before = installed.pod_of("notebook", user=lab.user)["metadata"]["uid"]
    with beside.watching(f"http://{NAME}-proxy/services/primehub/api/v1/health") as pauses:
        installed.to_the_next_version()
        wait_for(lambda: _answers(installed, lab, notebook), STARTS_IN, what="the notebook is behind the proxy again")
    print(f"\nthe portal was away for {max(pauses):.1f} s")
    assert max(pauses) < AWAY
    assert json.loads(installed.kubectl("get", "secret", KEYS, "-o", "json"))["data"] == keys
    assert installed.pod_of("notebook", user=lab.user)["metadata"]["uid"] == before
    assert installed.call("GET", "/me", token=lab.token)["name"] == lab.user
    scenarios.counts_to_its_end(jobs, job, lines)


def test_the_upgrade_replaced_every_part_and_migrated_the_database_once(installed: Installed) -> None:
    # helm waits for the new pods alone: the gateway's old one answers until they do, and has its grace then
    wait_for(lambda: len(installed.parts()) == len(PARTS), REPLACED, what="each part is one pod")
    pods = installed.parts()
    assert are_next(pods)
    assert restarts(pods) == [0] * len(PARTS)
    words = ("exec", f"deploy/{NAME}-services", "--", "python3", "-c", REVISION)
    assert installed.kubectl(*words).split() == ["next"]


def _answers(installed: Installed, lab: Lab, notebook: dict[str, Any]) -> bool:
    """Whether the notebook runs, and is reached; whoever is on the way may be away."""
    headers = {"Authorization": f"token {lab.token}"}
    with suppress(AssertionError, httpx.HTTPError):
        now = installed.call("GET", f"/notebooks/{notebook['id']}", token=lab.token)
        page = httpx.get(installed.url + notebook["url"], headers=headers, trust_env=False, timeout=30)
        return bool(now["phase"] == "RUNNING") and page.status_code == 200
    return False


@pytest.fixture(scope="module")
def uninstalled(installed: Installed, lab: Lab, notebook: dict[str, Any]) -> tuple[str, str]:
    """What `helm uninstall` said, and the notebook's pod before it."""
    before = installed.pod_of("notebook", user=lab.user)["metadata"]["uid"]
    return installed.run("helm", "-n", installed.namespace, "uninstall", NAME, "--wait", "--ignore-not-found"), before


def test_what_is_uninstalled_leaves_peoples_data_and_the_keys_to_it(
    installed: Installed, lab: Lab, uninstalled: tuple[str, str]
) -> None:
    said, before = uninstalled
    assert f"[PersistentVolumeClaim] {NAME}-services" in said
    claims = {c["metadata"]["name"] for c in json.loads(installed.kubectl("get", "pvc", "-o", "json"))["items"]}
    assert claims >= {f"{NAME}-hub", f"{NAME}-services", f"claim-{lab.user}"}
    installed.kubectl("get", "secret", KEYS)
    deployments = json.loads(installed.kubectl("get", "deployments", "-o", "json"))["items"]
    assert not [d for d in deployments if d["metadata"]["name"] in {f"{NAME}-{part}" for part in PARTS}]
    still = installed.pod_of("notebook", user=lab.user)
    assert (still["metadata"]["uid"], still["status"]["phase"]) == (before, "Running")


@pytest.fixture(scope="module")
def provider_url() -> str:
    """Where pods and browsers find a provider, once there is one."""
    return f"http://{own_address()}:{free_port()}"


def with_provider(url: str) -> dict[str, Any]:
    """The values of an installation whose people may sign in there; the policies are opened to it alone."""
    there = urlsplit(url)
    peer = {"to": [{"ipBlock": {"cidr": f"{there.hostname}/32"}}], "ports": [{"protocol": "TCP", "port": there.port}]}
    oidc = {"issuer": issuer_at(url), "client_id": CLIENT["client_id"], "name": "the lab's Keycloak"}
    return {
        "settings": {"accounts": {"oidc": oidc}},
        "secretSettings": {"accounts.oidc.client_secret": {"name": SSO, "key": "secret"}},
        "networkPolicies": {"platform": {"extraEgress": [peer]}},
    }


def test_what_is_installed_again_finds_it_with_a_secret_that_somebody_keeps_and_configuration_of_ones_own(
    installed: Installed, lab: Lab, notebook: dict[str, Any], provider_url: str
) -> None:
    extra = "c.JupyterHub.template_vars.update({'announcement': 'told by an operator'})"
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": SSO}}
    given = json.dumps(secret | {"stringData": {"secret": CLIENT["client_secret"]}})
    installed.kubectl("apply", "-f", "-", given=given)
    # with a provider that is away, too
    more = {"existingSecret": KEYS, "hub": {"extraConfig": {"told": extra}}, **with_provider(provider_url)}
    # the hook that looks after the keys runs while what stayed closes the namespace in
    installed.helm("upgrade", "--install", NAME, str(CHART), "--timeout", "180s")
    installed.upgrade(more)
    # the tokens of before are known, and what ran all the time is told of and reached
    wait_for(lambda: _answers(installed, lab, notebook), STARTS_IN, what="the notebook is behind the new proxy")
    assert installed.call("GET", "/me")["name"] == "admin"
    page = httpx.get(f"{installed.url}/hub/login", trust_env=False, timeout=30)
    assert "told by an operator" in page.text


@pytest.mark.keycloak
def test_who_is_in_a_group_of_the_provider_signs_in_and_is_in_that_group_here(
    installed: Installed, beside: Beside, notebook: dict[str, Any], provider_url: str, tmp_path: Path
) -> None:
    groups = {group["name"]: group["slug"] for group in installed.call("GET", "/groups")["items"]}
    slug = groups.get("research") or installed.call("POST", "/groups", {"name": "research"})["slug"]
    with running_keycloak(tmp_path, installed.url, provider_url) as provider, installed.browser() as browser:
        me = signed_in_through(browser, provider)
        assert (me["name"], [group["group"] for group in me["groups"]]) == ("ann-lee", [slug])
        members = installed.call("GET", f"/groups/{slug}/members")["items"]
        assert {m["user"]: m["origins"] for m in members}["ann-lee"] == ["provider"]
        there = urlsplit(provider_url)
        address = [(str(there.hostname), there.port or 80)]
        assert beside.reaches(address, f"deploy/{NAME}-hub") == [True]
        assert beside.reaches(address, f"deploy/{NAME}-gateway") == [False]
        assert installed.inside(installed.pod_of("notebook", start=notebook["id"]), asks(address)) == [False]
    kinds = "configmaps,deployments,pods,replicasets"
    assert CLIENT["client_secret"] not in installed.kubectl("get", kinds, "-o", "json")


def test_the_proxy_answers_with_a_certificate_of_ones_own(
    installed: Installed, lab: Lab, notebook: dict[str, Any], tmp_path: Path
) -> None:
    cert, key = certificate(tmp_path)
    installed.kubectl("create", "secret", "tls", "own-certificate", f"--cert={cert}", f"--key={key}")
    # helm waits until the probes, which speak TLS now, have found the proxy well
    port = free_port()
    settings = installed.values.get("settings", {}) | {"public_url": f"https://127.0.0.1:{port}"}
    more = {"proxy": {"tls": {"secretName": "own-certificate"}}, "settings": settings}
    installed.helm("upgrade", NAME, str(CHART), "--wait", "--timeout", f"{READY}s", more=more)
    forward, _ = installed.forward(f"service/{NAME}-proxy", 443, port)
    headers = {"Authorization": f"token {lab.token}"}
    trusted = ssl.create_default_context(cafile=str(cert))
    try:
        with httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=trusted, trust_env=False, timeout=30) as client:

            def status(path: str) -> int:
                with suppress(httpx.HTTPError):
                    return client.get(path, headers=headers).status_code
                return 0

            for path in (f"{API_PATH}/me", "/hub/api/user", notebook["url"]):
                wait_for(lambda path=path: status(path) == 200, STARTS_IN, what=f"{path} answers")  # type: ignore[misc]
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"http://127.0.0.1:{port}/hub/login", trust_env=False, timeout=30).raise_for_status()
    finally:
        forward.kill()
        forward.wait()


def signed_in_through(browser: httpx.Client, provider: Keycloak) -> Any:
    """Go through the provider's page as ``ann-lee``; what the portal then says of who one is."""
    like_a_persons(browser)
    assert "Sign in with the lab" in browser.get("/hub/login").text
    form = browser.get("/hub/oauth_login")
    assert str(form.url).startswith(provider.issuer), form.text
    page = browser.post(form_address(form.text), data={"username": "ann-lee", "password": "password-of-ann"})
    assert (page.status_code, page.url.path) == (200, "/services/primehub/"), [*page.history, page, page.text]
    return asked_by_portal(browser, "/me")
