"""Many people at once on a running platform, and what its hub then holds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import httpx

from .platform import Platform

T = TypeVar("T")
AT_ONCE = 10
"""People that are made side by side: more would only wait for each other."""


def client(platform: Platform) -> httpx.AsyncClient:
    """Enough connections for everyone; a person is told apart by the token of each request."""
    limits = httpx.Limits(max_connections=500, max_keepalive_connections=500)
    return httpx.AsyncClient(base_url=platform.url, limits=limits, timeout=120, trust_env=False)


def token_of(token: str) -> dict[str, str]:
    """The header that says who asks."""
    return {"Authorization": f"token {token}"}


async def add_people(platform: Platform, names: Sequence[str], group: str) -> dict[str, str]:
    """New members of a group, who have never signed in; their tokens by name."""
    headers = token_of(platform.admin_token)
    limit = asyncio.Semaphore(AT_ONCE)

    async with client(platform) as http:

        async def add(name: str) -> str:
            async with limit:
                body = {"name": name, "groups": [group]}
                made = await http.post(f"{platform.api}/users", json=body, headers=headers)
                assert made.status_code == 201, made.text
                token = await http.post(f"/hub/api/users/{name}/tokens", json={"note": "t"}, headers=headers)
                assert token.status_code == 201, token.text
                return str(token.json()["token"])

        # all in one request; PrimeHub would make them one by one
        made = await http.post("/hub/api/users", json={"usernames": list(names)}, headers=headers)
        assert made.status_code == 201, made.text
        return dict(zip(names, await asyncio.gather(*map(add, names)), strict=True))


async def all_at_once(tokens: Mapping[str, str], ask: Callable[[str, str], Awaitable[T]]) -> dict[str, T]:
    """What each person gets who asks at the same time as all the others; ``ask`` takes name and token."""
    answers = await asyncio.gather(*(ask(name, token) for name, token in tokens.items()))
    return dict(zip(tokens, answers, strict=True))


def servers(platform: Platform, group: str = "") -> dict[str, dict[str, Any]]:
    """The hub's servers by their start id, those that start or stop too; all, or those in one group."""
    answer = httpx.get(
        f"{platform.url}/hub/api/users",
        params={"state": "active", "limit": "200"},
        headers=token_of(platform.admin_token),
        trust_env=False,
        timeout=30,
    )
    answer.raise_for_status()
    found = [
        (server.get("user_options") or {}, server) for user in answer.json() for server in user["servers"].values()
    ]
    return {str(o.get("start_id")): server for o, server in found if group in ("", o.get("group"))}


def ready(platform: Platform, group: str = "") -> set[str]:
    """The start ids of the servers that the hub takes for ready, and does not stop."""
    known = servers(platform, group)
    return {start_id for start_id, server in known.items() if server["ready"] and not server["pending"]}
