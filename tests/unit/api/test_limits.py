"""How often strangers may ask."""

from __future__ import annotations

import pytest

from primehub_services.api.limits import KEYS, RateLimit
from primehub_services.domain.problems import TooMany


def test_tries_come_back_with_time_and_are_counted_for_each_key() -> None:
    now = [0.0]
    limit = RateLimit(tries=2, seconds=60, clock=lambda: now[0])
    limit.take("a")
    limit.take("a")
    with pytest.raises(TooMany) as caught:
        limit.take("a")
    assert caught.value.extra["retry_after_s"] == 30
    limit.take("b")
    now[0] = 30
    limit.take("a")
    with pytest.raises(TooMany):
        limit.take("a")


def test_only_so_many_keys_are_remembered() -> None:
    limit = RateLimit(tries=1, seconds=60)
    for i in range(KEYS + 10):
        limit.take(str(i))
    assert len(limit._buckets) == KEYS
