"""Signing in to a real hub with a local account, and being thrown out again."""

from __future__ import annotations

import time
import uuid

import pytest

from tests.support.waiting import wait_for_async

from .fake_api import FakeApi, Person
from .harness import Browser, Hub, xsrf_of

pytestmark = pytest.mark.asyncio(loop_scope="session")
PASSWORD = "a good password"


async def test_a_person_signs_in_and_lands_in_the_portal(browser: Browser, person: str) -> None:
    response = await browser.sign_in(person, PASSWORD)
    assert (response.status_code, response.headers["location"]) == (302, "/services/primehub/")
    assert await browser.signed_in_as() == person


async def test_a_wrong_password_is_refused_and_says_no_more_than_an_unknown_name(browser: Browser, person: str) -> None:
    wrong = await browser.sign_in(person, "not it at all")
    unknown = await browser.sign_in("nobody-here", "not it at all")
    assert wrong.status_code == unknown.status_code == 403
    assert "Invalid username or password" in wrong.text
    assert "Invalid username or password" in unknown.text
    assert await browser.signed_in_as() is None


async def test_a_sign_in_without_the_pages_token_is_refused(browser: Browser, person: str) -> None:
    await browser.get("/hub/login")
    response = await browser.post("/hub/login", data={"username": person, "password": PASSWORD})
    assert response.status_code == 403
    assert await browser.signed_in_as() is None


async def test_the_page_is_named_as_the_platform_is(browser: Browser, api: FakeApi) -> None:
    api.branding = {"name": "Foundry <i>", "logo": "data:image/png;base64,AAAA"}

    async def named() -> str | None:
        page = (await browser.get("/hub/login")).text
        return page if "<title>Foundry &lt;i&gt;</title>" in page else None

    page = await wait_for_async(named, 20, what="the page has the name")
    assert '<img src="data:image/png;base64,AAAA" alt="Foundry &lt;i&gt;"' in page


async def test_an_empty_form_is_refused_in_words(browser: Browser) -> None:
    response = await browser.send_form("/hub/login", {})
    assert response.status_code == 403
    assert "Type your username and password." in response.text


async def test_a_locked_account_is_told_how_long_to_wait(browser: Browser, person: str, api: FakeApi) -> None:
    api.locked = 240
    response = await browser.sign_in(person, PASSWORD)
    assert response.status_code == 403
    assert "Wait 4 minutes" in response.text


async def test_without_the_api_nobody_signs_in_and_the_page_says_why(
    browser: Browser, person: str, api: FakeApi
) -> None:
    api.away = True
    response = await browser.sign_in(person, PASSWORD)
    assert response.status_code == 503
    assert "API does not answer" in response.text


async def test_the_groups_and_the_admin_mark_follow_the_api(
    browser: Browser, person: str, api: FakeApi, hub: Hub
) -> None:
    await browser.sign_in(person, PASSWORD)
    api.people[person].groups, api.people[person].platform_admin = ("g2", "g3"), True

    async def followed() -> bool:
        await browser.get("/hub/token")
        model = (await hub.api("GET", f"/users/{person}")).json()
        return sorted(model["groups"]) == ["g2", "g3"] and bool(model["admin"])

    await wait_for_async(followed, 10)


@pytest.mark.alone
async def test_a_disabled_person_loses_session_and_token_within_ten_seconds(
    browser: Browser, person: str, api: FakeApi, hub: Hub
) -> None:
    await browser.sign_in(person, PASSWORD)
    token = (await hub.api("POST", f"/users/{person}/tokens", {"note": "mine"})).json()["token"]
    assert (await hub.api("GET", "/user", token=token)).json()["name"] == person
    api.people[person].enabled = False
    begun = time.monotonic()

    async def out() -> bool:
        answer = await hub.api("GET", "/user", token=token, check=False)
        return answer.status_code == 403 and await browser.signed_in_as() is None

    await wait_for_async(out, 30, what="both are lost")
    assert time.monotonic() - begun < 10


async def test_who_is_signed_in_goes_on_for_a_while_without_the_api_but_starts_nothing(
    browser: Browser, person: str, api: FakeApi, hub: Hub
) -> None:
    await browser.sign_in(person, PASSWORD)
    api.away = True
    assert await browser.signed_in_as() == person
    response = await hub.api("POST", f"/users/{person}/server", {"user_options": {}}, check=False)
    assert response.status_code == 503
    assert "API does not answer" in response.json()["message"]


async def test_who_was_not_seen_before_is_nobody_without_the_api_and_keeps_the_token(
    person: str, api: FakeApi, hub: Hub
) -> None:
    await hub.api("POST", f"/users/{person}")
    token = (await hub.api("POST", f"/users/{person}/tokens", {})).json()["token"]
    api.away = True
    assert (await hub.api("GET", "/user", token=token, check=False)).status_code == 403
    api.away = False
    assert (await hub.api("GET", "/user", token=token)).json()["name"] == person


