"""Drift of recurring jobs (due instant to firing), and from the firing to the admission of its job.

Starts a platform of its own whose engine runs nothing, so that what is measured is the platform's own time, and makes
recurring jobs by its API: first spread over the minutes of an hour, then (``--burst``) all due in the same second.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.support.platform import NOWHERE, Platform, running_platform

ENGINE = {"PRIMEHUB_SETTING__ENGINE": "fake"}
HOUR = 60
GRACE = 30
"""Seconds after the last instant in which jobs may still be admitted."""


def main() -> None:
    """Print one line for each figure."""
    parser = argparse.ArgumentParser(prog="benchmarks.schedules", description=__doc__)
    parser.add_argument("--schedules", type=int, default=1000)
    parser.add_argument("--minutes", type=int, default=5, help="to watch")
    parser.add_argument("--burst", action="store_true", help="then all of them at once, too")
    options = parser.parse_args()
    with running_platform(ENGINE) as platform:
        made = Made(platform, options.schedules)
        until = _minutes_from_now(options.minutes)
        print(f"{options.schedules} recurring jobs, each once an hour, {options.minutes} minutes watched:")
        made.watch(until)
        if options.burst:
            made.reschedule()
            print(f"{options.schedules} recurring jobs, all in the same second:")
            made.watch(_minutes_from_now(1))


def _minutes_from_now(minutes: int) -> datetime:
    now = datetime.now(UTC)
    return now.replace(second=0, microsecond=0) + timedelta(minutes=minutes)


class Made:
    """Recurring jobs on a platform."""

    def __init__(self, platform: Platform, count: int) -> None:
        self.client = httpx.Client(
            base_url=platform.api,
            headers={"Authorization": f"token {platform.admin_token}"},
            trust_env=False,
            timeout=60,
        )
        image = platform.add_image(NOWHERE, "none")
        group = platform.call("GET", "/groups")["items"][0]["slug"]
        kind = platform.call("GET", "/instance-types")["items"][0]["slug"]
        job = {"group": group, "instance_type": kind, "image": image, "command": "true"}
        self.schedules = [self._make(f"n{n}", f"{n % HOUR} * * * *", job) for n in range(count)]
        self.since = datetime.now(UTC)

    def _make(self, name: str, cron: str, job: dict[str, Any]) -> dict[str, Any]:
        body = {"name": name, "cron": cron, "job": job, "overlap": "queue"}
        return self._json("POST", "/schedules", body)

    def _json(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.client.request(method, path, json=body)
        answer.raise_for_status()
        return answer.json()

    def reschedule(self) -> None:
        """Let all of them be due two minutes from now, at once, and count from now."""
        minute = _minutes_from_now(3).minute
        for schedule in self.schedules:
            current = self._json("GET", f"/schedules/{schedule['id']}")
            change = {"version": current["version"], "cron": f"{minute} * * * *"}
            self._json("PATCH", f"/schedules/{schedule['id']}", change)
        self.since = datetime.now(UTC)
        while datetime.now(UTC).minute != minute:
            time.sleep(0.5)

    def watch(self, until: datetime) -> None:
        """Wait, then print what was seen."""
        while datetime.now(UTC) < until + timedelta(seconds=GRACE):
            time.sleep(1)
        drifts, admissions, whole, others = [], [], [], 0
        for schedule in self.schedules:
            for firing in self._json("GET", f"/schedules/{schedule['id']}/firings")["items"]:
                instant, decided = _moment(firing["instant"]), _moment(firing["decided_at"])
                if instant < self.since or instant > until:
                    continue
                if firing["outcome"] != "JOB":
                    others += 1
                    continue
                drifts.append((decided - instant).total_seconds())
                attempts = self._json("GET", f"/jobs/{firing['job']}")["attempts"]
                if attempts:
                    admitted = _moment(attempts[0]["created_at"])
                    admissions.append((admitted - decided).total_seconds())
                    whole.append((admitted - instant).total_seconds())
        print(f"  {len(drifts)} fired, {len(admissions)} of them admitted, {others} not run")
        for name, values in (
            ("drift", drifts),
            ("firing to admission", admissions),
            ("instant to admission", whole),
        ):
            print(f"  {name:<22}{_figures(values)}")


def _figures(values: Iterable[float]) -> str:
    ordered = sorted(values)
    if not ordered:
        return "nothing"
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return f"p50 {statistics.median(ordered):.3f} s, p99 {p99:.3f} s, most {ordered[-1]:.3f} s"


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


if __name__ == "__main__":
    main()
