"""The platform as a person meets it: seconds of a first and a second start; how soon a job is accepted, runs, has ended.

    .venv/bin/python -m benchmarks.platform [--starts 5] [--jobs 20]

Wanted: a second start under 10 s, a job accepted within 0.2 s.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median, quantiles

from tests.support.platform import Platform, data_folder, discard, free_port
from tests.support.shell_notebook import made_environment
from tests.support.waiting import wait_for

SMALL = {"name": "tick", "cpu_limit": 0.5, "memory_limit": "256Mi", "cpu_request": 0.001, "memory_request": "1Mi"}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=20)
    options = parser.parse_args()
    platform = Platform(data_folder(), free_port())
    try:
        print(f"first start         {_timed(platform.start):6.2f} s")
        platform.become_admin()
        _jobs(platform, options.jobs)
        again = []
        for _ in range(options.starts):
            platform.stop()
            again.append(_timed(platform.start))
        print(f"second start        {median(again):6.2f} s median, {max(again):.2f} s at most of {len(again)}")
    finally:
        discard(platform)


def _timed(act: Callable[[], object]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


def _jobs(platform: Platform, count: int) -> None:
    with made_environment() as environment:
        image = platform.add_image(environment, "plain")
        platform.call("POST", "/instance-types", SMALL)
        body = {"group": "research", "instance_type": SMALL["name"], "image": image, "command": "true"}
        accepted, ended = [], []
        for _ in range(count):
            began = time.monotonic()
            job = platform.call("POST", "/jobs", body, status=201)["id"]
            accepted.append(time.monotonic() - began)
            over = lambda j=job: platform.call("GET", f"/jobs/{j}")["ended_at"] is not None  # noqa: E731
            wait_for(over, 60, what="it has ended")
            ended.append(time.monotonic() - began)
    for name, values in (("job accepted", accepted), ("job ended (true)", ended)):
        print(f"{name:<18}  {median(values):6.3f} s median, {quantiles(values, n=20)[-1]:.3f} s p95 of {count}")


if __name__ == "__main__":
    main()
