"""What is made of the hub's answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from primehub_services.hub import HubClient, HubRefusal, HubUnavailable, StartResult

Answer = Callable[[httpx.Request], httpx.Response]


def _client(answer: Answer) -> HubClient:
    return HubClient("http://hub/hub/api", "secret", transport=httpx.MockTransport(answer))


def _says(status: int, body: Any = None) -> HubClient:
    return _client(lambda _request: httpx.Response(status, json=body))


def _pages(names: list[str], after_each: Callable[[int], None] = lambda _offset: None) -> Answer:
    """The hub's way: so many of the list as it is now, counted from its beginning."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path != "/hub/api/users":
            return httpx.Response(404, json={"message": "no such page"})
        offset, limit = int(request.url.params["offset"]), int(request.url.params["limit"])
        assert "pagination" in request.headers["Accept"]
        items = [
            {"name": name, "servers": {"": {"name": "", "ready": True, "pending": None, "url": f"/user/{name}/"}}}
            for name in names[offset : offset + limit]
        ]
        following = {"offset": offset + limit} if offset + limit < len(names) else None
        after_each(offset)
        return httpx.Response(200, json={"items": items, "_pagination": {"next": following}})

    return answer


async def test_servers_are_read_page_by_page_each_once() -> None:
    names = [f"p{n}" for n in range(450)]
    assert [s.user for s in await _client(_pages(names)).servers()] == names


@pytest.mark.parametrize("leaving", [1, 19, 50, 199])
async def test_a_server_that_runs_is_seen_whoever_else_stops_between_two_pages(leaving: int) -> None:
    names = [f"p{n}" for n in range(450)]
    stay = names[leaving:]

    def leave(offset: int) -> None:
        if offset == 0:
            names[:] = stay

    found = [s.user for s in await _client(_pages(names, leave)).servers()]
    assert set(stay) <= set(found)
    assert len(found) == len(set(found))


async def test_one_persons_servers_are_asked_for_alone() -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(
            200, json={"name": "ann", "servers": {"": {"ready": True}, "second": {"pending": "spawn"}}}
        )

    assert await _client(answer).servers_of("ann") == ("", "second")
    assert asked == ["/hub/api/users/ann"]
    assert await _says(404).servers_of("nobody") == ()


@pytest.mark.parametrize(("status", "result"), [(201, StartResult.STARTED), (202, StartResult.PENDING)])
async def test_a_start_is_done_or_under_way(status: int, result: StartResult) -> None:
    assert await _says(status).start_server("ann", "", {}) is result


async def test_a_refused_start_carries_the_spawners_words() -> None:
    with pytest.raises(HubRefusal, match="1 core short") as caught:
        await _says(409, {"message": "1 core short"}).start_server("ann", "", {})
    assert caught.value.status == 409


async def test_options_are_always_named_since_the_hub_drops_others() -> None:
    bodies = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(request.read())
        return httpx.Response(201)

    await _client(answer).start_server("a@b", "second", {"x": 1})
    assert bodies == [b'{"user_options":{"x":1}}']


@pytest.mark.parametrize(("status", "gone"), [(204, True), (404, True), (202, False)])
async def test_a_stop_of_what_is_gone_is_done(status: int, gone: bool) -> None:
    assert await _says(status).stop_server("ann", "") is gone


async def test_what_is_so_already_is_success() -> None:
    await _says(409, {"message": "exists"}).ensure_users(["ann"])
    await _says(409, {"message": "exists"}).create_group("g")
    await _says(404, {"message": "none"}).delete_user("ann")
    await _says(404, {"message": "none"}).delete_group("g")
    assert await _says(404, {"message": "none"}).tokens("ann") == ()


async def test_a_token_that_is_no_good_is_nobodys() -> None:
    assert await _says(403, {"message": "no"}).user_for_token("x") is None


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_a_proxys_error_is_no_refusal(status: int) -> None:
    client = _client(lambda _request: httpx.Response(status, text="<html>bad gateway"))
    with pytest.raises(HubUnavailable):
        await client.servers()


async def test_a_hub_that_is_away_says_nothing_of_the_token() -> None:
    def away(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(HubUnavailable) as caught:
        await _client(away).servers()
    assert "secret" not in str(caught.value)


async def test_every_token_of_a_leaver_is_revoked() -> None:
    deleted = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "DELETE":
            deleted.append(request.url.path.rpartition("/")[2])
            return httpx.Response(204)
        return httpx.Response(200, json={"api_tokens": [{"id": "a1"}, {"id": "a2"}]})

    assert await _client(answer).revoke_tokens("ann") == 2
    assert deleted == ["a1", "a2"]
