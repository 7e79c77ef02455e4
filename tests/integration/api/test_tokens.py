"""API tokens and the command's sign-in: the hub's tokens, made with the person's own session."""

from __future__ import annotations

import pytest

from tests.support.waiting import wait_for_async

from .platform import ApiHub, Person

pytestmark = pytest.mark.asyncio(loop_scope="session")
READ, WRITE, ADMIN = (f"custom:primehub:{scope}" for scope in ("read", "write", "admin"))


async def _make(person: Person, *scopes: str) -> dict[str, str]:
    made = await person.ask("POST", "/me/tokens", {"note": "for a test", "scopes": list(scopes), "expires_in": 3600})
    assert made.status_code == 201, made.text
    token: dict[str, str] = made.json()
    return token


async def test_a_token_does_what_its_scopes_allow_and_no_more(platform: ApiHub, person: Person, name: str) -> None:
    token = await _make(person, READ)
    async with platform.client(token["token"]) as client:
        assert (await client.get("/me")).json()["name"] == name
        refused = await client.patch("/me", json={"version": 1, "display_name": "x"})
        assert refused.status_code == 403
        assert WRITE in refused.json()["detail"]


async def test_an_admin_scope_makes_nobody_an_administrator(platform: ApiHub, person: Person) -> None:
    token = await _make(person, READ, ADMIN)
    async with platform.client(token["token"]) as client:
        assert (await client.get("/users")).status_code == 403


async def test_tokens_are_listed_without_their_value_and_revoked(platform: ApiHub, person: Person) -> None:
    token = await _make(person, READ)
    listed = (await person.ask("GET", "/me/tokens")).json()
    assert [(t["id"], t["note"], t["scopes"]) for t in listed["items"]] == [(token["id"], "for a test", [READ])]
    assert "token" not in listed["items"][0]
    assert listed["items"][0]["expires_at"]
    async with platform.client(token["token"]) as client:
        assert (await client.get("/me")).status_code == 200
        assert (await person.ask("DELETE", f"/me/tokens/{token['id']}")).status_code == 204

        async def dead() -> bool:
            return (await client.get("/me")).status_code == 401

        await wait_for_async(dead, 10, what="a revoked token is refused")
    assert (await person.ask("GET", "/me/tokens")).json()["total"] == 0


async def test_nobody_revokes_the_session_or_somebody_elses_token(person: Person, admin: Person) -> None:
    token = await _make(admin, READ)
    assert (await person.ask("DELETE", f"/me/tokens/{token['id']}")).status_code == 404
    assert (await person.ask("DELETE", "/me/tokens/a999999")).status_code == 404
    assert (await admin.ask("DELETE", f"/me/tokens/{token['id']}")).status_code == 204


async def test_a_token_of_our_scopes_alone_makes_no_other(platform: ApiHub, person: Person) -> None:
    token = await _make(person, READ, WRITE)
    async with platform.client(token["token"]) as client:
        body = {"note": "another", "scopes": [READ], "expires_in": 3600}
        assert (await client.post("/me/tokens", json=body)).status_code == 403


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"scopes": ["custom:primehub:claims"]}, "scopes"),
        ({"scopes": []}, "scopes"),
        ({"expires_in": 366 * 86400 + 1}, "expires_in"),
        ({"note": ""}, "note"),
    ],
)
async def test_a_token_that_cannot_be_is_refused_with_the_field(
    person: Person, change: dict[str, object], field: str
) -> None:
    answer = await person.ask("POST", "/me/tokens", {"note": "n", "scopes": [READ], "expires_in": 3600} | change)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].startswith(field)


async def test_a_command_signs_in_through_the_browser(platform: ApiHub, person: Person, name: str) -> None:
    async with platform.client("") as command:
        asked = (await command.post("/login-requests", json={"client": "primehub", "host": "laptop"})).json()
        poll = f"/login-requests/{asked['id']}/token"
        secret = {"secret": asked["secret"]}
        assert (await command.post(poll, json=secret)).json() == {"state": "pending", "user": None, "token": None}
        assert (await command.post(poll, json={"secret": "wrong"})).status_code == 404

        shown = (await person.ask("GET", f"/login-requests/{asked['code'].lower()}/approval")).json()
        assert (shown["client"], shown["host"], shown["state"]) == ("primehub", "laptop", "pending")
        approval = f"/login-requests/{asked['code']}/approval"
        assert (await person.ask("POST", approval, {"approve": True})).json()["state"] == "approved"
        assert (await person.ask("POST", approval, {"approve": True})).status_code == 409

        fetched = (await command.post(poll, json=secret)).json()
        assert (fetched["state"], fetched["user"]) == ("approved", name)
        assert (await command.post(poll, json=secret)).status_code == 404
    async with platform.client(fetched["token"]) as client:
        assert (await client.get("/me")).json()["name"] == name


async def test_a_denied_sign_in_gives_nothing(platform: ApiHub, person: Person) -> None:
    async with platform.client("") as command:
        asked = (await command.post("/login-requests", json={})).json()
        answer = await person.ask("POST", f"/login-requests/{asked['code']}/approval", {"approve": False})
        assert answer.json()["state"] == "denied"
        poll = f"/login-requests/{asked['id']}/token"
        assert (await command.post(poll, json={"secret": asked["secret"]})).json()["state"] == "denied"
