"""Signing in to the portal through the hub, and what its session may do."""

from __future__ import annotations

import pytest

from .platform import PAGE, ROOT, ApiHub, Person

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_stranger_is_sent_to_the_hubs_sign_in(platform: ApiHub) -> None:
    async with Person(platform) as stranger:
        page = await stranger.open_portal("g/research/notebooks")
        assert page.url.path == "/hub/login"


async def test_the_first_link_is_gone_once_it_is_used(platform: ApiHub, admin: Person) -> None:
    from tests.support.waiting import wait_for_async

    link = platform.data_dir / "run" / "first-sign-in"
    await wait_for_async(lambda: not link.exists(), 10, what="the file of the link is removed")


async def test_the_first_administrator_finds_something_to_use(admin: Person) -> None:
    me = (await admin.ask("GET", "/me")).json()
    assert me["platform_admin"]
    assert [g["group"] for g in me["groups"]] == ["research"]
    options = (await admin.ask("GET", "/groups/research/launch-options")).json()
    assert options["instance_types"]
    assert options["images"]


async def test_a_script_without_the_xsrf_token_is_refused(person: Person) -> None:
    answer = await person.ask("GET", "/me", **{"X-XSRFToken": "wrong"})
    assert answer.status_code == 403
    assert answer.json()["code"] == "xsrf"
    changed = await person.ask("PATCH", "/me", {"version": 1, "display_name": "x"}, **{"X-XSRFToken": ""})
    assert changed.status_code == 403


async def test_the_session_changes_ones_address(person: Person) -> None:
    version = (await person.ask("GET", "/me")).json()["version"]
    changed = await person.ask("PATCH", "/me", {"version": version, "email": "new@example.org"})
    assert (changed.status_code, changed.json()["email"]) == (200, "new@example.org")


async def test_the_session_is_the_persons_and_no_administrators(person: Person, name: str) -> None:
    me = (await person.ask("GET", "/me")).json()
    assert (me["name"], me["platform_admin"]) == (name, False)
    assert (await person.ask("GET", "/users")).status_code == 403


async def test_a_stranger_gets_no_data(platform: ApiHub) -> None:
    async with Person(platform) as stranger:
        answer = await stranger.get(f"{ROOT}/me", headers=PAGE)
        assert answer.status_code == 401


async def test_signing_out_of_the_portal_ends_its_session(person: Person) -> None:
    assert (await person.ask("GET", "/me")).status_code == 200
    xsrf = person.xsrf()
    await person.get("/services/primehub/sign-out", headers=PAGE)
    answer = await person.request("GET", f"{ROOT}/me", headers={"Sec-Fetch-Mode": "cors", "X-XSRFToken": xsrf})
    assert answer.status_code == 401
