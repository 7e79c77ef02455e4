"""How often strangers may ask."""

from __future__ import annotations

import pytest

from primehub_services.api.limits import KEYS, RateLimit
from primehub_services.domain.problems import TooMany
from tests.support.api import Api


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


async def test_a_stranger_is_told_apart_by_what_the_proxy_says_alone(api: Api) -> None:
    api.context.login_limit = RateLimit(tries=2, seconds=60)

    async def ask(claimed: str, proxys: str) -> int:
        headers = {"X-Real-Ip": claimed, "X-Forwarded-For": f"{claimed}, {proxys}"}
        return (await client.post("/login-requests", json={}, headers=headers)).status_code

    async with api.client() as client:
        answers = [await ask(f"198.51.100.{n}", "203.0.113.7") for n in range(3)]
        answers.append(await ask("198.51.100.9", "203.0.113.8"))
    assert answers == [201, 201, 429, 201]
