"""What a real Keycloak takes from somebody who is signed in, and does not sign in again."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from primehub_services.store.database import Database
from tests.integration.hub.harness import Browser, Hub
from tests.support import factories
from tests.support.keycloak import Keycloak
from tests.support.waiting import wait_for_async

from .test_provider import enter, memberships

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.keycloak]


@asynccontextmanager
async def signed_in(hub: Hub, keycloak: Keycloak, store: Database, person: str) -> AsyncIterator[tuple[Browser, str]]:
    """A new person of the group research in their browser, and an API token of theirs."""
    await store.write(lambda uow: factories.group(uow, "research").slug)
    subject = keycloak.make_user(person, "password-of-this-one")
    (group,) = [g for g in keycloak.admin("GET", "/groups") if g["name"] == "research"]
    keycloak.admin("PUT", f"/users/{subject}/groups/{group['id']}")
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
    person = f"moved-{hub.port}"
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
    person = f"gone-{hub.port}"
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
    person = f"kept-{hub.port}"
    async with signed_in(hub, keycloak, store, person):
        model = (await hub.api("GET", f"/users/{person}")).json()
        assert "auth_state" not in model or set(model["auth_state"]) == {"sealed"}
        assert "refresh_token" not in json.dumps(model)
        for file in (hub.data_dir / "hub").glob("jupyterhub.sqlite*"):
            assert b"refresh_token" not in file.read_bytes()
        with sqlite3.connect(hub.data_dir / "hub" / "jupyterhub.sqlite") as database:
            (kept,) = database.execute("SELECT encrypted_auth_state FROM users WHERE name = ?", (person,)).fetchone()
        assert kept