async def test_a_hub_user_without_an_account_has_no_rights(hub: Hub, api: FakeApi) -> None:
    name = f"ghost{uuid.uuid4().hex[:6]}"
    await hub.api("POST", f"/users/{name}")
    token = (await hub.api("POST", f"/users/{name}/tokens", {})).json()["token"]
    assert (await hub.api("GET", "/user", token=token, check=False)).status_code == 403


# a temporary password


async def test_a_temporary_password_opens_nothing_until_it_is_changed(
    browser: Browser, person: str, api: FakeApi, hub: Hub
) -> None:
    api.people[person].must_change_password = True
    await hub.api("POST", f"/users/{person}")
    response = await browser.sign_in(person, PASSWORD)
    assert response.headers["location"] == f"/hub/change-password?username={person}"
    assert await browser.signed_in_as() is None
    auth = {"auth": {"username": person, "password": PASSWORD}}
    assert (await browser.post(f"/hub/api/users/{person}/tokens", json=auth)).status_code == 403
    start = await hub.api("POST", f"/users/{person}/server", {"user_options": {}}, check=False)
    assert start.status_code == 409

    data = {"old_password": PASSWORD, "new_password": "my very own one", "repeat_password": "my very own one"}
    changed = await browser.send_form(response.headers["location"], data | {"username": person})
    assert (changed.status_code, changed.headers["location"]) == (302, "/services/primehub/")
    assert await browser.signed_in_as() == person


async def test_a_reset_by_an_admin_ends_the_session(browser: Browser, person: str, api: FakeApi) -> None:
    await browser.sign_in(person, PASSWORD)
    api.people[person].must_change_password = True

    async def out() -> bool:
        return await browser.signed_in_as() is None

    await wait_for_async(out, 10)


@pytest.mark.parametrize(
    ("data", "status", "text"),
    [
        ({"old_password": "wrong one", "new_password": "0123456789", "repeat_password": "0123456789"}, 401, "not the"),
        ({"old_password": PASSWORD, "new_password": "short", "repeat_password": "short"}, 422, "at least 10"),
        (
            {"old_password": PASSWORD, "new_password": "0123456789", "repeat_password": "9876543210"},
            400,
            "not the same",
        ),
        ({"old_password": "", "new_password": "0123456789", "repeat_password": "0123456789"}, 400, "current password"),
    ],
)
async def test_a_change_that_cannot_be_is_explained_at_the_field(
    browser: Browser, person: str, data: dict[str, str], status: int, text: str
) -> None:
    await browser.sign_in(person, PASSWORD)
    response = await browser.send_form("/hub/change-password", data)
    assert response.status_code == status
    assert text in response.text
    assert 'aria-invalid="true"' in response.text


async def test_a_change_signs_every_other_browser_out(browser: Browser, person: str, hub: Hub) -> None:
    await browser.sign_in(person, PASSWORD)
    async with Browser(hub) as other:
        await other.sign_in(person, PASSWORD)
        data = {"old_password": PASSWORD, "new_password": "my very own one", "repeat_password": "my very own one"}
        assert (await browser.send_form("/hub/change-password", data)).status_code == 302
        assert await browser.signed_in_as() == person
        assert await other.signed_in_as() is None


async def test_the_change_of_anothers_password_is_not_possible_with_ones_own_session(
    browser: Browser, person: str, api: FakeApi
) -> None:
    victim = f"v{uuid.uuid4().hex[:8]}"
    api.people[victim] = Person()
    await browser.sign_in(person, PASSWORD)
    data = {"old_password": PASSWORD, "new_password": "my very own one", "repeat_password": "my very own one"}
    await browser.send_form("/hub/change-password", data | {"username": victim})
    assert api.people[victim].password == PASSWORD


# links


def _link(api: FakeApi, kind: str, username: str | None = None) -> str:
    token = uuid.uuid4().hex
    group = "Research" if kind == "join" else None
    api.links[token] = {"view": {"kind": kind, "group": group, "username": username}}
    return token


async def test_a_join_link_makes_an_account_and_signs_in(browser: Browser, api: FakeApi) -> None:
    token, name = _link(api, "join"), f"n{uuid.uuid4().hex[:8]}"
    form = await browser.send_form("/hub/invite", {"token": token})
    assert "Join Research" in form.text
    assert form.headers["referrer-policy"] == "no-referrer"
    assert form.headers["cache-control"] == "no-store"
    data = {"token": token, "use": "1", "username": name, "display_name": "New Person"}
    data |= {"password": "my very own one", "repeat_password": "my very own one"}
    done = await browser.send_form("/hub/invite", data, page=form)
    assert done.status_code == 302
    assert await browser.signed_in_as() == name
    again = await browser.send_form("/hub/invite", {"token": token})
    assert again.status_code == 404
    assert "used already" in again.text


