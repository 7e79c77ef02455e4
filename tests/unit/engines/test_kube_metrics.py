"""What a cluster's metrics say of a pod."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from primehub_services.engines.kubernetes.metrics import sample_of


def metrics(window: str, at: str = "2026-11-30T10:00:00Z") -> dict[str, Any]:
    usage = {"cpu": "500m", "memory": "1Mi"}
    return {"timestamp": at, "window": window, "containers": [{"name": "main", "usage": usage}]}


@pytest.mark.parametrize(
    ("window", "seconds"),
    [
        ("15.5s", 15.5),
        ("1m0.5s", 60.5),
        ("500ms", 0.5),
        ("1h2m3s", 3723),
        ("20us", 2e-5),
        ("0s", 0),
        ("", 0),
        ("1x", 0),
    ],
)
def test_the_first_sample_counts_for_its_window_however_that_is_written(window: str, seconds: float) -> None:
    sample = sample_of(metrics(window), None)
    assert sample is not None
    assert (sample.cpu, sample.memory) == (500, 2**20)
    assert sample.cpu_seconds == pytest.approx(0.5 * seconds, abs=1e-3)


def test_each_further_one_counts_for_the_time_since_the_last() -> None:
    before = sample_of(metrics("10s"), None)
    assert before is not None
    after = sample_of(metrics("10s", "2026-11-30T10:00:30Z"), before)
    assert after is not None
    assert (after.at - before.at, after.cpu_seconds) == (timedelta(seconds=30), 20)
