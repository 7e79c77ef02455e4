"""Whichever process somebody comes to: the same sign-in, the same live changes, the same health."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.integration.api.platform import PASSWORD
from tests.support import databases
from tests.support.names import unique
from tests.support.waiting import wait_for_async

from .platform import Anybody, Pair, first_link, running_pair

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.postgres]
SEEN_S = 2.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pair]:
    """The hub with two processes."""
    data: Path = tmp_path_factory.mktemp("pair")
    with databases.postgres_database(databases.postgres_server()) as url:
        async with running_pair(data, url) as hub:
            yield hub


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def admin(pair: Pair) -> AsyncIterator[Anybody]:
    """The first administrator, who signed in with each request at another process."""
    link = await wait_for_async(lambda: first_link(pair), 20, what="there is a first link")
    async with pair.service_client("authenticator") as client:
        used = await client.post("/invitations/redeem", json={"token": link, "password": PASSWORD})
        assert used.status_code == 200, used.text
    person = Anybody(pair)
    await person.sign_in("admin", PASSWORD)
    await person.open_portal()
    yield person
    await person.aclose()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def token(admin: Anybody) -> str:
    """A token with the administrator's rights."""
    body = {"note": "test", "scopes": ["custom:primehub:read", "custom:primehub:admin"], "expires_in": 3600}
    made = await admin.ask("POST", "/me/tokens", body)
    assert made.status_code == 201, made.text
    return str(made.json()["token"])


async def _change(lines: AsyncIterator[str], name: str) -> tuple[str, dict[str, Any]]:
    """The id and the data of the first event of that name."""
    number = ""
    found = False
    async for line in lines:
        key, _, value = line.partition(": ")
        if key == "id":
            number = value
        found = value == name if key == "event" else found
        if key == "data" and found:
            return number, json.loads(value)
    raise AssertionError(name)


async def test_a_session_is_good_at_every_process(admin: Anybody) -> None:
    for _ in range(4):
        found = await admin.ask("GET", "/me")
        assert found.status_code == 200
        assert (await admin.open_portal("admin")).status_code in (200, 503)  # 503: the portal is not built


@pytest.mark.alone
async def test_a_change_through_one_process_is_live_at_the_other_and_a_stream_goes_on_at_any(
    pair: Pair, token: str
) -> None:
    first, second = pair.clients(token)
    async with first, second:
        async with second.stream("GET", "/events") as stream:
            lines = stream.aiter_lines()
            number, _ = await _change(lines, "hello")
            began = time.monotonic()
            made = (await first.post("/groups", json={"name": unique("live")})).json()
            async with asyncio.timeout(SEEN_S):
                number, change = await _change(lines, "change")
            assert time.monotonic() - began < SEEN_S
            assert change["kind"] == "group"
        # while the browser is away something happens, and then it comes to the other process
        changed = await second.patch(f"/groups/{made['slug']}", json={"version": made["version"], "description": "x"})
        assert changed.is_success, changed.text
        async with first.stream("GET", "/events", headers={"Last-Event-ID": number}) as stream:
            async with asyncio.timeout(SEEN_S):
                _, change = await _change(stream.aiter_lines(), "change")
        assert (change["kind"], change["action"]) == ("group", "update")


async def test_every_process_says_who_leads_and_how_its_controllers_are(pair: Pair, token: str) -> None:
    async def parts(client: httpx.AsyncClient) -> dict[str, Any]:
        found = await client.get("/status")
        assert found.is_success, found.text
        return {part["name"]: part["message"] for part in found.json()["parts"]}

    first, second = pair.clients(token)
    async with first, second:
        await wait_for_async(lambda: _has(parts, second), 10, what="the leader has told how it is")
        told = [await parts(client) for client in (first, second)]
    assert sum("It is this one." in one["leader"] for one in told) == 1
    assert all(" leads since " in one["leader"] and "controller queue" in one for one in told)


async def _has(parts: Any, client: httpx.AsyncClient) -> bool:
    return "controller queue" in await parts(client)
