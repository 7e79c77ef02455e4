"""What a person does with jobs, in steps that any platform must pass: one of this machine, or one installed on a cluster."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import nbformat

from .names import unique
from .platform import STARTS_IN, Lab, Platform
from .waiting import wait_for

FINAL = ("SUCCEEDED", "FAILED", "CANCELLED")
PATIENCE = STARTS_IN
A_MINUTE = 60
LINES = 40
COUNTS = f"i=0; while [ $i -lt {LINES} ]; do echo line $i; i=$((i+1)); sleep 0.3; done; echo $i >artifacts/count"
SLEEP = "import time\nprint('so far')\ntime.sleep(600)"


def notebook(*sources: str, parameters: str = "") -> Any:
    """A notebook with these code cells; the first has the parameters, where there are any."""
    made = nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "P", "language": "python"}}
    )
    if parameters:
        made.cells.append(nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}))
    made.cells += [nbformat.v4.new_code_cell(source) for source in sources]
    return made


def text_of(cell: Any) -> str:
    """What a cell printed."""
    return "".join(output.get("text", "") for output in cell.outputs)


class Jobs:
    """A person's jobs on a platform."""

    def __init__(self, platform: Platform, lab: Lab) -> None:
        self.platform = platform
        self.lab = lab

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The API's JSON, as the person."""
        return self.platform.call(method, path, body, token=self.lab.token)

    def submit(self, command: str, **changes: Any) -> str:
        """A command as a job; its id."""
        return str(self.call("POST", "/jobs", {**self.lab.launch, "command": command, **changes})["id"])

    def submit_notebook(self, made: Any, **changes: Any) -> str:
        """A notebook as a job; its id."""
        answer = httpx.post(
            f"{self.platform.api}/snapshots?group={self.lab.group}&name=train.ipynb",
            content=nbformat.writes(made).encode(),
            headers={"Authorization": f"token {self.lab.token}", "Content-Type": "application/x-ipynb+json"},
            trust_env=False,
            timeout=30,
        )
        assert answer.status_code == 201, answer.text
        run = {"snapshot": answer.json()["id"], "path": "train.ipynb", "parameters": changes.pop("parameters", {})}
        return str(self.call("POST", "/jobs", {**self.lab.launch, "notebook": run, **changes})["id"])

    def get(self, job: str) -> Any:
        """The job as it is now."""
        return self.call("GET", f"/jobs/{job}")

    def until(self, job: str, condition: Callable[[Any], bool], what: str, seconds: float = PATIENCE) -> Any:
        """The job, once it is as wanted."""

        def look() -> Any:
            now = self.get(job)
            return now if condition(now) else None

        return wait_for(look, seconds, what=what)

    def cancel(self, *ids: str) -> None:
        """Ask for their end; nothing is done where they have ended."""
        for job in ids:
            self.call("POST", f"/jobs/{job}/cancel")

    def ended(self, job: str) -> Any:
        """The job, once it has ended."""
        return self.until(job, lambda now: now["phase"] in FINAL, f"{job} has ended")

    def log(self, job: str) -> str:
        """All that it has printed."""
        return str(self.call("GET", f"/jobs/{job}/log?offset=0&limit=1000000")["text"])

    def result(self, job: str) -> Any:
        """The notebook as its job left it."""
        answer = httpx.get(
            f"{self.platform.api}/jobs/{job}/artifacts/train-{job}.ipynb",
            headers={"Authorization": f"token {self.lab.token}"},
            trust_env=False,
            timeout=30,
        )
        assert answer.status_code == 200, answer.text
        return nbformat.reads(answer.text, as_version=4)


STRANGERS_TRY = (
    ("GET", ""),
    ("GET", "/log"),
    ("GET", "/artifacts"),
    ("GET", "/usage"),
    ("POST", "/cancel"),
    ("POST", "/rerun"),
    ("DELETE", ""),
)
SAVES = "trap 'echo saved; exit 0' TERM; echo ready; while :; do sleep 0.1; done"
HEARS_NOTHING = "trap '' TERM; echo ready; while :; do sleep 0.1; done"
CHILD = """python3 -c "import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('child heard it')))
print('ready', flush=True)
time.sleep(300)"
echo never"""


def a_command_runs_where_it_should_and_leaves_what_it_made(jobs: Jobs) -> None:
    """In the person's home, as nobody in particular, with what was asked for; and output that nobody flushed."""
    script = """
        pwd; id -un; echo "$PHJOB_NAME $PRIMEHUB_USER $COLOUR"; ls -d artifacts "$PRIMEHUB_GROUP_VOLUME_PATH"
        python3 -c 'print("unflushed"); import time; time.sleep(0.2)'
        echo made > artifacts/made.txt; exit 0
    """
    now = jobs.ended(job := jobs.submit(script, environment={"COLOUR": "red"}))
    assert (now["phase"], now["exit_code"], now["message"]) == ("SUCCEEDED", 0, "Job completed"), now
    assert jobs.log(job).splitlines() == [
        "/home/jovyan",
        "jovyan",
        f"{job} {jobs.lab.user} red",
        f"/project/{jobs.lab.group}",
        "artifacts",
        "unflushed",
    ]
    assert [file["path"] for file in jobs.call("GET", f"/jobs/{job}/artifacts")["items"]] == ["made.txt"]


