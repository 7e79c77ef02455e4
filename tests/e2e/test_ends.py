"""Ctrl-C is not a crash, and a restart is neither: what ends, in which order, and what is there at the next start."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
import websocket

from tests.support import crowd, faults
from tests.support.light_notebook import light_environment
from tests.support.platform import STARTS_IN, Platform, running_platform
from tests.support.waiting import wait_for

__all__ = ["light_environment"]
pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]

GROUP, TYPE = "ends", "drop"
DROP = {"name": TYPE, "cpu_limit": 0.5, "memory_limit": "256Mi", "cpu_request": 0.001, "memory_request": "1Mi"}


@pytest.fixture
def platform(light_environment: str) -> Iterator[Platform]:
    """A platform of one test."""
    environ = {"PRIMEHUB_SETTING__LOCAL__BASE_ENVIRONMENT": light_environment}
    with running_platform(environ) as started:
        started.call("POST", "/groups", {"name": GROUP, "user_quota": {"cpu": 4}})
        started.call("POST", "/instance-types", DROP)
        started.call("PUT", f"/groups/{GROUP}/members/admin", {})
        wait_for(
            lambda: started.call("GET", "/images")["items"][0]["phase"] == "READY", STARTS_IN, what="the image is ready"
        )
        yield started


def start(platform: Platform, name: str, **environment: str) -> str:
    """Ask for a notebook of the administrator."""
    image = platform.call("GET", "/images")["items"][0]["slug"]
    body = {"group": GROUP, "instance_type": TYPE, "image": image, "server_name": name, "environment": environment}
    return str(platform.call("POST", "/notebooks", body, status=202)["id"])


ONCE = 'cd "$PRIMEHUB_GROUP_VOLUME_PATH"; [ -e begun ] && exit 0; touch begun; echo begun; sleep 600'
"""A command that never ends at first, and at once when it is run again."""


def submit(platform: Platform, command: str) -> str:
    """A job of the administrator."""
    image = platform.call("GET", "/images")["items"][0]["slug"]
    body = {"group": GROUP, "instance_type": TYPE, "image": image, "command": command}
    return str(platform.call("POST", "/jobs", body, status=201)["id"])


def phase(platform: Platform, start_id: str) -> str:
    return str(platform.call("GET", f"/notebooks/{start_id}")["phase"])


def test_ctrl_c_ends_everything_in_order_and_the_next_start_finds_nothing_held(platform: Platform) -> None:
    ready = start(platform, "one"), start(platform, "two")
    for start_id in ready:
        wait_for(lambda i=start_id: phase(platform, i) == "RUNNING", STARTS_IN, what="it runs")  # type: ignore[misc]
    job = submit(platform, ONCE)
    wait_for(lambda: "begun" in platform.call("GET", f"/jobs/{job}/log")["text"], STARTS_IN, what="the job runs")
    starting = start(platform, "three", HOLD_START="never")
    wait_for(lambda: starting in platform.alive(), STARTS_IN, what="it starts")

    assert platform.stop() == 0
    steps = ["Stopping notebooks", "Stopping the hub and its services", "Stopping the proxy", "PrimeHub has stopped"]
    said = platform.said()
    assert [step for step in steps if step in said] == steps
    assert sorted(said.index(step) for step in steps) == [said.index(step) for step in steps]
    wait_for(lambda: not platform.processes(), what="no process is left")
    assert platform.alive() == set()

    platform.start()
    wait_for(lambda: not platform.claimed(), 10, what="nothing is held")
    assert crowd.servers(platform) == {}
    assert [phase(platform, start_id) for start_id in ready] == ["STOPPED", "STOPPED"]
    assert phase(platform, starting) == "FAILED"
    assert platform.call("GET", f"/groups/{GROUP}")["name"] == GROUP
    again = start(platform, "one")
    wait_for(lambda: phase(platform, again) == "RUNNING", STARTS_IN, what="it starts again")
    wait_for(
        lambda: platform.call("GET", f"/jobs/{job}")["phase"] == "SUCCEEDED", STARTS_IN, what="the job ran once more"
    )
    attempts = platform.call("GET", f"/jobs/{job}")["attempts"]
    assert [(a["phase"], a["reason"]) for a in attempts] == [("FAILED", "PlatformFailure"), ("SUCCEEDED", "Completed")]


def test_a_restart_keeps_notebooks_and_their_connections(platform: Platform) -> None:
    kept = start(platform, "kept")
    wait_for(lambda: phase(platform, kept) == "RUNNING", STARTS_IN, what="it runs")
    before = faults.notebook_process(kept)
    line = websocket.create_connection(f"{platform.url.replace('http', 'ws')}/user/admin/kept/echo", timeout=10)
    hub = platform.state()["hub_pid"]

    done = platform.cli("restart", "--data", str(platform.data))
    assert done.returncode == 0, done.stderr
    assert platform.state()["hub_pid"] != hub
    line.send("still there?")
    assert line.recv() == "still there?"
    assert faults.notebook_process(kept) == before
    wait_for(lambda: faults.accounts_agree(platform), 10, what="every account of what runs is the same")
    assert platform.claimed() == {kept}
    assert httpx.get(f"{platform.url}/user/admin/kept/", trust_env=False).status_code == 200
