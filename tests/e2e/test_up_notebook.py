"""A person's whole way by command: sign in, start, work, see, stop; and what a crash or an end does to it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import httpx
import psutil
import pytest

from tests.support.parts import require
from tests.support.platform import Lab, Platform
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]


@pytest.fixture(autouse=True)
def _sandboxes() -> None:
    from primehub_services.sandbox.probe import probe
    from primehub_services.sandbox.spec import SandboxOptions
    from tests.support.environment import cache_folder

    status = probe(cache_folder(), SandboxOptions()).status
    require("sandbox", status.sandboxed, status.sandbox.sentence)


@pytest.fixture(autouse=True)
def over(platform: Platform, lab: Lab) -> Iterator[None]:
    """No notebook of ann's is left to the next test, nor is it without a platform."""
    yield
    if platform.process is None:
        platform.start()
    platform.end_notebooks(lab.user)


@pytest.fixture
def notebook(platform: Platform, lab: Lab) -> dict[str, object]:
    """A notebook of ann's that runs."""
    words = ("--group", lab.group, "--instance-type", lab.instance_type, "--image", lab.image)
    found: dict[str, object] = platform.json("notebooks", "start", *words, token=lab.token)
    return found


def lab_answers(platform: Platform, url: object, token: str) -> bool:
    base = str(url).removesuffix("/lab").rstrip("/")
    headers = {"Authorization": f"token {token}"}
    try:
        answer = httpx.get(f"{platform.url}{base}/api/kernels", headers=headers, timeout=30, trust_env=False)
    except httpx.HTTPError:
        return False
    return answer.status_code == 200


def api_answers(platform: Platform) -> bool:
    try:
        return httpx.get(platform.api + "/health", timeout=30, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def test_the_whole_way_by_command(platform: Platform, lab: Lab) -> None:
    assert [g["name"] for g in platform.json("groups", "list", token=lab.token)] == ["lab"]
    assert platform.json("me", token=lab.token)["name"] == "ann"
    options = platform.json("notebooks", "options", "--group", lab.group, token=lab.token)
    assert lab.image in [image["slug"] for image in options["images"]]
    words = ("--group", lab.group, "--instance-type", lab.instance_type, "--image", lab.image)
    assert platform.json("notebooks", "check", *words, token=lab.token)["would_start"]

    started = platform.cli("notebooks", "start", *words, token=lab.token)
    assert started.returncode == 0, f"{started.stderr}\n{platform.hub_log()}"
    assert "%" in started.stderr, "real progress"
    url = started.stdout.strip()
    assert url.startswith(f"{platform.url}/user/ann/")
    assert lab_answers(platform, url.removeprefix(platform.url), lab.token)

    status = platform.json("notebooks", "status", token=lab.token)
    assert status["phase"] == "RUNNING"
    usage = platform.json("groups", "usage", lab.group, token=lab.token)
    assert usage["user"]["used"]["cpu"] == 0.5
    assert "ServerApp" in platform.cli("notebooks", "logs", "--all", token=lab.token).stdout

    stopped = platform.json("notebooks", "stop", token=lab.token)
    assert stopped["phase"] == "STOPPED"
    assert platform.json("groups", "usage", lab.group, token=lab.token)["user"]["used"]["cpu"] == 0
    kept = platform.cli("notebooks", "logs", "--all", status["id"], token=lab.token)
    assert "ServerApp" in kept.stdout, "the log is there after the end"


def test_a_refusal_names_the_numbers_and_the_holder(platform: Platform, lab: Lab, notebook: dict[str, object]) -> None:
    big = {"name": "lab-big", "cpu_limit": 4, "memory_limit": "1Gi", "cpu_request": 0.1, "memory_request": "64Mi"}
    platform.call("POST", "/instance-types", big)
    try:
        words = ("--group", lab.group, "--instance-type", "lab-big", "--image", lab.image, "--name", "second")
        done = platform.cli("notebooks", "start", *words, token=lab.token)
        assert done.returncode == 3
        for word in ("4 cores", "0.5 cores", "ann"):
            assert word in done.stderr
    finally:
        platform.call("DELETE", "/instance-types/lab-big")


def test_a_killed_hub_comes_back_while_the_notebook_runs_on(
    platform: Platform, lab: Lab, notebook: dict[str, object]
) -> None:
    # as in an open page: who the token is, the notebook knows already
    wait_for(lambda: lab_answers(platform, notebook["url"], lab.token), 60, what="the notebook answers")
    hub = platform.state()["hub_pid"]
    os.kill(hub, signal.SIGKILL)
    assert lab_answers(platform, notebook["url"], lab.token), "it works while the hub is away"
    wait_for(lambda: platform.state()["hub_pid"] not in (hub, None), 60, what="a new hub")
    wait_for(lambda: api_answers(platform), 60, what="the API answers again")
    assert lab_answers(platform, notebook["url"], lab.token)
    now = platform.call("GET", f"/notebooks/{notebook['id']}", token=lab.token)
    assert now["phase"] == "RUNNING"
    assert now["ready_at"] == notebook["ready_at"], "the same start"


def test_a_killed_proxy_comes_back_with_the_notebooks_route(
    platform: Platform, lab: Lab, notebook: dict[str, object]
) -> None:
    # its routes are looked at every few seconds
    api = f"http://127.0.0.1:{platform.state()['ports']['proxy_api_port']}/api/routes"
    token = (platform.data / "secrets/proxy.token").read_text().strip()
    assert "/user/ann" in httpx.get(api, headers={"Authorization": f"token {token}"}, trust_env=False).text
    seen = time.monotonic()
    wait_for(lambda: time.monotonic() - seen > 6, what="the next look at the routes")
    wait_for(lambda: lab_answers(platform, notebook["url"], lab.token), 60, what="the notebook answers")
    proxy = platform.state()["proxy_pid"]
    os.kill(proxy, signal.SIGKILL)
    wait_for(lambda: platform.state()["proxy_pid"] not in (proxy, None), 30, what="a new proxy")
    wait_for(lambda: lab_answers(platform, notebook["url"], lab.token), 60, what="the notebook answers again")


def test_ctrl_c_ends_the_notebook_too_and_a_restart_does_not(platform: Platform, lab: Lab) -> None:
    words = ("--group", lab.group, "--instance-type", lab.instance_type, "--image", lab.image)
    notebook = platform.json("notebooks", "start", *words, token=lab.token)
    running = [p.pid for p in platform.processes() if "jupyterhub-singleuser" in " ".join(p.cmdline())]
    assert platform.cli("restart", "--data", str(platform.data)).returncode == 0
    wait_for(lambda: lab_answers(platform, notebook["url"], lab.token), 60, what="the notebook answers after a restart")
    assert all(psutil.pid_exists(pid) for pid in running)

    assert platform.stop() == 0
    wait_for(lambda: not platform.processes(), what="no process is left")
    platform.start()

    def nothing_is_left() -> bool:
        ended = platform.call("GET", f"/notebooks/{notebook['id']}", token=lab.token)
        usage = platform.json("groups", "usage", lab.group, token=lab.token)
        return ended["phase"] in ("STOPPED", "FAILED") and usage["user"]["used"]["cpu"] == 0

    wait_for(nothing_is_left, 30, what="the notebook has ended, and its place is free")
