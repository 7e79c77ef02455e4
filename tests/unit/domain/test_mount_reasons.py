"""When storage counts as one that cannot be mounted, and when it is tried again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from primehub_services.domain.mount_reasons import KNOWN_FOR, LASTS, failing, failures, lasting, mount_trouble

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
VOLUME, CLAIM = "ns-dataset-share", "dataset-share"
WHY = "it cannot be mounted: hostPath type check failed: /x is not a directory"


def warning(first: timedelta, last: timedelta, what: str = "hostPath type check failed: /x is not a directory") -> Any:
    """A node's, so long ago."""
    return {
        "type": "Warning",
        "reason": "FailedMount",
        "message": f'MountVolume.SetUp failed for volume "{VOLUME}" : {what}',
        "firstTimestamp": (NOW - first).isoformat(),
        "lastTimestamp": (NOW - last).isoformat(),
        "involvedObject": {"uid": "uid-1"},
    }


def pod(phase: str, began: timedelta | None = None, claim: str = CLAIM) -> dict[str, Any]:
    """A pod with the claim."""
    state = {} if began is None else {"running": {"startedAt": (NOW - began).isoformat()}}
    return {
        "metadata": {"uid": "uid-1"},
        "spec": {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": claim}}]},
        "status": {"phase": phase, "containerStatuses": [{"name": "notebook", "state": state}]},
    }


def seconds(number: float) -> timedelta:
    """So many."""
    return timedelta(seconds=number)


def trouble(event: Any, *pods: dict[str, Any]) -> str:
    """What is told of the volume."""
    return mount_trouble(VOLUME, CLAIM, failures([event]), pods, NOW)


def test_what_fails_again_and_again_is_told_after_a_while() -> None:
    assert trouble(warning(LASTS, seconds(0))) == WHY
    assert trouble(warning(LASTS - seconds(1), seconds(0)), pod("Pending")) == ""


def test_what_failed_once_is_told_only_as_long_as_its_pod_waits_for_it() -> None:
    once = warning(LASTS, LASTS)
    assert trouble(once, pod("Pending")) == WHY
    assert trouble(once) == ""
    assert trouble(warning(LASTS, LASTS, "mount.nfs: Connection timed out")) != ""  # took minutes by itself


def test_a_later_mount_that_works_ends_it_and_an_earlier_one_does_not() -> None:
    event = warning(seconds(100), seconds(50))
    assert trouble(event, pod("Running", seconds(40))) == ""
    assert trouble(event, pod("Running", seconds(60))) == WHY
    assert trouble(event, pod("Running", seconds(40), claim="dataset-other")) == WHY


def test_after_a_while_without_a_try_it_is_tried_again() -> None:
    assert trouble(warning(KNOWN_FOR + LASTS, KNOWN_FOR - seconds(1))) == WHY
    assert trouble(warning(KNOWN_FOR + LASTS, KNOWN_FOR)) == ""


@pytest.mark.parametrize(
    "other",
    [
        {"reason": "Failed", "message": f'x for volume "{VOLUME}" : y', "lastTimestamp": NOW.isoformat()},
        {"reason": "FailedMount", "message": "timed out", "lastTimestamp": NOW.isoformat()},
        {"reason": "FailedMount", "message": f'x for volume "{VOLUME}" : y', "lastTimestamp": None},
    ],
)
def test_a_warning_of_something_else_says_nothing(other: dict[str, Any]) -> None:
    assert failures([other]) == []


def test_a_pod_that_waits_does_so_for_what_failed_long_enough() -> None:
    assert failing([warning(LASTS, seconds(0))], NOW) == {VOLUME: WHY}
    assert failing([warning(seconds(5), seconds(0))], NOW) == {}


def test_what_is_still_told_when_its_pod_is_gone_is_what_a_pod_may_be_ended_for() -> None:
    timed_out = "mount.nfs: Connection timed out"
    for event in (warning(LASTS, seconds(0)), warning(LASTS, LASTS), warning(LASTS, LASTS, timed_out)):
        assert bool(lasting([event])) is bool(trouble(event))
    assert lasting([warning(LASTS, seconds(0))]) == {VOLUME: WHY}
