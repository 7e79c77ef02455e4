"""Signing in through a real Keycloak: accounts, memberships, names that are alike, and what it takes from who is signed in.

One module, and one Keycloak and hub for it: to start them costs more than all that is tried. Each test has people of its own.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from html import unescape

import httpx
import pytest

from primehub_services.domain.identity import Origin, Role
from primehub_services.domain.system import InvitationKind
from primehub_services.store import invitations
from primehub_services.store.database import Database
from primehub_services.store.orm import AccountRow, GroupRow, MembershipRow
from tests.integration.hub.harness import Browser, Hub
from tests.support import factories
from tests.support.keycloak import Keycloak, form_address
from tests.support.names import unique
from tests.support.waiting import wait_for_async

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.keycloak]


async def sign_in(hub: Hub, username: str, password: str) -> tuple[str | None, httpx.Response]:
    """A new browser goes through the provider; who is signed in afterwards, and the last answer."""
    async with Browser(hub) as browser:
        page = await browser.get("/hub/login")
        assert "Sign in with the lab" in page.text
        done = await enter(browser, username, password)
        return await browser.signed_in_as(), done


async def enter(browser: Browser, username: str, password: str, door: str = "/hub/oauth_login") -> httpx.Response:
    """Through the provider's page; the hub's answer to who comes back."""
    form = await browser.get(door, follow_redirects=True)
    assert "code_challenge=" in str(form.url)
    back = await browser.post(form_address(form.text), data={"username": username, "password": password})
    assert back.status_code == 302, re.findall(r"(?s)kc-feedback-text.*?</", back.text)
    return await browser.get(back.headers["location"])


async def memberships(store: Database, user: str) -> set[tuple[str, str]]:
    """Group and origin of everything that a person is in."""

    def find(uow):  # type: ignore[no-untyped-def]
        query = (
            uow.session.query(GroupRow.slug, MembershipRow.origin)
            .join(MembershipRow, MembershipRow.group_id == GroupRow.id)
            .join(AccountRow, AccountRow.id == MembershipRow.account_id)
            .filter(AccountRow.name == user)
        )
        return {tuple(row) for row in query}

    return await store.read(find)


async def test_a_first_sign_in_makes_an_account_and_gives_the_providers_memberships(
    hub: Hub, keycloak: Keycloak, store: Database
) -> None:
    person = unique("newcomer")
    subject = keycloak.make_user(person, "password-of-newcomer")
    keycloak.join(person, "research")
    name, done = await sign_in(hub, person, "password-of-newcomer")
    assert name == person
    assert done.headers["location"] == "/services/primehub/"
    assert await memberships(store, person) == {("research", "provider")}
    known = await store.read(
        lambda uow: uow.session.query(AccountRow.issuer, AccountRow.subject).filter_by(name=person).one()
    )
    assert tuple(known) == (keycloak.issuer, subject)
    model = (await hub.api("GET", f"/users/{person}")).json()
    assert model["groups"] == ["research"]


async def test_what_the_provider_takes_goes_at_the_next_sign_in_and_what_is_local_stays(
    hub: Hub, keycloak: Keycloak, store: Database
) -> None:
    person = unique("leaver")
    keycloak.make_user(person, "password-of-leaver")
    keycloak.join(person, "research")
    assert (await sign_in(hub, person, "password-of-leaver"))[0] == person

    def join(uow):  # type: ignore[no-untyped-def]
        account = uow.session.query(AccountRow).filter_by(name=person).one()
        for group in uow.session.query(GroupRow):
            factories.membership(uow, account, group, origin=Origin.LOCAL)

    await store.write(join)
    keycloak.leave(person, "research")
    assert (await sign_in(hub, person, "password-of-leaver"))[0] == person
    assert await memberships(store, person) == {("research", "local"), ("vision", "local")}


async def test_of_two_names_that_are_alike_the_second_is_refused_in_clear_words(hub: Hub, store: Database) -> None:
    assert (await sign_in(hub, "ann-lee", "password-of-ann"))[0] == "ann-lee"
    name, done = await sign_in(hub, "ann.lee", "password-of-other")
    assert name is None
    assert done.status_code == 403
    assert "belongs to another account or is too like its name" in unescape(done.text)
    known = await store.read(lambda uow: [row.name for row in uow.session.query(AccountRow) if "lee" in row.name])
    assert known == ["ann-lee"]


async def test_a_name_that_the_provider_gave_to_somebody_else_never_shares_the_account(
    hub: Hub, keycloak: Keycloak, store: Database
) -> None:
    person = unique("given")
    first = keycloak.make_user(person, "password-of-first")
    assert (await sign_in(hub, person, "password-of-first"))[0] == person
    keycloak.admin("DELETE", f"/users/{first}")
    assert keycloak.make_user(person, "password-of-second") != first
    name, done = await sign_in(hub, person, "password-of-second")
    assert name is None
    assert "Accounts are never shared" in unescape(done.text)


async def test_a_person_who_was_renamed_at_the_provider_keeps_the_account(
    hub: Hub, keycloak: Keycloak, store: Database
) -> None:
    before, after = unique("before"), unique("after")
    subject = keycloak.make_user(before, "password-of-renamed")
    assert (await sign_in(hub, before, "password-of-renamed"))[0] == before
    # Keycloak lets an administrator rename only where the realm says so
    keycloak.admin("PUT", "", json={"editUsernameAllowed": True})
    keycloak.admin("PUT", f"/users/{subject}", json={"username": after})
    assert (await sign_in(hub, after, "password-of-renamed"))[0] == before


async def test_a_callback_that_nobody_asked_for_signs_nobody_in(hub: Hub) -> None:
    async with Browser(hub) as browser:
        response = await browser.get("/hub/oauth_callback?code=stolen&state=e30")
        assert response.status_code == 400
        assert await browser.signed_in_as() is None


async def test_a_person_who_says_no_at_the_provider_is_told_so(hub: Hub) -> None:
    async with Browser(hub) as browser:
        response = await browser.get("/hub/oauth_callback?error=access_denied&error_description=%3Cb%3Eno")
        assert response.status_code == 403
        assert "did not let you in: &lt;b&gt;no" in response.text


async def test_where_the_provider_is_the_only_way_in_its_people_join_a_group_by_a_link(
    hub_without_passwords: Hub, keycloak: Keycloak, store: Database
) -> None:
    person = unique("guest")
    keycloak.make_user(person, "password-of-guest")
    links = await store.write(_two_links)
    async with Browser(hub_without_passwords) as browser:
        no_use = await browser.send_form("/hub/invite", {"token": links["account"]})
        assert no_use.status_code == 403
        assert "nobody signs in with one here" in no_use.text
        form = await browser.send_form("/hub/invite", {"token": links["join"]})
        assert "Sign in with the lab&#39;s Keycloak" in form.text
        assert 'type="password"' not in form.text
        door = await browser.send_form("/hub/invite", {"token": links["join"], "use": "sign-in"}, page=form)
        back = await enter(browser, person, "password-of-guest", door.headers["location"])
        page = await browser.get(back.headers["location"])
        assert f"Join as {person}" in page.text
        done = await browser.send_form("/hub/invite", {"token": links["join"], "use": "join"}, page=page)
        assert done.headers["location"] == "/services/primehub/"
        assert await browser.signed_in_as() == person
    assert await memberships(store, person) == {("vision", "local")}
    assert links["join"] not in hub_without_passwords.log.read_text()


# -- what the provider takes from somebody who is signed in, and does not sign in again


@asynccontextmanager
async def signed_in(hub: Hub, keycloak: Keycloak, store: Database, person: str) -> AsyncIterator[tuple[Browser, str]]:
    """A new person of the group research in their browser, and an API token of theirs."""
    keycloak.make_user(person, "password-of-this-one")
    keycloak.join(person, "research")
    async with Browser(hub) as browser:
        await enter(browser, person, "password-of-this-one")
        assert await browser.signed_in_as() == person
        assert await memberships(store, person) == {("research", "provider")}
        yield browser, (await hub.api("POST", f"/users/{person}/tokens", {})).json()["token"]


async def allowed(hub: Hub, token: str) -> bool:
    """Whether the hub still knows whose token this is."""
    return (await hub.api("GET", "/user", token=token, check=False)).status_code == 200


async def test_a_group_that_the_provider_takes_is_gone_without_another_sign_in(
    hub: Hub, keycloak: Keycloak, store: Database
) -> None:
    person = unique("moved")
    async with signed_in(hub, keycloak, store, person) as (browser, token):
        keycloak.leave(person, "research")

        async def out_of_the_group() -> bool:
            assert await allowed(hub, token)
            return await memberships(store, person) == set()

        await wait_for_async(out_of_the_group, 20, what="the membership is gone")

        async def told_to_the_hub() -> bool:
            assert await browser.signed_in_as() == person
            return (await hub.api("GET", f"/users/{person}")).json()["groups"] == []

        await wait_for_async(told_to_the_hub, 20, what="the hub's group is gone")


async def test_who_is_disabled_at_the_provider_loses_session_tokens_and_what_it_gave_them(
    hub: Hub, keycloak: Keycloak, store: Database
) -> None:
    person = unique("gone")
    async with signed_in(hub, keycloak, store, person) as (browser, token):
        keycloak.change(person, enabled=False)

        async def refused() -> bool:
            return not await allowed(hub, token)

        await wait_for_async(refused, 20, what="the API token is refused")
        assert await browser.signed_in_as() is None
        assert await memberships(store, person) == set()
        good = await hub.api("POST", "/primehub/tokens", {"tokens": [token]})
        assert good.json() == {"good": [False]}  # what open event streams ask

        hub.kill()
        await hub.start()
        assert not await allowed(hub, token)

        keycloak.change(person, enabled=True)
        await enter(browser, person, "password-of-this-one")
        assert await browser.signed_in_as() == person
        assert await allowed(hub, token)
        assert await memberships(store, person) == {("research", "provider")}


async def test_nobody_can_read_what_the_provider_is_asked_with(hub: Hub, keycloak: Keycloak, store: Database) -> None:
    person = unique("kept")
    async with signed_in(hub, keycloak, store, person):
        model = (await hub.api("GET", f"/users/{person}")).json()
        assert "auth_state" not in model or set(model["auth_state"]) == {"sealed"}
        assert "refresh_token" not in json.dumps(model)
        for file in (hub.data_dir / "hub").glob("jupyterhub.sqlite*"):
            assert b"refresh_token" not in file.read_bytes()
        with sqlite3.connect(hub.data_dir / "hub" / "jupyterhub.sqlite") as database:
            (kept,) = database.execute("SELECT encrypted_auth_state FROM users WHERE name = ?", (person,)).fetchone()
        assert kept


def _two_links(uow):  # type: ignore[no-untyped-def]
    """Tokens of a link into a group, and of one to an account with a password."""
    day = timedelta(days=1)
    group, account = uow.session.query(GroupRow).filter_by(slug="vision").one(), factories.account(uow, unique("ann"))
    into = {"group_id": group.id, "role": Role.MEMBER}
    return {
        "join": invitations.add(uow, InvitationKind.JOIN, created_by="root", lifetime=day, **into)[1],
        "account": invitations.add(uow, InvitationKind.ACCOUNT, created_by="root", lifetime=day, account_id=account.id)[
            1
        ],
    }
