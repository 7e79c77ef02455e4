"""The idle culler decides nothing by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from hub_config.culling import arbiter
from primehub_services.client import ApiClient
from primehub_services.client.culling import CullingClient

LONG = timedelta(days=9)


def hook(answer: Any) -> Any:
    """The culler's hook over an API that answers so."""
    transport = httpx.MockTransport(answer)
    return arbiter({}, client=CullingClient(ApiClient("http://api", "token", transport=transport)))


async def ask(answer: Any, full_name: str = "ann/") -> bool:
    """What the hook says of a server that has been idle for long."""
    result = await hook(answer)(inactive=LONG, inactive_limit=1, server={"full_name": full_name})
    assert isinstance(result, bool)
    return result


@pytest.mark.parametrize("cull", [True, False])
async def test_it_does_what_the_api_says(cull: bool) -> None:
    assert await ask(lambda request: httpx.Response(200, json={"cull": cull, "reason": "idle"})) is cull


async def test_it_names_user_and_server() -> None:
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.url.path, dict(request.url.params), request.headers["Authorization"]))
        return httpx.Response(200, json={"cull": False})

    await ask(answer, "ann/second")
    assert seen == [("/culling/decisions", {"user": "ann", "server": "second"}, "token token")]


@pytest.mark.parametrize("status", [401, 404, 500, 503])
async def test_it_culls_nothing_while_the_api_gives_no_answer(status: int) -> None:
    assert await ask(lambda request: httpx.Response(status, json={})) is False


async def test_it_culls_nothing_while_the_api_is_not_there() -> None:
    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    assert await ask(away) is False
