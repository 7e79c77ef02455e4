"""Requests that a gateway passes on: as they come, both ways, and nothing of the platform's along with them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from primehub_services.domain.routes import Access
from primehub_services.operations import members
from tests.support.api import ROOT
from tests.support.waiting import wait_for_async

from .conftest import PREFIX, TOKEN, World, gateway

BROWSER = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}


def problem(answer: httpx.Response) -> dict[str, Any]:
    """The problem that an answer is."""
    assert answer.headers["Content-Type"] == "application/problem+json", answer.text
    body: dict[str, Any] = answer.json()
    assert body["status"] == answer.status_code
    assert body["request_id"] == answer.headers["X-Request-Id"]
    return body


async def socket(world: World, who: str | None, **headers: str) -> WebSocketClientConnection:
    """A websocket to the workload."""
    if who is not None:
        headers["Authorization"] = f"Bearer {world.token(who)}"
    url = world.gateway.replace("http", "ws") + f"{PREFIX}/research/iris/socket"
    return await websocket_connect(HTTPRequest(url, headers=headers), subprotocols=["v1", "v2"])


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_a_request_reaches_the_workload_as_it_was_sent(world: World, method: str) -> None:
    async with world.client("member") as client:
        answer = await client.request(
            method, "/research/iris/a%2Fb%20c/?x=%C3%A4&y", content=b"\x00body\xff", headers={"X-Mine": "1"}
        )
    told = answer.json()
    assert (told["method"], told["uri"], told["body"]) == (method, "/a%2Fb%20c/?x=%C3%A4&y", "\x00body\xff")
    assert ["x-mine", "1"] in told["headers"]


async def test_no_token_nor_cookie_of_the_platform_reaches_the_workload(world: World) -> None:
    cookies = "jupyterhub-session-id=s; _xsrf=x; service-primehub=p; primehub-gateway-session=g"
    async with world.client("member", Cookie=cookies, **{"X-XSRFToken": "x"}) as client:
        told = (await client.get("/research/iris/")).json()
    assert not {"authorization", "cookie", "x-xsrftoken"} & {name for name, _ in told["headers"]}
    assert world.token("member") not in json.dumps(told)


async def test_the_answer_is_confined(world: World) -> None:
    async with world.client("member") as client:
        answer = await client.get("/research/iris/")
        again = await client.get("/research/iris/")
    assert answer.headers["Set-Cookie"] == f"primehub-gateway.research-iris.sid=1; Path={PREFIX}/research/iris/"
    assert ["cookie", "sid=1"] in again.json()["headers"]
    assert "Clear-Site-Data" not in answer.headers
    assert "sandbox" in answer.headers["Content-Security-Policy"]


async def test_an_answer_comes_piece_by_piece_as_it_is_made(world: World) -> None:
    async with world.client("member") as client, client.stream("GET", "/research/iris/stream") as answer:
        pieces = answer.aiter_raw()
        for piece in (b"one", b"two"):
            world.workload.more.put_nowait(piece)
            assert await anext(pieces) == piece
        world.workload.more.put_nowait(b"")
        assert [piece async for piece in pieces] == []


async def test_a_body_goes_piece_by_piece_as_it_is_sent(world: World) -> None:
    sent: asyncio.Queue[bytes] = asyncio.Queue()

    async def body() -> AsyncIterator[bytes]:
        while piece := await sent.get():
            yield piece

    async with world.client("member") as client:
        asking = asyncio.create_task(client.put("/research/iris/upload", content=body()))
        for piece in (b"one", b"two"):
            sent.put_nowait(piece)
            assert await asyncio.wait_for(world.workload.received.get(), 5) == piece
        sent.put_nowait(b"")
        assert (await asking).text == "done"


async def test_a_large_body_is_nowhere_whole(world: World) -> None:
    piece = b"x" * 1_000_000

    async def body() -> AsyncIterator[bytes]:
        for _ in range(60):
            yield piece

    async with world.client("member") as client:
        answer = await client.put("/research/iris/upload", content=body())
    assert answer.text == "done"
    pieces = [world.workload.received.get_nowait() for _ in range(world.workload.received.qsize())]
    assert sum(map(len, pieces)) == 60_000_000
    assert max(map(len, pieces)) <= 128 * 1024


async def test_a_caller_who_leaves_takes_the_request_along(world: World) -> None:
    async with world.client("member") as client:
        async with client.stream("GET", "/research/iris/stream") as answer:
            assert answer.status_code == 200
        await asyncio.wait_for(world.workload.gone.wait(), 5)


async def test_an_answer_that_is_cut_off_does_not_look_whole(world: World) -> None:
    async with world.client("member") as client, client.stream("GET", "/research/iris/stream") as answer:
        world.workload.more.put_nowait(b"half")
        world.workload.more.put_nowait(b"cut")
        with pytest.raises(httpx.RemoteProtocolError):
            await answer.aread()


async def test_a_websocket_talks_both_ways_with_its_protocol(world: World) -> None:
    connection = await socket(world, "member")
    assert connection.selected_subprotocol == "v1"
    for message in ("text", b"\x00binary", "long " * 200_000):
        await connection.write_message(message, binary=isinstance(message, bytes))
        assert await connection.read_message() == message
    connection.close()
    await asyncio.wait_for(world.workload.gone.wait(), 5)


@pytest.mark.parametrize(("who", "status"), [(None, 401), ("outsider", 404), ("platform_admin", 403)])
async def test_a_websocket_without_the_right_is_not_begun(world: World, who: str | None, status: int) -> None:
    with pytest.raises(HTTPClientError) as refusal:
        await socket(world, who)
    assert refusal.value.code == status


async def test_who_may_call_and_who_may_not(world: World) -> None:
    expected = {"member": 200, "group_admin": 200, "notebook": 200, "outsider": 404, "platform_admin": 403, None: 401}
    for who, status in expected.items():
        async with world.client(who) as client:
            for method in ("GET", "POST", "DELETE"):
                assert (await client.request(method, "/research/iris/")).status_code == status, (who, method)


@pytest.mark.parametrize("who", ["outsider", "platform_admin", None])
async def test_a_body_that_somebody_may_not_send_goes_nowhere(world: World, who: str | None) -> None:
    async with world.client(who) as client:
        answer = await client.put("/research/iris/upload", content=b"x" * 1_000_000)
        assert answer.status_code in (401, 403, 404)
    assert world.workload.received.empty()


async def test_no_service_of_the_platform_may_call(world: World) -> None:
    for who in ("spawner", "authenticator", "culler", "gateway"):
        async with world.client(who) as client:
            assert (await client.get("/research/iris/")).status_code in (403, 404), who


async def test_to_an_outsider_a_route_is_as_one_that_is_not_there(world: World) -> None:
    for who in ("outsider", None):
        async with world.client(who) as client:
            there, not_there = await client.get("/research/iris/"), await client.get("/research/none/")
        assert there.status_code == not_there.status_code
        assert problem(there)["detail"].replace("iris", "") == problem(not_there)["detail"].replace("none", "")


async def test_a_public_route_needs_nobody_and_is_told_of_nobody(world: World) -> None:
    world.deploy(access=Access.PUBLIC)
    await world.told()
    async with world.client() as client:
        assert (await client.get("/research/iris/")).status_code == 200
    async with world.client("outsider") as client:
        told = (await client.get("/research/iris/")).json()
        assert "authorization" not in dict(told["headers"])


async def test_who_leaves_the_group_is_out_within_seconds_and_open_connections_end(world: World) -> None:
    connection = await socket(world, "member")

    async def outside() -> bool:
        async with world.client("member") as client:
            return (await client.get("/research/iris/")).status_code == 404

    assert not await outside()
    world.api.context.database.write_now(members.delete, world.cast.group_admin, "research", "ann")
    assert await asyncio.wait_for(connection.read_message(), 10) is None
    await wait_for_async(outside, 10, what="a request is refused")


async def test_a_route_that_is_gone_ends_what_is_open_there(world: World) -> None:
    connection = await socket(world, "member")
    world.deployed.clear()
    await world.told()
    assert await asyncio.wait_for(connection.read_message(), 5) is None


async def test_a_changed_table_counts_from_the_next_request_on(world: World) -> None:
    world.deploy("/research/second/")
    async with world.client("member") as client:
        assert (await client.get("/research/second/")).status_code == 404
        await world.told()
        assert (await client.get("/research/second/")).status_code == 200


async def test_without_the_slash_one_is_sent_to_the_address_with_it(world: World) -> None:
    async with world.client("member") as client:
        answer = await client.post("/research/iris?a=1", content=b"x")
    assert (answer.status_code, answer.headers["Location"]) == (308, f"{PREFIX}/research/iris/?a=1")


async def test_a_redirect_of_the_workload_stays_under_its_address(world: World) -> None:
    async with world.client("member") as client:
        assert (await client.get("/research/iris/moved")).headers["Location"] == f"{PREFIX}/research/iris/login"


@pytest.mark.parametrize("path", ["/research/iris/../../secret", "/research/iris/%2e%2e/x", "/research/./iris/"])
async def test_a_path_does_not_climb(world: World, path: str) -> None:
    async with world.client("member") as client:
        request = client.build_request("GET", "/")
        request.extensions["target"] = f"{PREFIX}{path}".encode()
        assert (await client.send(request)).status_code == 404


async def test_what_does_not_listen_is_said_in_plain_words(world: World) -> None:
    world.deploy(target="http://127.0.0.1:1")
    await world.told()
    async with world.client("member") as client:
        answer = await client.get("/research/iris/")
        assert problem(answer)["status"] == 502
        assert "does not listen" in answer.json()["detail"]
        page = await client.get("/research/iris/", headers=BROWSER)
    assert page.headers["Content-Type"].startswith("text/html")
    assert "does not listen" in page.text
    assert page.status_code == 502


async def test_what_says_nothing_for_long_is_given_up(world: World) -> None:
    async with AsyncExitStack() as stack:
        url, context = await gateway(stack, f"{world.api.url}{ROOT}", world.folder / "b.json", idle=0.2)
        await context.table.ask()
        client = await stack.enter_async_context(
            httpx.AsyncClient(base_url=url + PREFIX, headers={"Authorization": f"token {world.token('member')}"})
        )
        silent = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
        stack.callback(silent.close)
        world.deploy(target=f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}")
        await context.table.ask()
        answer = await client.get("/research/iris/")
    assert problem(answer)["status"] == 504
    assert "said nothing" in answer.json()["detail"]


async def test_a_target_that_is_full_is_503_and_takes_nothing_from_others(world: World) -> None:
    async with AsyncExitStack() as stack:
        limits = {"at_once": 1, "connect": 0.3}
        url, context = await gateway(stack, f"{world.api.url}{ROOT}", world.folder / "b.json", **limits)
        world.deploy("/research/other/", target=world.workload.url.replace("127.0.0.1", "localhost"))
        await context.table.ask()
        headers = {"Authorization": f"token {world.token('member')}"}
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=url + PREFIX, headers=headers))
        async with client.stream("GET", "/research/iris/stream") as slow:
            assert slow.status_code == 200
            full = await client.get("/research/iris/")
            assert problem(full)["status"] == 503
            assert (await client.get("/research/other/")).status_code == 200


async def test_a_header_that_is_too_large_is_refused(world: World) -> None:
    async with world.client("member", **{"X-Large": "x" * 70_000}) as client:
        try:
            assert (await client.get("/research/iris/")).status_code in (400, 431)
        except httpx.HTTPError:
            return  # the connection is closed


async def test_it_serves_while_the_api_is_away_and_after_its_own_restart(world: World) -> None:
    async with world.client("member") as client:
        assert (await client.get("/research/iris/")).status_code == 200
    world.deploy("/research/open/", access=Access.PUBLIC)
    await world.told()
    async with AsyncExitStack() as stack:
        # nobody listens there: the API is away from the start
        url, context = await gateway(stack, f"http://127.0.0.1:1{ROOT}", world.folder / "routes.json")
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=url + PREFIX, trust_env=False))
        assert (await client.get("/research/open/")).status_code == 200
        assert (await client.get("/healthz")).json() == {"table": "kept"}
        refused = await client.get("/research/iris/", headers={"Authorization": "token x"})
        assert problem(refused)["status"] == 503
        assert context.table.routes == tuple(sorted(world.deployed, key=lambda route: route.prefix))


async def test_it_is_not_ready_before_it_has_a_table(world: World) -> None:
    async with AsyncExitStack() as stack:
        url, _ = await gateway(stack, f"http://127.0.0.1:1{ROOT}", world.folder / "none.json")
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=url + PREFIX, trust_env=False))
        ready = await client.get("/healthz")
        assert (ready.status_code, ready.json()) == (503, {"table": "none"})
        assert problem(await client.get("/research/iris/"))["status"] == 503


async def test_what_has_not_changed_is_answered_without_a_table(world: World) -> None:
    version = world.context.table._routes.table.version
    async with world.api.client(TOKEN) as client:
        again = await client.get("/routes", headers={"If-None-Match": f'"{version}"'})
        assert (again.status_code, again.content) == (304, b"")
        changed = await client.get("/routes", headers={"If-None-Match": '"other"'})
        assert changed.json()["version"] == version


async def test_a_person_in_a_browser_is_sent_to_the_hub(world: World) -> None:
    async with world.client() as client:
        answer = await client.get("/research/iris/?a=1", headers=BROWSER)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/hub/api/oauth2/authorize?client_id=service-primehub-gateway&")
    (cookie,) = answer.headers.get_list("Set-Cookie")
    assert all(word in cookie for word in ("HttpOnly", "SameSite=Lax", f"Path={PREFIX}/"))


async def test_a_sign_in_that_was_not_begun_here_is_refused(world: World) -> None:
    async with world.client() as client:
        assert problem(await client.get("/oauth_callback?state=x&code=y"))["status"] == 403


async def test_numbers_are_for_who_has_the_token(world: World) -> None:
    async with world.client("member") as client:
        await client.get("/research/iris/")
        assert problem(await client.get("/metrics"))["status"] == 401
        numbers = await client.get("/metrics", headers={"Authorization": "Bearer numbers"})
    assert 'primehub_gateway_requests_total{group="research",status="200"} 1.0' in numbers.text
    assert "primehub_gateway_routes 1.0" in numbers.text
    assert "ann" not in numbers.text


async def test_it_is_no_way_to_anything_else(world: World) -> None:
    async with world.client("member") as client:
        assert problem(await client.get(world.gateway + "/hub/api"))["status"] == 404
        assert problem(await client.get("/"))["status"] == 404
