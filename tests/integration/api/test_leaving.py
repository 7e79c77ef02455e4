"""Whoever is disabled or leaves a group loses what they had, within ten seconds."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.waiting import wait_for_async

from .platform import PAGE, ApiHub, Person, phase
from .test_notebooks import _start
from .test_tokens import READ, _make

pytestmark = pytest.mark.asyncio(loop_scope="session")
PROMISED = 10


async def _until_gone(platform: ApiHub, token: str, opened: asyncio.Event) -> list[str]:
    """The lines of an event stream, until the server ends it."""
    lines: list[str] = []
    async with platform.client(token) as client, client.stream("GET", "/events") as stream:
        assert stream.status_code == 200
        opened.set()
        async for line in stream.aiter_lines():
            lines.append(line)
    return lines


async def _disable(admin: Person, name: str) -> None:
    account = (await admin.ask("GET", f"/users/{name}")).json()
    done = await admin.ask("PATCH", f"/users/{name}", {"version": account["version"], "enabled": False})
    assert done.status_code == 200, done.text


@pytest.mark.alone
async def test_a_disabled_person_loses_session_token_stream_and_notebook(
    platform: ApiHub, admin: Person, person: Person, name: str
) -> None:
    notebook = await _start(person)
    await phase(person, notebook, "RUNNING")
    token = (await _make(person, READ))["token"]
    opened = asyncio.Event()
    stream = asyncio.create_task(_until_gone(platform, token, opened))
    async with platform.client(token) as client:
        await asyncio.wait_for(opened.wait(), 30)
        assert (await client.get("/me")).status_code == 200
        await _disable(admin, name)
        assert (await client.get("/me")).status_code == 401
        assert (await person.ask("GET", "/me")).status_code == 401
        lines = await asyncio.wait_for(stream, PROMISED)
        assert "event: gone" in lines

        async def stopped() -> bool:
            return await platform.server(name) is None

        await wait_for_async(stopped, PROMISED, what="the server is stopped")
        page = await person.get("/services/primehub/", headers=PAGE)
        assert page.url.path == "/hub/login" or page.status_code == 403
    assert (await admin.ask("GET", f"/notebooks/{notebook}")).json()["phase"] == "STOPPED"


@pytest.mark.alone
async def test_a_person_who_leaves_a_group_loses_that_groups_things(
    platform: ApiHub, admin: Person, person: Person, name: str
) -> None:
    notebook = await _start(person)
    await phase(person, notebook, "RUNNING")
    inside = platform.environment_of(notebook)["JUPYTERHUB_API_TOKEN"]
    assert (await admin.ask("DELETE", f"/groups/research/members/{name}")).status_code == 204
    assert (await person.ask("GET", "/groups/research")).status_code == 404
    assert (await person.ask("GET", "/me")).json()["groups"] == []
    async with platform.client(inside) as client:
        assert (await client.get("/groups/research")).status_code == 401

    async def stopped() -> bool:
        return await platform.server(name) is None

    await wait_for_async(stopped, PROMISED, what="the server is stopped")


@pytest.mark.alone
async def test_a_revoked_token_ends_its_stream(platform: ApiHub, person: Person) -> None:
    made = await _make(person, READ)
    async with platform.client(made["token"]) as client, client.stream("GET", "/events") as stream:
        lines = stream.aiter_lines()
        assert await anext(lines)
        assert (await person.ask("DELETE", f"/me/tokens/{made['id']}")).status_code == 204

        async def rest() -> list[str]:
            return [line async for line in lines]

        assert "event: gone" in await asyncio.wait_for(rest(), PROMISED)
