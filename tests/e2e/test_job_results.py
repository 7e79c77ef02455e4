"""What a job prints and leaves, on the platform as a person has it."""

from __future__ import annotations

import io
import json
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.support.platform import Platform
from tests.support.shell_notebook import shell_environment
from tests.support.waiting import wait_for

__all__ = ["shell_environment"]
pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]

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


@dataclass
class Seen:
    """A line of the stream, and when it came."""

    text: str
    at: float


@dataclass(frozen=True)
class Bench:
    """Somebody with a group, an image and a secret."""

    platform: Platform
    token: str
    spec: dict[str, Any]

    def get(self, path: str, token: str | None = None) -> httpx.Response:
        """An answer about a job."""
        headers = {"Authorization": f"token {token or self.token}"}
        return httpx.get(f"{self.platform.api}/jobs/{path}", headers=headers, trust_env=False, timeout=30)


@pytest.fixture(scope="module")
def bench(platform: Platform, shell_environment: str) -> Bench:
    platform.call("POST", "/groups", {"name": "bench"})
    platform.call("POST", "/instance-types", {"name": "bench-small", "cpu_limit": 0.5, "memory_limit": "256Mi"})
    image = platform.add_image(shell_environment, "bench-image")
    token = platform.add_person("joiner", "bench")
    secret = platform.call("POST", "/secrets", {"name": "token", "kind": "env", "value": SECRET}, token=token)
    spec = {"group": "bench", "instance_type": "bench-small", "image": image, "secrets": {"TOKEN": secret["name"]}}
    return Bench(platform, token, spec)


def stream(bench: Bench, job: str) -> Iterator[Seen]:
    """The job's log as it comes, to its end."""
    headers = {"Authorization": f"token {bench.token}"}
    url = f"{bench.platform.api}/events?logs={job}:0"
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


def test_what_a_job_prints_is_seen_at_once_and_what_it_leaves_is_kept_without_harm(bench: Bench) -> None:
    body = {**bench.spec, "command": SCRIPT}
    job = bench.platform.call("POST", "/jobs", body, token=bench.token, status=201)["id"]
    seen: list[Seen] = []
    reader = threading.Thread(target=lambda: seen.extend(stream(bench, job)), daemon=True)
    reader.start()
    # while it runs, what it has written so far is there to be read
    wait_for(lambda: "deep/page.html" in bench.get(f"{job}/artifacts").text, 60, what="it has written its files")
    live = bench.get(f"{job}/artifacts").json()
    assert live["live"]
    assert bench.get(f"{job}/artifacts/table.csv").text == "1,2\n"
    bench.platform.call("POST", f"/jobs/{job}/cancel", token=bench.token)
    reader.join(60)
    assert not reader.is_alive()

    whole = "".join(part.text for part in seen)
    assert SECRET not in whole
    assert "secret [masked]\n" in whole
    late = [part.at - float(line) for part in seen for line in part.text.splitlines() if line[:1] == "1"]
    assert len(late) == 20
    assert sorted(late)[10] < 1, late  # half of them: this machine may do other things meanwhile
    assert bench.get(f"{job}/log").json()["text"] == whole

    kept = bench.get(f"{job}/artifacts").json()
    assert (kept["live"], {item["path"] for item in kept["items"]}) == (False, {"table.csv", "deep/page.html"})
    assert {left["path"] for left in kept["left_out"]} == {"passwd", "up", "pipe"}
    with zipfile.ZipFile(io.BytesIO(bench.get(f"{job}/artifacts.zip").content)) as archive:
        assert sorted(archive.namelist()) == ["deep/page.html", "table.csv"]
    page = bench.get(f"{job}/artifacts/deep/page.html")
    assert page.headers["Content-Type"].startswith("text/plain")
    assert "sandbox" in page.headers["Content-Security-Policy"]
    assert bench.get(f"{job}/artifacts/passwd").status_code == 404
    assert bench.get(f"{job}/usage").json()["points"]
    stranger = bench.platform.add_person("stranger")
    for path in ("artifacts", "artifacts/table.csv", "artifacts.zip", "previews/table.csv", "usage", "log"):
        assert bench.get(f"{job}/{path}", stranger).status_code == 404, path
