"""Jobs on an installation: a command, a notebook, and what recurs, in the very steps of the platform on one machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.support import live_output, scenarios
from tests.support.installed import Installed
from tests.support.names import unique
from tests.support.platform import STARTS_IN, Lab
from tests.support.scenarios import Jobs
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.cluster]
HAS = 50_000_000
"""Bytes that the measured job has at least."""
WORKS = f"""python3 -c 'import time
kept = "x" * {HAS}
while True: time.sleep(0.01)'"""


@pytest.fixture(scope="module", autouse=True)
def recurring(installed: Installed, lab: Lab) -> Iterator[dict[str, Any]]:
    """A schedule that comes due while the other tests run."""
    jobs = Jobs(installed, lab)
    made: dict[str, Any] = scenarios.a_schedule_of_every_minute(jobs)
    yield made
    jobs.call("DELETE", f"/schedules/{made['id']}")


@pytest.fixture(scope="module", autouse=True)
def measured(installed: Installed, lab: Lab) -> Iterator[tuple[Jobs, str]]:
    """A job of somebody else's that works while the other tests run: the cluster measures every so often."""
    group = str(installed.call("POST", "/groups", {"name": unique("Measured"), "user_quota": {"cpu": 2}})["slug"])
    user = unique("mel")
    jobs = Jobs(installed, replace(lab, group=group, user=user, token=installed.add_person(user, group)))
    job = jobs.submit(WORKS)
    yield jobs, job
    jobs.cancel(job)


def test_a_command_runs_where_it_should_and_leaves_what_it_made(installed: Installed, jobs: Jobs) -> None:
    scenarios.a_command_runs_where_it_should_and_leaves_what_it_made(jobs)


def test_every_way_to_end_has_its_reason_and_frees_what_was_held(jobs: Jobs) -> None:
    scenarios.every_way_to_end_has_its_reason(jobs)


def test_a_secret_is_given_to_the_job_and_masked_in_what_it_prints(jobs: Jobs) -> None:
    scenarios.a_secret_is_given_to_the_job_and_masked_in_what_it_prints(jobs)


def test_nobody_else_learns_of_a_job_or_does_anything_with_it(installed: Installed, jobs: Jobs) -> None:
    scenarios.nobody_else_learns_of_a_job_or_does_anything_with_it(jobs, installed.add_person(unique("tinker")))


@pytest.mark.alone
def test_what_a_job_prints_is_seen_at_once_and_what_it_leaves_is_kept_without_harm(
    installed: Installed, jobs: Jobs
) -> None:
    stranger = installed.add_person(unique("stranger"))
    live_output.what_a_job_prints_is_seen_at_once_and_what_it_leaves_is_kept_without_harm(jobs, stranger)


def test_a_notebook_runs_with_its_parameters_and_its_result_can_be_read(jobs: Jobs) -> None:
    scenarios.a_notebook_runs_with_its_parameters(jobs)


def test_the_failing_cell_is_named_in_the_jobs_reason(jobs: Jobs) -> None:
    scenarios.the_failing_cell_is_named(jobs)


def test_what_there_is_can_be_read_after_a_cancel_and_after_a_timeout(jobs: Jobs) -> None:
    scenarios.what_there_is_can_be_read_after_a_cancel_and_a_timeout(jobs)


def test_a_notebook_server_submits_what_is_on_screen_and_gets_the_result_beside_it(
    jobs: Jobs, notebook: dict[str, Any]
) -> None:
    scenarios.a_notebook_server_submits_what_is_on_screen(jobs, notebook["url"], notebook["id"])


def test_a_recurring_job_runs_at_its_instant_and_when_asked_to(jobs: Jobs, recurring: dict[str, Any]) -> None:
    scenarios.it_fires_at_its_instant(jobs, recurring)
    scenarios.a_schedule_runs_now(jobs, recurring["id"])


def test_what_a_running_job_takes_is_seen_as_the_cluster_measures_it(measured: tuple[Jobs, str]) -> None:
    jobs, job = measured

    def seen() -> bool:
        assert (now := jobs.get(job))["phase"] in ("PENDING", "PREPARING", "RUNNING"), now
        points = jobs.call("GET", f"/jobs/{job}/usage")["points"]
        return any(point["memory"] >= HAS and point["cpu"] > 0 for point in points)

    wait_for(seen, STARTS_IN, what="it is measured", every=0.5)
