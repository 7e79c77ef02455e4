"""Accounts where people sign in through a provider alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from primehub_services.operations.sign_in import SignIn, SignInPolicy
from primehub_services.store.database import Database
from tests.support.api import Api, problem, running_api
from tests.support.factories import Cast
from tests.support.identity import cheap_passwords


@pytest.fixture
async def by_provider(database: Database, tmp_path: Path) -> AsyncIterator[Api]:
    """The API of a platform on which nobody has a password."""
    sign_in = SignIn(database, SignInPolicy(local_accounts=False), cheap_passwords())
    async with running_api(database, tmp_path, sign_in=sign_in) as found:
        yield found
    sign_in.close()


async def test_without_passwords_none_is_given_and_everybody_is_told_so(by_provider: Api, cast: Cast) -> None:
    async with by_provider.client(by_provider.tokens.give(cast.platform_admin)) as root:
        me = (await root.get("/me")).json()
        assert (me["local"], me["local_accounts"]) == (False, False)
        changed = await root.patch("/me", json={"version": me["version"], "display_name": "Root"})
        assert changed.json()["local_accounts"] is False
        for path, body, field in (
            ("/users", {"name": "bob"}, "name"),
            ("/invitations", {"user": "ann"}, "user"),
            ("/users/ann/password-reset", None, "user"),
        ):
            answer = await root.post(path, json=body)
            found = problem(answer)
            assert found["status"] == 422
            assert [error["field"] for error in found["errors"]] == [field], path
            assert "accounts.local" in found["errors"][0]["message"]
            assert found["errors"][0]["fix"]
        assert (await root.post("/invitations", json={"group": "research"})).status_code == 201


async def test_the_portal_changes_ones_address_and_a_token_does_not(api: Api, cast: Cast) -> None:
    token = api.tokens.give(cast.platform_admin)
    change = {"version": 1, "email": "root@example.org"}
    async with api.client(token) as program, api.client(Authorization=f"session {token}") as portal:
        change["version"] = (await program.get("/me")).json()["version"]
        refused = problem(await program.patch("/me", json=change))
        assert (refused["status"], refused["code"]) == (403, "forbidden")
        changed = await portal.patch("/me", json=change)
        assert changed.json()["email"] == "root@example.org"
