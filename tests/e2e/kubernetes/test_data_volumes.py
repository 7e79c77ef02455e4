"""Data volumes that are no claim of the platform's: a folder of the nodes, and variables, as each group has them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.beside import not_on_a_node
from tests.support.cluster import cluster_image
from tests.support.installed import Installed
from tests.support.names import unique
from tests.support.parts import require
from tests.support.platform import STARTS_IN, Lab
from tests.support.sandbox import public_folder
from tests.support.scenarios import Jobs
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.cluster]
SEES = """
import json, os, pathlib, sys
share, who, variable = sys.argv[1:]
folder = pathlib.Path("/datasets") / share
try:
    (folder / who).write_text(who)
    writes = ""
except OSError as error:
    writes = error.strerror
print(json.dumps([(folder / "from-the-node").read_text(), writes, os.environ.get(variable, "")]))
"""
WRITERS, READERS = ["of the node", "", ""], ["of the node", "Read-only file system", "red"]
"""What is read of the folder, why it is not written to, and the variable, which one of the groups has."""


@pytest.fixture
def folder(installed: Installed) -> Iterator[Path]:
    """A folder of the node, to which everybody may write."""
    reason = not_on_a_node()
    require("node", not reason, reason)
    with public_folder() as found:
        found.chmod(0o777)
        (found / "from-the-node").write_text("of the node")
        yield found


@pytest.fixture
def people(installed: Installed, lab: Lab) -> Iterator[dict[str, Jobs]]:
    """The member of a group that may write, and that of one that may only read."""
    image = installed.add_image(cluster_image("test/shell"), unique("shell"))
    made = {}
    for what in ("writers", "readers"):
        group = str(installed.call("POST", "/groups", {"name": unique(what), "user_quota": {"cpu": 2}})["slug"])
        user = unique(what)
        made[what] = Jobs(installed, Lab(group, lab.instance_type, image, user, installed.add_person(user, group)))
    yield made
    for jobs in made.values():
        jobs.cancel(*(job["id"] for job in jobs.call("GET", f"/jobs?group={jobs.lab.group}")["items"]))
        installed.end_notebooks(jobs.lab.user)


@pytest.fixture
def flags(installed: Installed, people: dict[str, Jobs]) -> Iterator[str]:
    """The variable that the readers have, by a volume of that kind."""
    groups = [{"group": people["readers"].lab.group}]
    body = {"name": unique("flags"), "source": {"type": "env", "variables": {"colour": "red"}}, "groups": groups}
    volume = installed.call("POST", "/volumes", body)
    yield f"{volume['name']}_colour".upper().replace("-", "_")
    installed.call("DELETE", f"/volumes/{volume['slug']}")


@pytest.fixture
def share(installed: Installed, people: dict[str, Jobs], folder: Path) -> Iterator[str]:
    """The folder as a volume, bound by what PrimeHub tells an operator to apply."""
    groups = [{"group": jobs.lab.group, "writable": what == "writers"} for what, jobs in people.items()]
    body = {"name": unique("share"), "source": {"type": "hostPath", "path": str(folder)}, "groups": groups}
    volume = str(installed.call("POST", "/volumes", body)["slug"])
    path = f"/volumes/{volume}"
    manifests = installed.call("GET", f"{path}/manifests")["yaml"]
    installed.kubectl("apply", "-f", "-", given=manifests)
    try:
        wait_for(lambda: not installed.call("GET", path)["message"], STARTS_IN, what="it is bound", every=0.5)
        yield volume
    finally:
        installed.call("DELETE", path)
        words = ["kubectl", "delete", "--wait=false", "-f", "-"]
        subprocess.run(words, input=manifests, text=True, capture_output=True, timeout=60, check=False)


def test_a_folder_of_the_node_and_variables_reach_notebooks_and_jobs_as_each_group_may_have_them(
    installed: Installed, people: dict[str, Jobs], share: str, flags: str, folder: Path
) -> None:
    def code(who: str) -> str:
        return f"import sys; sys.argv[1:] = {[share, who, flags]!r}\n{SEES}"

    expected = {"writers": WRITERS, "readers": READERS}
    notebooks = {what: jobs.call("POST", "/notebooks", jobs.lab.launch)["id"] for what, jobs in people.items()}
    ran = {what: jobs.submit(f"python3 - <<'PROGRAM'\n{code(f'job-{what}')}\nPROGRAM") for what, jobs in people.items()}
    for what, jobs in people.items():
        assert jobs.ended(ran[what])["phase"] == "SUCCEEDED", jobs.log(ran[what])
        assert json.loads(jobs.log(ran[what])) == expected[what], what

    def running(what: str) -> dict[str, Any] | None:
        now: dict[str, Any] = people[what].call("GET", f"/notebooks/{notebooks[what]}")
        assert now["phase"] in ("STARTING", "RUNNING"), f"{now}\n{installed.state_of_pods()}"
        return now if now["phase"] == "RUNNING" else None

    for what, start in notebooks.items():
        found = wait_for(lambda what=what: running(what), STARTS_IN, what=f"the notebook of the {what} runs")
        assert found is not None
        assert found["left_out"] == []
        assert installed.inside(installed.pod_of("notebook", start=start), code(f"notebook-{what}")) == expected[what]
    # what was written is on the node, and nothing else
    assert {file.name for file in folder.iterdir()} == {"from-the-node", "job-writers", "notebook-writers"}
