"""Jobs for real: commands in the sandbox, and everything that can become of them."""

from __future__ import annotations

import pytest

from tests.support import scenarios
from tests.support.faults import Victim, kill
from tests.support.names import unique
from tests.support.platform import Lab, Platform
from tests.support.scenarios import FINAL, Jobs
from tests.support.shell_notebook import shell_environment
from tests.support.waiting import wait_for

__all__ = ["shell_environment"]
pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]

ANVIL = {"cpu_limit": 0.5, "memory_limit": "256Mi", "cpu_request": 0.05, "memory_request": "32Mi"}


@pytest.fixture(scope="module")
def jobs(platform: Platform, shell_environment: str) -> Jobs:
    """The jobs of somebody in a group whose jobs are small."""
    group, anvil, smith = unique("forge"), unique("anvil"), unique("smith")
    platform.call("POST", "/groups", {"name": group, "user_quota": {"cpu": 8}})
    platform.call("POST", "/instance-types", {"name": anvil, **ANVIL})
    image = platform.add_image(shell_environment, unique("plain"))
    return Jobs(platform, Lab(group, anvil, image, smith, platform.add_person(smith, group)))


def test_a_command_runs_where_it_should_and_leaves_what_it_made(jobs: Jobs) -> None:
    scenarios.a_command_runs_where_it_should_and_leaves_what_it_made(jobs)


def test_every_way_to_end_has_its_reason_and_frees_what_was_held(jobs: Jobs) -> None:
    forks = jobs.submit(":(){ :|:& };: ; sleep 300", timeout=8)
    scenarios.every_way_to_end_has_its_reason(jobs)
    assert jobs.ended(forks)["reason"] in ("Timeout", "Exited", "OOMKilled")
    assert jobs.call("GET", f"/groups/{jobs.lab.group}/usage")["holders"] == []


def test_a_secret_is_given_to_the_job_and_masked_in_what_it_prints(jobs: Jobs) -> None:
    scenarios.a_secret_is_given_to_the_job_and_masked_in_what_it_prints(jobs)


def test_a_killed_platform_process_loses_no_job_and_runs_none_twice(jobs: Jobs, platform: Platform) -> None:
    script = (
        'echo "$PRIMEHUB_WORKLOAD_KEY" >> "$PRIMEHUB_GROUP_VOLUME_PATH/runs-$PHJOB_NAME"; echo on; sleep 8; echo off'
    )
    job = jobs.submit(script)
    wait_for(lambda: "on" in jobs.log(job), 60, what="it runs")
    again = kill(platform, Victim.SERVICES, job)
    wait_for(again, 60, what="the services are back")
    now = jobs.ended(job)
    assert (now["phase"], now["exit_code"]) == ("SUCCEEDED", 0), now
    assert len(now["attempts"]) == 1
    runs = platform.data / "projects" / jobs.lab.group / f"runs-{job}"
    assert runs.read_text().split() == [f"{job}-1"]
    assert jobs.log(job).splitlines() == ["on", "off"]


def test_a_gigabyte_of_output_keeps_both_ends_and_the_platform_well(jobs: Jobs, platform: Platform) -> None:
    job = jobs.submit("echo first; yes 'a line that says nothing at all' | head -c 1000000000; echo; echo last")
    now = jobs.until(job, lambda now: now["phase"] in FINAL, "it has ended", seconds=180)
    assert (now["phase"], now["exit_code"]) == ("SUCCEEDED", 0), now
    assert jobs.call("GET", f"/jobs/{job}/log?limit=100")["text"].startswith("first\n")
    assert jobs.call("GET", f"/jobs/{job}/log?tail=1")["text"].strip() == "last"
    kept = sum(f.stat().st_size for f in (platform.data / "blobs" / "jobs" / job).rglob("*") if f.is_file())
    assert kept < 64 * 1024**2


def test_nobody_else_learns_of_a_job_or_does_anything_with_it(jobs: Jobs, platform: Platform) -> None:
    before = set((platform.data / "blobs" / "jobs").iterdir())
    scenarios.nobody_else_learns_of_a_job_or_does_anything_with_it(jobs, platform.add_person(unique("tinker")))
    assert set((platform.data / "blobs" / "jobs").iterdir()) <= before