async def test_who_has_an_account_signs_in_and_joins_with_it(
    browser: Browser, api: FakeApi, hub: Hub, person: str
) -> None:
    token = _link(api, "join")
    form = await browser.send_form("/hub/invite", {"token": token})
    door = await browser.send_form("/hub/invite", {"token": token, "use": "sign-in"}, page=form)
    assert door.headers["location"] == "/hub/login?next=%2Fhub%2Finvite%3Fkept%3D1"
    kept = door.headers["set-cookie"].lower()
    assert "path=/hub/invite" in kept
    assert "httponly" in kept
    data = {"username": person, "password": PASSWORD}
    back = await browser.send_form(door.headers["location"], data)
    assert back.headers["location"] == "/hub/invite?kept=1"
    page = await browser.get("/hub/invite?kept=1")
    assert f"Join as {person}" in page.text
    assert "Join Research" not in (await browser.get("/hub/invite?kept=1")).text
    done = await browser.send_form("/hub/invite", {"token": token, "use": "join"}, page=page)
    assert (done.status_code, done.headers["location"]) == (302, "/services/primehub/")
    assert api.people[person].groups == ("g1", "g2")
    assert token not in api.links
    assert token not in hub.log.read_text()
    again = _link(api, "join")
    refused = await browser.send_form("/hub/invite", {"token": again, "use": "join"})
    assert refused.status_code == 403
    assert "You are in Research already." in refused.text


async def test_a_join_link_survives_a_taken_name(browser: Browser, api: FakeApi, person: str) -> None:
    token = _link(api, "join")
    data = {"token": token, "use": "1", "username": person, "display_name": ""}
    data |= {"password": "my very own one", "repeat_password": "my very own one"}
    refused = await browser.send_form("/hub/invite", data)
    assert refused.status_code == 409
    assert "This username is taken." in refused.text
    assert token in api.links
    assert "my very own one" not in refused.text


async def test_a_user_name_that_cannot_be_is_explained_at_the_field(browser: Browser, api: FakeApi) -> None:
    token = _link(api, "join")
    data = {"token": token, "use": "1", "username": "Ünn", "display_name": ""}
    data |= {"password": "my very own one", "repeat_password": "my very own one"}
    refused = await browser.send_form("/hub/invite", data)
    assert refused.status_code in (400, 409, 422)
    assert 'id="username_error"' in refused.text


async def test_an_account_link_sets_the_password_and_signs_in(browser: Browser, api: FakeApi, person: str) -> None:
    api.people[person].must_change_password = True
    token = _link(api, "account", person)
    form = await browser.send_form("/hub/invite", {"token": f"http://127.0.0.1/hub/invite#{token}"})
    assert f"Set the password of {person}" in form.text
    data = {"token": token, "use": "1", "password": "my very own one", "repeat_password": "my very own one"}
    assert (await browser.send_form("/hub/invite", data, page=form)).status_code == 302
    assert await browser.signed_in_as() == person
    assert api.people[person].password == "my very own one"


async def test_a_links_token_is_in_no_log(browser: Browser, api: FakeApi, hub: Hub) -> None:
    token = _link(api, "join")
    await browser.send_form("/hub/invite", {"token": token})
    assert token not in hub.log.read_text()


async def test_the_forms_need_their_pages_token(browser: Browser, api: FakeApi) -> None:
    token = _link(api, "join")
    await browser.get("/hub/invite")
    for path in ("/hub/invite", "/hub/change-password"):
        assert (await browser.post(path, data={"token": token})).status_code == 403


# pages


async def test_hub_pages_lead_back_to_the_portal(browser: Browser, person: str, api: FakeApi) -> None:
    api.people[person].platform_admin = True
    await browser.sign_in(person, PASSWORD)
    for path in ("/hub/home", "/hub/token", "/hub/admin", "/hub/spawn"):
        page = await browser.get(path)
        assert page.status_code == 200, path
        assert 'href="/services/primehub/"' in page.text, path
        assert 'href="/services/primehub/admin"' in page.text, path
        assert page.headers["x-content-type-options"] == "nosniff"


async def test_only_platform_admins_get_the_links_to_administration(browser: Browser, person: str) -> None:
    await browser.sign_in(person, PASSWORD)
    page = await browser.get("/hub/home")
    assert "/services/primehub/admin" not in page.text
    assert (await browser.get("/hub/admin")).status_code == 403


async def test_the_sign_in_page_has_a_form_that_a_password_manager_knows(browser: Browser) -> None:
    page = await browser.get("/hub/login")
    assert xsrf_of(page.text)
    assert 'autocomplete="username"' in page.text
    assert "Sign in with" not in page.text
    logo = await browser.get("/hub/logo")
    assert logo.headers["content-type"] == "image/svg+xml"
