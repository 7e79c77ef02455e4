"""One's API tokens as they are listed."""

from __future__ import annotations

import httpx
import pytest

from tests.support.api import Api, problem

People = dict[str, httpx.AsyncClient]


@pytest.fixture(autouse=True)
def tokens(api: Api) -> None:
    """Four of ann's at the hub."""
    made = [
        {"id": "a1", "note": "beta", "created": "2026-01-01T00:00:00Z", "expires_at": "2026-09-01T00:00:00Z"},
        {"id": "a2", "note": "Alpha", "created": "2026-01-03T00:00:00Z", "expires_at": None},
        {"id": "a4", "note": "gamma", "created": "2026-01-02T00:00:00Z", "expires_at": "2026-05-01T00:00:00Z"},
        {"id": "a3", "note": "gamma", "created": "2026-01-02T00:00:00Z", "last_activity": "2026-01-09T00:00:00Z"},
    ]
    listed = [{"oauth_client": "JupyterHub", "scopes": ["custom:primehub:read"], **token} for token in made]
    api.hub.answers["GET /users/ann/tokens"] = lambda _request: httpx.Response(200, json={"api_tokens": listed})


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", "a2 a3 a4 a1"),
        ("?sort=created_at", "a1 a3 a4 a2"),
        ("?sort=note", "a2 a1 a3 a4"),
        ("?sort=-note", "a3 a4 a1 a2"),
        ("?sort=expires_at", "a4 a1 a2 a3"),
        ("?sort=-last_used_at", "a3 a1 a2 a4"),
        ("?sort=note&page=2&page_size=2", "a3 a4"),
        ("?sort=note&search=GAM", "a3 a4"),
    ],
)
async def test_they_come_in_the_order_that_is_asked_for(people: People, query: str, ids: str) -> None:
    listed = (await people["member"].get(f"/me/tokens{query}")).json()
    assert [token["id"] for token in listed["items"]] == ids.split()


async def test_an_order_that_there_is_not_is_named(people: People) -> None:
    answer = problem(await people["member"].get("/me/tokens?sort=scopes"))
    assert (answer["status"], answer["errors"][0]["field"]) == (422, "sort")
    assert "created_at, note" in answer["errors"][0]["fix"]
