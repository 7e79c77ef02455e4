"""What a job prints and leaves, on the platform as a person has it."""

from __future__ import annotations

import pytest

from tests.support import live_output
from tests.support.names import unique
from tests.support.platform import Lab, Platform
from tests.support.scenarios import Jobs
from tests.support.shell_notebook import shell_environment

__all__ = ["shell_environment"]
pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]


@pytest.fixture(scope="module")
def jobs(platform: Platform, shell_environment: str) -> Jobs:
    """The jobs of somebody in a group whose jobs are small."""
    group, small, user = unique("bench"), unique("bench-small"), unique("joiner")
    platform.call("POST", "/groups", {"name": group})
    platform.call("POST", "/instance-types", {"name": small, "cpu_limit": 0.5, "memory_limit": "256Mi"})
    image = platform.add_image(shell_environment, unique("bench-image"))
    return Jobs(platform, Lab(group, small, image, user, platform.add_person(user, group)))


@pytest.mark.alone
def test_what_a_job_prints_is_seen_at_once_and_what_it_leaves_is_kept_without_harm(
    jobs: Jobs, platform: Platform
) -> None:
    stranger = platform.add_person(unique("stranger"))
    job = live_output.what_a_job_prints_is_seen_at_once_and_what_it_leaves_is_kept_without_harm(jobs, stranger)
    assert jobs.call("GET", f"/jobs/{job}/usage")["points"]