def every_way_to_end_has_its_reason(jobs: Jobs) -> None:
    """All at once: each is a job of its own, and most of the time is waiting."""
    ids = {
        "exit": jobs.submit("exit 3"),
        "timeout": jobs.submit("sleep 300", timeout=2),
        "memory": jobs.submit('python3 -c "b = bytearray(1_500_000_000); print(len(b))"'),
        "cancelled": jobs.submit(SAVES),
        "stubborn": jobs.submit(HEARS_NOTHING),
        "child": jobs.submit(CHILD),
        "retried": jobs.submit('echo "$PRIMEHUB_WORKLOAD_KEY"; exit 4', retries=1),
    }
    try:
        for name in ("cancelled", "stubborn", "child"):
            wait_for(lambda job=ids[name]: "ready" in jobs.log(job), PATIENCE, what=f"{name} is ready")  # type: ignore[misc]
            jobs.call("POST", f"/jobs/{ids[name]}/cancel")
        ended = {name: jobs.ended(job) for name, job in ids.items()}
    finally:
        jobs.cancel(*ids.values())
    assert {name: (now["phase"], now["reason"]) for name, now in ended.items()} == {
        "exit": ("FAILED", "Exited"),
        "timeout": ("FAILED", "Timeout"),
        "memory": ("FAILED", "OOMKilled"),
        "cancelled": ("CANCELLED", "Cancelled"),
        "stubborn": ("CANCELLED", "Cancelled"),
        "child": ("CANCELLED", "Cancelled"),
        "retried": ("FAILED", "Exited"),
    }
    assert ended["exit"]["exit_code"] == 3
    assert ended["cancelled"]["message"] == f"Cancelled by {jobs.lab.user}"
    assert ended["stubborn"]["exit_code"] == 137
    assert "saved" in jobs.log(ids["cancelled"])
    assert "child heard it" in jobs.log(ids["child"])
    assert "never" not in jobs.log(ids["child"])
    assert [attempt["exit_code"] for attempt in ended["retried"]["attempts"]] == [4, 4]
    assert len({attempt["id"] for attempt in ended["retried"]["attempts"]}) == 2
    held = jobs.call("GET", f"/groups/{jobs.lab.group}/usage")["holders"]
    assert not [holder for holder in held if holder["id"] in ids.values()]


def a_secret_is_given_to_the_job_and_masked_in_what_it_prints(jobs: Jobs) -> None:
    """In whatever way it prints it."""
    value = f"hunter2-{jobs.lab.group}-hunter2"
    secret = jobs.call("POST", "/secrets", {"name": unique("scenario"), "kind": "env", "value": value})["name"]
    job = jobs.submit(f'echo "it is $KEY"; [ "$KEY" = {value} ]', secrets={"KEY": secret})
    assert jobs.ended(job)["phase"] == "SUCCEEDED"
    assert jobs.log(job) == "it is [masked]\n"


def nobody_else_learns_of_a_job_or_does_anything_with_it(jobs: Jobs, stranger: str) -> None:
    """``stranger`` is the token of somebody who is in no group. The job is deleted in the end, by its owner; its id."""
    jobs.ended(job := jobs.submit("true"))

    def tries(method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"Authorization": f"token {stranger}"}
        url = f"{jobs.platform.api}{path}"
        return httpx.request(method, url, json=body, headers=headers, trust_env=False, timeout=30)

    for method, path in STRANGERS_TRY:
        answer = tries(method, f"/jobs/{job}{path}")
        assert answer.status_code == 404, (method, path, answer.text)
    assert jobs.platform.call("GET", "/jobs", token=stranger)["total"] == 0
    answer = tries("POST", "/jobs", {**jobs.lab.launch, "command": "true"})
    assert answer.status_code in (403, 404, 422), answer.text
    jobs.call("DELETE", f"/jobs/{job}")
    assert tries("GET", f"/jobs/{job}").status_code == 404


def a_notebook_runs_with_its_parameters(jobs: Jobs) -> None:
    """Its progress is told by cell, its log names the cells, and what it has become can be read."""
    job = jobs.submit_notebook(notebook("print('sum', a + b)", parameters="a = 1\nb = 2"), parameters={"b": 40})
    ended = jobs.ended(job)
    assert (ended["phase"], ended["exit_code"], ended["name"]) == ("SUCCEEDED", 0, "train"), ended
    assert ended["progress"] == {"cells": 3, "done": 3, "cell": 2, "label": "print('sum', a + b)"}
    assert text_of(jobs.result(job).cells[2]) == "sum 41\n"
    assert "[3/3] print('sum', a + b)\nsum 41\n" in jobs.log(job)


