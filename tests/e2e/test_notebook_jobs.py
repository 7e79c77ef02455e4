"""Notebooks as jobs on the running platform: from the upload, and from a notebook server with its own token."""

from __future__ import annotations

import json
from typing import Any

import httpx
import nbformat
import pytest

from tests.e2e.conftest import Lab
from tests.support.platform import Platform
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]
FINAL = ("SUCCEEDED", "FAILED", "CANCELLED")
PATIENCE = 90
SLEEP = "import time\nprint('so far')\ntime.sleep(600)"


def notebook(*sources: str, parameters: str = "") -> Any:
    made = nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "P", "language": "python"}}
    )
    if parameters:
        made.cells.append(nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}))
    made.cells += [nbformat.v4.new_code_cell(source) for source in sources]
    return made


class Jobs:
    """A person's notebook jobs."""

    def __init__(self, platform: Platform, lab: Lab) -> None:
        self.platform = platform
        self.lab = lab

    def call(self, method: str, path: str, body: Any = None) -> Any:
        return self.platform.call(method, path, body, token=self.lab.token)

    def submit(self, made: Any, **changes: Any) -> str:
        answer = httpx.post(
            f"{self.platform.api}/snapshots?group={self.lab.group}&name=train.ipynb",
            content=nbformat.writes(made).encode(),
            headers={"Authorization": f"token {self.lab.token}", "Content-Type": "application/x-ipynb+json"},
            trust_env=False,
        )
        assert answer.status_code == 201, answer.text
        run = {"snapshot": answer.json()["id"], "path": "train.ipynb", "parameters": changes.pop("parameters", {})}
        spec = {"group": self.lab.group, "instance_type": self.lab.instance_type, "image": self.lab.image}
        return str(self.call("POST", "/jobs", {**spec, "notebook": run, **changes})["id"])

    def get(self, job: str) -> Any:
        return self.call("GET", f"/jobs/{job}")

    def until(self, job: str, condition: Any, what: str) -> Any:
        def look() -> Any:
            now = self.get(job)
            return now if condition(now) else None

        return wait_for(look, PATIENCE, what=what)

    def ended(self, job: str) -> Any:
        return self.until(job, lambda now: now["phase"] in FINAL, f"{job} has ended")

    def result(self, job: str) -> Any:
        answer = httpx.get(
            f"{self.platform.api}/jobs/{job}/artifacts/train-{job}.ipynb",
            headers={"Authorization": f"token {self.lab.token}"},
            trust_env=False,
        )
        assert answer.status_code == 200, answer.text
        return nbformat.reads(answer.text, as_version=4)


@pytest.fixture
def jobs(platform: Platform, lab: Lab) -> Jobs:
    return Jobs(platform, lab)


def text_of(cell: Any) -> str:
    return "".join(output.get("text", "") for output in cell.outputs)


def test_a_notebook_runs_with_its_parameters_and_its_result_can_be_read(jobs: Jobs) -> None:
    job = jobs.submit(notebook("print('sum', a + b)", parameters="a = 1\nb = 2"), parameters={"b": 40})
    ended = jobs.ended(job)
    assert (ended["phase"], ended["exit_code"], ended["name"]) == ("SUCCEEDED", 0, "train"), ended
    assert ended["progress"] == {"cells": 3, "done": 3, "cell": 2, "label": "print('sum', a + b)"}
    assert text_of(jobs.result(job).cells[2]) == "sum 41\n"
    log = jobs.call("GET", f"/jobs/{job}/log")["text"]
    assert "[3/3] print('sum', a + b)\nsum 41\n" in log


def test_the_failing_cell_is_named_in_the_jobs_reason(jobs: Jobs) -> None:
    job = jobs.submit(notebook("print('before')", "x = 1 / 0"))
    ended = jobs.ended(job)
    assert (ended["phase"], ended["reason"], ended["exit_code"]) == ("FAILED", "CellFailed", 1), ended
    assert ended["message"] == "Code cell 2 of 2 (x = 1 / 0) failed: ZeroDivisionError: division by zero"
    assert text_of(jobs.result(job).cells[0]) == "before\n"


def test_what_there_is_can_be_read_after_a_cancel_and_after_a_timeout(jobs: Jobs) -> None:
    cancelled = jobs.submit(notebook("print('done')", SLEEP))
    late = jobs.submit(notebook("print('done')", SLEEP), timeout=12)
    jobs.until(cancelled, lambda now: (now["progress"] or {}).get("done") == 1, "the second cell runs")
    jobs.call("POST", f"/jobs/{cancelled}/cancel")
    assert jobs.ended(cancelled)["phase"] == "CANCELLED"
    ended = jobs.ended(late)
    assert (ended["phase"], ended["reason"]) == ("FAILED", "Timeout"), ended
    for job in (cancelled, late):
        assert text_of(jobs.result(job).cells[0]) == "done\n"
        assert text_of(jobs.result(job).cells[1]) == "so far\n"


def test_a_notebook_server_submits_what_is_on_screen_and_gets_the_result_beside_it(jobs: Jobs) -> None:
    platform, lab = jobs.platform, jobs.lab
    words = ("--group", lab.group, "--instance-type", lab.instance_type, "--image", lab.image)
    started = platform.json("notebooks", "start", *words, token=lab.token)
    base = str(started["url"]).removesuffix("/lab").rstrip("/")
    headers = {"Authorization": f"token {lab.token}"}
    try:
        with httpx.Client(base_url=f"{platform.url}{base}", headers=headers, trust_env=False, timeout=60) as server:
            context = server.get("/primehub/context").json()
            assert context["available"] is True, context
            assert (context["user"], context["group"]["slug"]) == (lab.user, lab.group)
            assert context["notebook"]["id"] == started["id"]
            saved = {"type": "notebook", "format": "json", "content": json.loads(nbformat.writes(notebook("1")))}
            assert server.put("/api/contents/train.ipynb", json=saved).status_code == 201
            wanted = {
                "path": "train.ipynb",
                "content": json.loads(nbformat.writes(notebook("print('on screen')"))),
                "instance_type": lab.instance_type,
                "image": lab.image,
            }
            made = server.post("/primehub/jobs", json=wanted)
            assert made.status_code == 201, made.text

            def placed() -> Any:
                return server.get("/primehub/jobs").json()["items"][0]["placed"]

            place = wait_for(placed, PATIENCE, what="the result is placed")
            assert place.startswith("train-")
            result = server.get(f"/api/contents/{place}").json()["content"]
            assert result["cells"][0]["outputs"][0]["text"] == "on screen\n"
            original = server.get("/api/contents/train.ipynb").json()["content"]
            assert original["cells"][0]["source"] == "1"
            kept = server.post("/primehub/keep", json={"seconds": 600})
            assert kept.status_code == 200, kept.text
            assert kept.json()["keep_until"]
    finally:
        platform.cli("notebooks", "stop", token=lab.token)
