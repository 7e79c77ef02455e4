"""How often strangers may ask."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from primehub_services.api.limits import KEYS, RateLimit
from primehub_services.api.peers import Proxies
from primehub_services.cli.account import POLL
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


async def test_a_network_of_ipv6_is_one_stranger(api: Api) -> None:
    api.context.login_limit = RateLimit(tries=2, seconds=60)

    async def ask(address: str) -> int:
        return (await client.post("/login-requests", json={}, headers={"X-Forwarded-For": address})).status_code

    async with api.client() as client:
        assert [await ask(f"2001:db8:1:2:{n}::{n}") for n in range(3)] == [201, 201, 429]
        assert await ask("2001:db8:1:3::1") == 201
        # and what is written in IPv6 for one of IPv4 is that one
        assert [await ask(f"::ffff:203.0.113.{n}") for n in range(3)] == [201, 201, 201]
        assert await ask("no address") == 201


async def test_only_the_proxy_is_believed_about_whom_it_passes_on(api: Api) -> None:
    pods, now = {"10.1.0.7"}, [0.0]

    async def resolve(name: str) -> frozenset[str]:
        assert name == "primehub-proxy-pods"
        return frozenset(pods)

    api.context.proxies = Proxies("primehub-proxy-pods", resolve, lambda: now[0])
    api.context.login_limit = RateLimit(tries=1, seconds=60)

    async def ask(claimed: str) -> int:
        headers = {"X-Forwarded-For": claimed, "X-Real-Ip": claimed}
        return (await client.post("/login-requests", json={}, headers=headers)).status_code

    async with api.client() as client:
        # a pod that reaches the services by itself is one and the same, whatever it says
        assert [await ask(f"203.0.113.{n}") for n in range(2)] == [201, 429]
        pods.add("127.0.0.1")  # a proxy that was started anew
        now[0] += 2
        assert [await ask(f"203.0.113.{n}") for n in range(2)] == [201, 201]


async def test_proxies_whose_addresses_cannot_be_asked_for_just_now_stay_known() -> None:
    answers: list[frozenset[str] | OSError] = [frozenset({"10.1.0.7"}), OSError("no name service")]
    now = [0.0]

    async def resolve(_name: str) -> frozenset[str]:
        found = answers.pop(0)
        if isinstance(found, OSError):
            raise found
        return found

    proxies = Proxies("pods", resolve, lambda: now[0])
    request: Any = SimpleNamespace(
        connection=SimpleNamespace(context=SimpleNamespace(address=("::ffff:10.1.0.7", 5))),
        headers={"X-Forwarded-For": "1.1.1.1, 203.0.113.9"},
    )
    assert await proxies.origin(request) == "203.0.113.9"
    now[0] = 60
    assert await proxies.origin(request) == "203.0.113.9"
    assert answers == []


async def _poll(client: httpx.AsyncClient, request: str, proxys: str = "203.0.113.7") -> httpx.Response:
    headers = {"X-Forwarded-For": proxys}
    return await client.post(f"/login-requests/{request}/token", json={"secret": "x"}, headers=headers)


async def test_one_sign_in_is_looked_at_so_often_from_wherever(api: Api) -> None:
    api.context.poll_limit = RateLimit(tries=2, seconds=60)
    async with api.client() as client:
        asked = (await client.post("/login-requests", json={})).json()["id"]
        answers = [await _poll(client, asked, f"203.0.113.{n}") for n in range(3)]
        other = await _poll(client, "0" * 32)
    assert [answer.status_code for answer in answers] == [404, 404, 429]
    assert answers[2].headers["Retry-After"] == "30"
    assert answers[2].json()["retry_after_s"] == 30
    assert other.status_code == 404


async def test_an_address_looks_so_often_at_whatever_sign_in(api: Api) -> None:
    api.context.poller_limit = RateLimit(tries=2, seconds=60)
    async with api.client() as client:
        answers = [(await _poll(client, f"{n:032}")).status_code for n in range(3)]
        answers.append((await _poll(client, "9" * 32, "203.0.113.8")).status_code)
    assert answers == [404, 404, 429, 404]


async def test_a_sign_in_can_be_looked_at_as_often_as_the_command_does(api: Api) -> None:
    async with api.client() as client:
        made = (await client.post("/login-requests", json={})).json()
        path, body = f"/login-requests/{made['id']}/token", {"secret": made["secret"]}
        answers = [(await client.post(path, json=body)).json()["state"] for _ in range(round(60 / POLL))]
    assert set(answers) == {"pending"}
