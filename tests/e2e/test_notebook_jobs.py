"""Notebooks as jobs on the running platform: from the upload, and from a notebook server with its own token."""

from __future__ import annotations

import pytest

from tests.support import scenarios
from tests.support.platform import Lab, Platform
from tests.support.scenarios import Jobs

pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]


@pytest.fixture
def jobs(platform: Platform, lab: Lab) -> Jobs:
    return Jobs(platform, lab)


def test_a_notebook_runs_with_its_parameters_and_its_result_can_be_read(jobs: Jobs) -> None:
    scenarios.a_notebook_runs_with_its_parameters(jobs)


def test_the_failing_cell_is_named_in_the_jobs_reason(jobs: Jobs) -> None:
    scenarios.the_failing_cell_is_named(jobs)


def test_what_there_is_can_be_read_after_a_cancel_and_after_a_timeout(jobs: Jobs) -> None:
    scenarios.what_there_is_can_be_read_after_a_cancel_and_a_timeout(jobs)


def test_a_notebook_server_submits_what_is_on_screen_and_gets_the_result_beside_it(jobs: Jobs) -> None:
    platform, lab = jobs.platform, jobs.lab
    words = ("--group", lab.group, "--instance-type", lab.instance_type, "--image", lab.image)
    started = platform.json("notebooks", "start", *words, token=lab.token)
    try:
        scenarios.a_notebook_server_submits_what_is_on_screen(jobs, started["url"], started["id"])
    finally:
        platform.cli("notebooks", "stop", token=lab.token)
