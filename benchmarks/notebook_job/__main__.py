"""A notebook as a job on a running platform, beside nbclient and papermill in a fresh process, in the same environment.

The platform's time begins with the accepted submit and ends when the job has SUCCEEDED and its result was read; that of
the others is their process's whole life. Rounds alternate between the sides. papermill is measured where the
environment has it (``pip install papermill`` there); without ``--environment`` one is made, with it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from primehub_services.domain.images import EnvironmentSource
from primehub_services.domain.notebook_runs import result_name
from primehub_services.sandbox.environments import EnvironmentBuilder
from primehub_services.sandbox.workloads import Workloads
from tests.support.platform import Platform, running_platform

PACKAGES = ("jupyterlab>=4.6,<5", "jupyterhub>=6.1,<7", "ipykernel>=7,<8", "nbclient", "papermill>=2,<3")
NBCLIENT = """\
import sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], as_version=4)
nbclient.execute(notebook)
nbformat.write(notebook, sys.argv[2])
"""
POLL_S = 0.03
Side = Callable[[Path], float]


def notebook(cells: int) -> bytes:
    """A notebook of trivial cells."""
    made = [
        {
            "cell_type": "code",
            "id": f"c{i}",
            "metadata": {},
            "execution_count": None,
            "outputs": [],
            "source": f"x = {i}",
        }
        for i in range(cells)
    ]
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": spec}, "cells": made}).encode()


def process(*command: str) -> Side:
    """A side that is a process with the notebook's path and a result's as its last arguments."""

    def run(path: Path) -> float:
        result = path.with_name("result.ipynb")
        begun = time.perf_counter()
        subprocess.run([*command, str(path), str(result)], check=True, capture_output=True, cwd=path.parent)
        return time.perf_counter() - begun

    return run


class OnPlatform:
    """The side that is a job."""

    def __init__(self, platform: Platform, image: str) -> None:
        self._http = httpx.Client(
            base_url=platform.api,
            headers={"Authorization": f"token {platform.admin_token}"},
            trust_env=False,
            timeout=60,
        )
        self._image = image
        self.parts: list[tuple[float, ...]] = []
        """Seconds of each run: until it ran, until it had ended, until its result was read."""

    def __call__(self, path: Path) -> float:
        sent = self._http.post(
            "/snapshots?group=bench&name=a.ipynb",
            content=path.read_bytes(),
            headers={"Content-Type": "application/x-ipynb+json"},
        )
        run = {"snapshot": sent.raise_for_status().json()["id"], "path": "a.ipynb"}
        spec = {"group": "bench", "instance_type": "bench", "image": self._image, "notebook": run}
        answer = self._http.post("/jobs", json=spec)
        begun = time.perf_counter()
        assert answer.status_code == 201, answer.text
        job = answer.json()["id"]
        running = None
        while (now := self._get(job))["phase"] not in ("SUCCEEDED", "FAILED"):
            if now["phase"] == "RUNNING" and running is None:
                running = time.perf_counter() - begun
            time.sleep(POLL_S)
        ended = time.perf_counter() - begun
        assert now["phase"] == "SUCCEEDED", now["message"]
        result = self._http.get(f"/jobs/{job}/artifacts/{result_name(job, 'a.ipynb')}").raise_for_status().json()
        assert all(cell["execution_count"] for cell in result["cells"])
        took = time.perf_counter() - begun
        self.parts.append((running or ended, ended, took))
        return took

    def _get(self, job: str) -> Any:
        return self._http.get(f"/jobs/{job}").raise_for_status().json()


def measure(sides: dict[str, Side], cells: int, rounds: int) -> dict[str, list[float]]:
    """Seconds of every round of every side."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.ipynb")
        path.write_bytes(notebook(cells))
        for _ in range(rounds):
            for name, side in sides.items():
                times[name].append(side(path))
    return times


def environment(given: str | None) -> str:
    """The prefix of an environment; made once, in the folder for temporary files."""
    if given:
        return given
    folder = Path(tempfile.gettempdir()) / "primehub-benchmark-environments"
    folder.mkdir(exist_ok=True)
    builder = EnvironmentBuilder(Workloads(folder))
    return builder.build("benchmarks", EnvironmentSource(packages=PACKAGES), allow_unsandboxed=True)


def main() -> None:
    """Print one line for each side and size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environment", help="prefix of an environment with JupyterLab; one is made without")
    parser.add_argument("--rounds", type=int, default=7, help="of the notebook with one cell")
    parser.add_argument("--large-rounds", type=int, default=2, help="of the notebook with 1,000 cells")
    parser.add_argument("--skip-papermill", action="store_true", help="which takes minutes for 1,000 cells")
    arguments = parser.parse_args()
    prefix = environment(arguments.environment)
    sides: dict[str, Side] = {"nbclient": process(f"{prefix}/bin/python", "-c", NBCLIENT)}
    if Path(prefix, "bin", "papermill").exists() and not arguments.skip_papermill:
        sides["papermill"] = process(f"{prefix}/bin/papermill", "--no-progress-bar")
    with running_platform() as platform:
        platform.call("POST", "/groups", {"name": "bench", "user_quota": {"cpu": 4}})
        platform.call("PUT", "/groups/bench/members/admin", {"role": "member"})
        small = {"cpu_limit": 2, "memory_limit": "2Gi", "cpu_request": 0.1, "memory_request": "64Mi"}
        platform.call("POST", "/instance-types", {"name": "bench", **small})
        job = OnPlatform(platform, platform.add_image(prefix))
        sides["PrimeHub"] = job
        print(f"{'cells':>6}  {'side':<10}{'median s':>10}{'best s':>10}{'over nbclient s':>17}")
        for cells, rounds in ((1, arguments.rounds), (1000, arguments.large_rounds)):
            job.parts.clear()
            times = measure(sides, cells, rounds)
            base = statistics.median(times["nbclient"])
            for name, found in times.items():
                middle = statistics.median(found)
                print(f"{cells:>6}  {name:<10}{middle:>10.2f}{min(found):>10.2f}{middle - base:>17.2f}")
            running, ended, read = (statistics.median(part) for part in zip(*job.parts, strict=True))
            print(
                f"        of which: RUNNING after {running:.2f} s, SUCCEEDED after {ended:.2f} s, read after {read:.2f} s"
            )


if __name__ == "__main__":
    main()