def the_failing_cell_is_named(jobs: Jobs) -> None:
    """In the job's reason; what was computed before it is kept."""
    ended = jobs.ended(job := jobs.submit_notebook(notebook("print('before')", "x = 1 / 0")))
    assert (ended["phase"], ended["reason"], ended["exit_code"]) == ("FAILED", "CellFailed", 1), ended
    assert ended["message"] == "Code cell 2 of 2 (x = 1 / 0) failed: ZeroDivisionError: division by zero"
    assert text_of(jobs.result(job).cells[0]) == "before\n"


def what_there_is_can_be_read_after_a_cancel_and_a_timeout(jobs: Jobs) -> None:
    """A notebook that is stopped midway leaves what it had, the output of the running cell included."""
    cancelled = jobs.submit_notebook(notebook("print('done')", SLEEP))
    late = jobs.submit_notebook(notebook("print('done')", SLEEP), timeout=60)
    try:
        jobs.until(cancelled, lambda now: (now["progress"] or {}).get("done") == 1, "the second cell runs")
    finally:
        jobs.cancel(cancelled)
    assert jobs.ended(cancelled)["phase"] == "CANCELLED"
    ended = jobs.ended(late)
    assert (ended["phase"], ended["reason"]) == ("FAILED", "Timeout"), ended
    for job in (cancelled, late):
        assert text_of(jobs.result(job).cells[0]) == "done\n"
        assert text_of(jobs.result(job).cells[1]) == "so far\n"


def a_notebook_server_submits_what_is_on_screen(jobs: Jobs, url: str, started: str) -> None:
    """From the server at this URL, with nothing but its own token; the result comes to lie beside the original."""
    lab = jobs.lab
    base = jobs.platform.url + url.removesuffix("/lab").rstrip("/")
    headers = {"Authorization": f"token {lab.token}"}
    with httpx.Client(base_url=base, headers=headers, trust_env=False, timeout=60) as server:
        context = server.get("/primehub/context").json()
        assert context["available"] is True, context
        assert (context["user"], context["group"]["slug"]) == (lab.user, lab.group)
        assert context["notebook"]["id"] == started
        saved = {"type": "notebook", "format": "json", "content": json.loads(nbformat.writes(notebook("1")))}
        assert server.put("/api/contents/train.ipynb", json=saved).status_code in (200, 201)
        wanted = {
            "path": "train.ipynb",
            "content": json.loads(nbformat.writes(notebook("print('on screen')"))),
            "instance_type": lab.instance_type,
            "image": lab.image,
        }
        made = server.post("/primehub/jobs", json=wanted)
        assert made.status_code == 201, made.text

        def placed() -> Any:
            return server.get(f"/primehub/jobs/{made.json()['id']}").json()["placed"]

        place = wait_for(placed, PATIENCE, what="the result is placed")
        assert place.startswith("train-")
        result = server.get(f"/api/contents/{place}").json()["content"]
        assert result["cells"][0]["outputs"][0]["text"] == "on screen\n"
        original = server.get("/api/contents/train.ipynb").json()["content"]
        assert original["cells"][0]["source"] == "1"
        kept = server.post("/primehub/keep", json={"seconds": 600})
        assert kept.status_code == 200, kept.text
        assert kept.json()["keep_until"]


def counts_to_its_end(jobs: Jobs, job: str, lines: int = LINES) -> None:
    """``COUNTS`` succeeds in its first attempt, with every line of its output once, whatever was killed meanwhile."""
    ended = jobs.ended(job)
    assert (ended["phase"], len(ended["attempts"])) == ("SUCCEEDED", 1), ended
    assert jobs.log(job).splitlines() == [f"line {number}" for number in range(lines)]
    assert [file["path"] for file in jobs.call("GET", f"/jobs/{job}/artifacts")["items"]] == ["count"]


def a_schedule_of_every_minute(jobs: Jobs) -> Any:
    """One whose jobs end with code 3."""
    job = {**jobs.lab.launch, "command": "exit 3"}
    return jobs.call("POST", "/schedules", {"name": unique("each minute"), "cron": "* * * * *", "job": job})


def it_fires_at_its_instant(jobs: Jobs, made: Any) -> Any:
    """The first time that it is due; it is paused again then. That job, ended."""
    path = f"/schedules/{made['id']}"
    first = wait_for(
        lambda: jobs.call("GET", f"{path}/firings")["items"], 3 * A_MINUTE, what="the first instant is accounted for"
    )[-1]
    jobs.call("PATCH", path, {"version": jobs.call("GET", path)["version"], "paused": True})
    assert (first["instant"], first["outcome"]) == (made["next_at"], "JOB")
    late = datetime.fromisoformat(first["decided_at"]) - datetime.fromisoformat(first["instant"])
    assert late.total_seconds() < 10
    ended = jobs.ended(first["job"])
    assert (ended["phase"], ended["exit_code"], ended["schedule"]) == ("FAILED", 3, made["id"])
    return ended


def a_schedule_runs_now(jobs: Jobs, schedule: str) -> None:
    """Whenever asked to, paused or not."""
    ended = jobs.ended(jobs.call("POST", f"/schedules/{schedule}/run")["id"])
    assert (ended["phase"], ended["exit_code"], ended["schedule"]) == ("FAILED", 3, schedule)
