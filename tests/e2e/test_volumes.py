"""A repository as a volume of the whole platform: fetched, seen in a running notebook, renewed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.light_notebook import light_environment  # noqa: F401 - a fixture
from tests.support.platform import Platform, running_platform
from tests.support.repository import Repository
from tests.support.sandbox import public_folder
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]


@pytest.fixture
def share() -> Iterator[Path]:
    """A folder under which volumes may be."""
    with public_folder() as folder:
        folder.chmod(0o755)
        yield folder


@pytest.fixture
def platform(share: Path) -> Iterator[Platform]:
    with running_platform({"PRIMEHUB_SETTING__LOCAL__HOST_PATH_ROOTS": f'["{share}"]'}) as started:
        yield started


def test_a_repository_is_fetched_shown_and_renewed(
    platform: Platform,
    share: Path,
    light_environment: str,  # noqa: F811 - the fixture
) -> None:
    repository = Repository(share / "team")
    commit = repository.commit(a_txt="one")
    platform.call("POST", "/groups", {"name": "team"})
    source = {"type": "git", "url": f"{repository.url}-not-there"}
    made = platform.call("POST", "/volumes", {"name": "code", "source": source, "groups": []}, status=422)
    assert made["errors"][0]["field"] == "source.url"
    source["url"] = repository.url
    spec = {"name": "code", "source": source, "groups": [{"group": "team"}]}
    platform.call("POST", "/volumes", spec)

    def shows(wanted: str) -> bool:
        volume: dict[str, Any] = platform.call("GET", "/volumes/code")
        assert volume["message"] in ("", "It is being fetched for the first time."), volume
        return bool(volume["content"] and volume["content"]["commit"] == wanted)

    wait_for(lambda: shows(commit), 30, what="the first commit is shown")
    person = platform.add_person("ann", "team")
    least = {"cpu_limit": 0.5, "memory_limit": "1Gi", "cpu_request": 0.1, "memory_request": "64Mi"}
    platform.call("POST", "/instance-types", {"name": "small", **least})
    image = platform.add_image(light_environment)
    options = platform.call("GET", "/groups/team/launch-options", token=person)
    assert [mount["path"] for mount in options["mounts"]] == ["/home/jovyan", "/project/team", "/datasets/code"]
    asked = {"group": "team", "instance_type": "small", "image": image}
    started = platform.call("POST", "/notebooks", asked, token=person)

    def phase() -> str:
        return str(platform.call("GET", f"/notebooks/{started['id']}", token=person)["phase"])

    wait_for(lambda: phase() == "RUNNING", 60, what="the notebook runs")
    assert platform.call("GET", f"/notebooks/{started['id']}", token=person)["left_out"] == []

    # what changes its source is fetched at once, also while it is in use
    later = repository.commit("next", a_txt="two")
    volume = platform.call("GET", "/volumes/code")
    change = {"version": volume["version"], "source": {**source, "ref": "next"}}
    platform.call("PATCH", "/volumes/code", change)
    wait_for(lambda: shows(later), 30, what="the branch's commit is shown")
    platform.call("DELETE", f"/notebooks/{started['id']}", token=person)
    wait_for(lambda: phase() == "STOPPED", 60, what="the notebook is stopped")

    # a deleted volume's data stays
    platform.call("DELETE", "/volumes/code")
    assert (platform.data / "volumes" / "code" / "code" / "a.txt").read_text() == "two"
