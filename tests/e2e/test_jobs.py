"""Jobs for real: commands in the sandbox, and everything that can become of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.support.faults import Victim, kill
from tests.support.platform import Platform
from tests.support.shell_notebook import shell_environment
from tests.support.waiting import wait_for

__all__ = ["shell_environment"]
pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]

GROUP, TYPE = "forge", "anvil"
ANVIL = {"name": TYPE, "cpu_limit": 0.5, "memory_limit": "256Mi", "cpu_request": 0.05, "memory_request": "32Mi"}
FINAL = ("SUCCEEDED", "FAILED", "CANCELLED")


@dataclass(frozen=True)
class Forge:
    """A group, a member of it, and what they run."""

    platform: Platform
    image: str
    token: str

    def submit(self, command: str, **more: Any) -> str:
        """The id of a new job."""
        body = {"group": GROUP, "instance_type": TYPE, "image": self.image, "command": command, **more}
        return str(self.platform.call("POST", "/jobs", body, token=self.token, status=201)["id"])

    def job(self, job_id: str) -> dict[str, Any]:
        """It as it is now."""
        found: dict[str, Any] = self.platform.call("GET", f"/jobs/{job_id}", token=self.token)
        return found

    def until(self, job_id: str, *phases: str, seconds: float = 90) -> dict[str, Any]:
        """It once it is in one of the phases, or has ended."""

        def reached() -> dict[str, Any] | None:
            now = self.job(job_id)
            return now if now["phase"] in phases + FINAL else None

        found = wait_for(reached, seconds, what=f"{job_id} is {phases or 'ended'}")
        assert found is not None
        return found

    def log(self, job_id: str, **query: Any) -> str:
        """What it printed."""
        words = "&".join(f"{name}={value}" for name, value in query.items())
        return str(self.platform.call("GET", f"/jobs/{job_id}/log?{words}", token=self.token)["text"])

    def has_printed(self, job_id: str, text: str) -> None:
        """Wait for a text in its log."""
        wait_for(lambda: text in self.log(job_id), 60, what=f"{job_id} prints {text}")


@pytest.fixture(scope="module")
def forge(platform: Platform, shell_environment: str) -> Forge:
    platform.call("POST", "/groups", {"name": GROUP, "user_quota": {"cpu": 8}})
    platform.call("POST", "/instance-types", ANVIL)
    return Forge(platform, platform.add_image(shell_environment, "plain"), platform.add_person("smith", GROUP))


def test_a_command_runs_where_it_should_and_leaves_what_it_made(forge: Forge) -> None:
    script = """
        pwd; id -un; echo "$PHJOB_NAME $PRIMEHUB_USER $COLOUR"; ls -d artifacts "$PRIMEHUB_GROUP_VOLUME_PATH"
        python3 -c 'print("unflushed"); import time; time.sleep(0.2)'
        echo made > artifacts/made.txt; exit 0
    """
    job = forge.submit(script, environment={"COLOUR": "red"})
    now = forge.until(job)
    assert (now["phase"], now["exit_code"], now["message"]) == ("SUCCEEDED", 0, "Job completed"), now
    assert forge.log(job).splitlines() == [
        "/home/jovyan",
        "jovyan",
        f"{job} smith red",
        f"/project/{GROUP}",
        "artifacts",
        "unflushed",
    ]
    assert now["artifacts"]["files"] == 1


def test_every_way_to_end_has_its_reason_and_frees_what_was_held(forge: Forge) -> None:
    """All at once: each is a job of its own, and most of the time is waiting."""
    jobs = {
        "exit": forge.submit("exit 3"),
        "timeout": forge.submit("sleep 300", timeout=2),
        "memory": forge.submit('python3 -c "b = bytearray(800_000_000); print(len(b))"'),
        "forks": forge.submit(":(){ :|:& };: ; sleep 300", timeout=8),
        "cancelled": forge.submit("trap 'echo saved; exit 0' TERM; echo ready; while :; do sleep 0.1; done"),
        "stubborn": forge.submit("trap '' TERM; echo ready; while :; do sleep 0.1; done"),
        "child": forge.submit(
            'python3 -c "import signal, sys, time\n'
            "signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('child heard it')))\n"
            "print('ready', flush=True)\ntime.sleep(300)\"\necho never"
        ),
        "retried": forge.submit('echo "$PRIMEHUB_WORKLOAD_KEY"; exit 4', retries=1),
    }
    for name in ("cancelled", "stubborn", "child"):
        forge.has_printed(jobs[name], "ready")
        forge.platform.call("POST", f"/jobs/{jobs[name]}/cancel", token=forge.token)
    ended = {name: forge.until(job, seconds=120) for name, job in jobs.items()}
    outcome = {name: (now["phase"], now["reason"]) for name, now in ended.items()}
    forked = outcome.pop("forks")
    assert forked in (("FAILED", "Timeout"), ("FAILED", "Exited"), ("FAILED", "OOMKilled")), ended["forks"]
    assert outcome == {
        "exit": ("FAILED", "Exited"),
        "timeout": ("FAILED", "Timeout"),
        "memory": ("FAILED", "OOMKilled"),
        "cancelled": ("CANCELLED", "Cancelled"),
        "stubborn": ("CANCELLED", "Cancelled"),
        "child": ("CANCELLED", "Cancelled"),
        "retried": ("FAILED", "Exited"),
    }
    assert ended["exit"]["exit_code"] == 3
    assert ended["cancelled"]["message"] == "Cancelled by smith"
    assert ended["stubborn"]["exit_code"] == 137
    assert "saved" in forge.log(jobs["cancelled"])
    assert "child heard it" in forge.log(jobs["child"])
    assert "never" not in forge.log(jobs["child"])
    assert [a["exit_code"] for a in ended["retried"]["attempts"]] == [4, 4]
    assert len({a["id"] for a in ended["retried"]["attempts"]}) == 2
    usage = forge.platform.call("GET", f"/groups/{GROUP}/usage", token=forge.token)
    assert usage["holders"] == []


def test_a_killed_platform_process_loses_no_job_and_runs_none_twice(forge: Forge) -> None:
    script = (
        'echo "$PRIMEHUB_WORKLOAD_KEY" >> "$PRIMEHUB_GROUP_VOLUME_PATH/runs-$PHJOB_NAME"; echo on; sleep 8; echo off'
    )
    job = forge.submit(script)
    forge.has_printed(job, "on")
    again = kill(forge.platform, Victim.SERVICES, job)
    wait_for(again, 60, what="the services are back")
    now = forge.until(job)
    assert (now["phase"], now["exit_code"]) == ("SUCCEEDED", 0), now
    assert len(now["attempts"]) == 1
    runs = forge.platform.data / "projects" / GROUP / f"runs-{job}"
    assert runs.read_text().split() == [f"{job}-1"]
    assert forge.log(job).splitlines() == ["on", "off"]


def test_a_gigabyte_of_output_keeps_both_ends_and_the_platform_well(forge: Forge) -> None:
    job = forge.submit("echo first; yes 'a line that says nothing at all' | head -c 1000000000; echo; echo last")
    now = forge.until(job, seconds=180)
    assert (now["phase"], now["exit_code"]) == ("SUCCEEDED", 0), now
    assert forge.log(job, limit=100).startswith("first\n")
    assert forge.log(job, tail=1).strip() == "last"
    kept = sum(f.stat().st_size for f in (forge.platform.data / "blobs" / "jobs" / job).rglob("*") if f.is_file())
    assert kept < 64 * 1024**2


def test_nobody_else_learns_of_a_job_or_does_anything_with_it(forge: Forge) -> None:
    job = forge.submit("true")
    forge.until(job)
    stranger = forge.platform.add_person("tinker")
    headers = {"Authorization": f"token {stranger}"}
    for method, path in (
        ("GET", ""),
        ("GET", "/log"),
        ("GET", "/artifacts"),
        ("GET", "/usage"),
        ("POST", "/cancel"),
        ("POST", "/rerun"),
        ("DELETE", ""),
    ):
        answer = httpx.request(method, f"{forge.platform.api}/jobs/{job}{path}", headers=headers, trust_env=False)
        assert answer.status_code == 404, (method, path, answer.text)
    assert forge.platform.call("GET", "/jobs", token=stranger)["total"] == 0
    body = {"group": GROUP, "instance_type": TYPE, "image": forge.image, "command": "true"}
    answer = httpx.post(f"{forge.platform.api}/jobs", json=body, headers=headers, trust_env=False)
    assert answer.status_code in (403, 404, 422), answer.text
    assert forge.platform.call("DELETE", f"/jobs/{job}", token=forge.token, status=204) is None
    assert not (forge.platform.data / "blobs" / "jobs" / job).exists()
