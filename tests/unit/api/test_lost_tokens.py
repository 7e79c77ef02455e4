"""Tokens that nobody will ever have are revoked, whatever went wrong after the hub made them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from primehub_services.api.tokens import sweep
from primehub_services.domain.permissions import Scope
from primehub_services.operations import logins
from primehub_services.store import logins as store
from primehub_services.store.crypto import KeyringError
from tests.support.api import Api
from tests.support.clock import FixedClock

People = dict[str, httpx.AsyncClient]
REVOKE = "DELETE /users/ann/tokens/a7"
"""Of the token that the hub makes."""
EXPIRED, LONG_EXPIRED = 601, 700
"""Seconds after which a sign-in's time is over, and after which no hub makes its token any more."""


def fails(with_: Exception) -> Callable[..., Any]:
    def operation(*_: object, **__: object) -> None:
        raise with_

    return operation


def revoked(api: Api) -> int:
    """How often the hub was asked to revoke the token."""
    return sum(f"{method} {path}" == REVOKE for method, path, _ in api.hub.requests)


async def waiting(api: Api) -> int:
    """How many sign-ins there are."""
    return await api.context.database.read(store.count)


async def approved(people: People) -> httpx.Response:
    """A program asks for a sign-in, and ann approves."""
    asked = (await people["nobody"].post("/login-requests", json={"client": "primehub", "host": "laptop"})).json()
    return await people["member"].post(f"/login-requests/{asked['code']}/approval", json={"approve": True})


async def test_a_token_that_could_not_be_recorded_is_revoked(
    api: Api, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logins, "record", fails(RuntimeError("the disk is gone")))
    answer = await people["member"].post("/me/tokens", json={"note": "mine", "scopes": [Scope.READ.value]})
    assert (answer.status_code, revoked(api)) == (500, 1)


async def test_a_sign_ins_token_that_could_not_be_kept_is_revoked(
    api: Api, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logins, "approve", fails(KeyringError("the keys are gone")))
    assert (await approved(people)).status_code == 500
    assert revoked(api) == 1


async def test_a_token_whose_id_was_never_written_down_is_found_by_its_note(
    api: Api, people: People, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logins, "approve", fails(RuntimeError("killed")))
    api.hub.answers[REVOKE] = lambda _: httpx.Response(503, text="going down")
    await approved(people)
    [note] = [body["note"] for *call, body in api.hub.requests if call == ["POST", "/users/ann/tokens"]]
    assert note.startswith("primehub on laptop (")
    theirs = {"id": "a8", "note": "primehub on laptop", "oauth_client": "JupyterHub"}
    lost = {"id": "a7", "note": note, "oauth_client": "JupyterHub"}
    api.hub.answers["GET /users/ann/tokens"] = lambda _: httpx.Response(200, json={"api_tokens": [theirs, lost]})
    api.hub.answers.pop(REVOKE)
    api.hub.requests.clear()
    clock.advance(EXPIRED)
    await sweep(api.context)
    assert (revoked(api), await waiting(api)) == (0, 1)  # it may just be made
    clock.advance(LONG_EXPIRED - EXPIRED)
    await sweep(api.context)
    assert [path for method, path, _ in api.hub.requests if method == "DELETE"] == ["/users/ann/tokens/a7"]
    assert await waiting(api) == 0


@pytest.mark.parametrize("status", [204, 404])
async def test_a_token_that_nobody_fetched_is_revoked_once_the_hub_takes_that(
    api: Api, people: People, clock: FixedClock, status: int
) -> None:
    assert (await approved(people)).json()["state"] == "approved"
    clock.advance(EXPIRED)
    for refusal in (500, 403):
        api.hub.answers[REVOKE] = lambda _, refusal=refusal: httpx.Response(refusal, json={"message": "not now"})
        await sweep(api.context)
        assert await waiting(api) == 1
    api.hub.answers[REVOKE] = lambda _: httpx.Response(status)
    await sweep(api.context)
    assert (revoked(api), await waiting(api)) == (3, 0)


async def test_a_sign_in_whose_token_cannot_be_revoked_is_forgotten_with_the_tokens_own_end(
    api: Api, people: People, clock: FixedClock
) -> None:
    await approved(people)
    api.hub.answers[REVOKE] = lambda _: httpx.Response(403, json={"message": "never"})
    clock.advance(31 * 86_400)
    await sweep(api.context)
    assert await waiting(api) == 0
