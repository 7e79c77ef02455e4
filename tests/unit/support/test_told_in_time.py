"""What measures the promise of two seconds: it fails where people are told later, by the cluster's own moment where it says one."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.cluster import Known, Namespace, told_in_time


class Events(Namespace):
    """A namespace in which nothing is but these events."""

    def __init__(self, *events: dict[str, Any]) -> None:
        super().__init__("none")
        self.events = [{"involvedObject": {"name": "pod-1"}, **event} for event in events]

    def kubectl(self, *arguments: str, given: Any = None, check: bool = True) -> str:
        return json.dumps({"items": self.events}) if "events" in arguments else ""


def event(text: str, ago: float | None) -> dict[str, Any]:
    """One of the scheduler, this many seconds ago; of a controller, which says no parts of seconds."""
    moment = None if ago is None else f"{datetime.now(UTC) - timedelta(seconds=ago):%FT%T.%fZ}"
    return {"message": text, "eventTime": moment, "lastTimestamp": "2026-12-01T00:00:00Z"}


def known_of(*events: dict[str, Any]) -> Known:
    return Events(*events).warned_of("pod-1", "Insufficient cpu")


def test_the_clusters_own_moment_is_the_first_that_the_scheduler_says() -> None:
    first, later, other = event("Insufficient cpu", 5), event("0/2: Insufficient cpu", 1), event("Insufficient x", 9)
    assert known_of(other, later, first) == datetime.fromisoformat(first["eventTime"])
    assert known_of(event("Insufficient cpu", None)) is True
    assert known_of(other) is False
    assert Events(first).warned_of("pod-2", "Insufficient cpu") is False


async def told() -> bool:
    return True


async def test_who_is_told_late_by_the_clusters_moment_is_told_late_however_late_kubectl_was() -> None:
    await told_in_time(lambda: known_of(event("Insufficient cpu", 0.5)), told)
    await told_in_time(lambda: known_of(event("Insufficient cpu", None)), told)
    with pytest.raises(AssertionError, match="s after the cluster knew it"):
        await told_in_time(lambda: known_of(event("Insufficient cpu", 3)), told)
