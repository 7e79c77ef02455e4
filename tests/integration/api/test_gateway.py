"""The gateway that the hub starts: its sign-in, and what is seen of it."""

from __future__ import annotations

import json

import httpx
import psutil
import pytest
from tornado.web import decode_signed_value

from hub_config.secret_files import secret_file
from primehub_services.gateway.sign_in import cookie_secret
from tests.support.waiting import wait_for_async

from .platform import PAGE, ApiHub, Person

pytestmark = pytest.mark.asyncio(loop_scope="session")
PREFIX = "/services/primehub-gateway"
BROWSER = {**PAGE, "Accept": "text/html"}


async def _is_current(person: Person) -> bool:
    try:
        answer = await person.get(f"{PREFIX}/healthz")
    except httpx.HTTPError:
        return False
    return answer.status_code == 200 and answer.json() == {"table": "current"}


async def test_it_has_asked_the_api_with_a_token_that_can_do_nothing_else(platform: ApiHub, admin: Person) -> None:
    await wait_for_async(lambda: _is_current(admin), 20, what="the gateway has a table")
    assert json.loads((platform.data_dir / "run" / "routes.json").read_text())["routes"] == []
    async with platform.service_client("gateway") as client:
        assert (await client.get("/routes")).status_code == 200
        for path in ("/me", "/jobs", "/groups/research/caller", "/settings", "/culling/decisions?user=admin"):
            assert (await client.get(path)).status_code in (401, 403, 404), path


async def test_a_person_signs_in_on_the_way_and_finds_that_there_is_nothing(platform: ApiHub, person: Person) -> None:
    await wait_for_async(lambda: _is_current(person), 20, what="the gateway has a table")
    page = await person.get(f"{PREFIX}/research/iris/?a=1", headers=BROWSER)
    assert (page.url.path, page.url.query) == (f"{PREFIX}/research/iris/", b"a=1")
    assert page.status_code == 404
    assert page.history[0].status_code == 302
    again = await person.get(f"{PREFIX}/research/iris/", headers=BROWSER)
    assert (again.status_code, again.history) == (404, [])
    session = [c for c in person.cookies.jar if c.name == "primehub-gateway-session"]
    assert [c.path for c in session] == [f"{PREFIX}/"]


async def test_the_session_says_in_which_groups_one_is_and_can_do_no_more(platform: ApiHub, person: Person) -> None:
    await wait_for_async(lambda: _is_current(person), 20, what="the gateway has a table")
    await person.get(f"{PREFIX}/research/iris/", headers=BROWSER)
    cookie = next(c.value for c in person.cookies.jar if c.name == "primehub-gateway-session")
    assert cookie is not None
    secret = cookie_secret(secret_file(platform.data_dir / "secrets" / "gateway.token"))
    opened = decode_signed_value(secret, "primehub-gateway-session", cookie.strip('"'))
    assert opened is not None
    async with platform.client(json.loads(opened)["token"]) as client:
        assert (await client.get("/groups/research/caller")).status_code == 200
        assert (await client.post("/me/tokens", json={"note": "n", "scopes": []})).status_code in (403, 422)
        assert (await client.patch("/me", json={"version": 1, "display_name": "x"})).status_code == 403


async def test_its_end_is_seen_on_the_health_page_and_mended(platform: ApiHub, admin: Person) -> None:
    await wait_for_async(lambda: _is_current(admin), 20, what="the gateway has a table")

    async def said() -> str:
        parts = (await admin.ask("GET", "/status")).json()["parts"]
        return str(next(part["message"] for part in parts if part["name"] == "gateway"))

    assert "serves the routes" in await said()
    (gateway,) = [
        process
        for process in psutil.process_iter(["cmdline"])
        if "primehub_services.gateway" in (process.info["cmdline"] or ())
        and f"--state={platform.data_dir / 'run' / 'routes.json'}" in process.info["cmdline"]
    ]
    gateway.suspend()
    try:
        assert await said() == "It does not answer."
    finally:
        gateway.kill()
    await wait_for_async(lambda: _is_current(admin), 20, what="the hub has started it again")
