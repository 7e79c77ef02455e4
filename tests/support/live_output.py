"""What a job prints is read while it runs, and what it leaves does nobody harm, on any platform."""

from __future__ import annotations

import io
import json
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

import httpx

from .names import unique
from .platform import Platform
from .scenarios import Jobs
from .waiting import wait_for

SECRET = "hunter2-correct-horse"
SCRIPT = """
python3 -c '
import os, time
for number in range(20):
    print(time.time())
    time.sleep(0.1)
print("secret", os.environ["TOKEN"])
'
cd artifacts; ln -s /etc/passwd passwd; ln -s ../../../../etc/passwd up; mkfifo pipe; echo 1,2 > table.csv
mkdir deep; echo '<script>alert(1)</script>' > deep/page.html
until [ -e /tmp/never ]; do sleep 0.1; done
"""
LATE = 1.0
"""Seconds after which a line is late."""


@dataclass
class Seen:
    """A line of the stream, and when it came."""

    text: str
    at: float


def get(jobs: Jobs, path: str, token: str | None = None) -> httpx.Response:
    """An answer about a job, for its owner or somebody else."""
    headers = {"Authorization": f"token {token or jobs.lab.token}"}
    return httpx.get(f"{jobs.platform.api}/jobs/{path}", headers=headers, trust_env=False, timeout=30)


def stream(platform: Platform, token: str, job: str) -> Iterator[Seen]:
    """The job's log as it comes, to its end."""
    headers = {"Authorization": f"token {token}"}
    url = f"{platform.api}/events?logs={job}:0"
    with httpx.stream("GET", url, headers=headers, trust_env=False, timeout=60) as answer:
        event = ""
        for line in answer.iter_lines():
            key, _, value = line.partition(": ")
            if key == "event":
                event = value
            elif key == "data" and event == "log":
                part = json.loads(value)
                yield Seen(part["text"], time.time())
                if part["ended"]:
                    return


def what_a_job_prints_is_seen_at_once_and_what_it_leaves_is_kept_without_harm(jobs: Jobs, stranger: str) -> str:
    """``stranger`` is the token of somebody who is in no group. The job's id."""
    secret = jobs.call("POST", "/secrets", {"name": unique("token"), "kind": "env", "value": SECRET})["name"]
    job = jobs.submit(SCRIPT, secrets={"TOKEN": secret})
    try:
        _it_is_seen_and_kept(jobs, job, stranger)
    finally:
        jobs.cancel(job)
    return job


def _it_is_seen_and_kept(jobs: Jobs, job: str, stranger: str) -> None:
    seen: list[Seen] = []
    reader = threading.Thread(target=lambda: seen.extend(stream(jobs.platform, jobs.lab.token, job)), daemon=True)
    reader.start()
    # while it runs, what it has written so far is there to be read
    wait_for(lambda: "deep/page.html" in get(jobs, f"{job}/artifacts").text, 60, what="it has written its files")
    assert get(jobs, f"{job}/artifacts").json()["live"]
    assert get(jobs, f"{job}/artifacts/table.csv").text == "1,2\n"
    jobs.call("POST", f"/jobs/{job}/cancel")
    reader.join(60)
    assert not reader.is_alive()

    whole = "".join(part.text for part in seen)
    assert SECRET not in whole
    assert "secret [masked]\n" in whole
    late = [part.at - float(line) for part in seen for line in part.text.splitlines() if line[:1] == "1"]
    assert len(late) == 20
    assert sorted(late)[10] < LATE, late  # half of them: this machine may do other things meanwhile
    assert get(jobs, f"{job}/log").json()["text"] == whole
    _what_is_kept_does_no_harm(jobs, job)
    for path in ("artifacts", "artifacts/table.csv", "artifacts.zip", "previews/table.csv", "usage", "log"):
        assert get(jobs, f"{job}/{path}", stranger).status_code == 404, path


def _what_is_kept_does_no_harm(jobs: Jobs, job: str) -> None:
    jobs.ended(job)
    kept = get(jobs, f"{job}/artifacts").json()
    assert (kept["live"], {item["path"] for item in kept["items"]}) == (False, {"table.csv", "deep/page.html"})
    assert {left["path"] for left in kept["left_out"]} == {"passwd", "up", "pipe"}
    with zipfile.ZipFile(io.BytesIO(get(jobs, f"{job}/artifacts.zip").content)) as archive:
        assert sorted(archive.namelist()) == ["deep/page.html", "table.csv"]
    page = get(jobs, f"{job}/artifacts/deep/page.html")
    assert page.headers["Content-Type"].startswith("text/plain")
    assert "sandbox" in page.headers["Content-Security-Policy"]
    assert get(jobs, f"{job}/artifacts/passwd").status_code == 404
