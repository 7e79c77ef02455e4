"""The proxy's routes, remembered for a proxy that has to be started again: it keeps them in its memory alone."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx

Routes = dict[str, dict[str, Any]]


async def fetch(port: int, token: str) -> Routes | None:
    """Every route and its target; None where the proxy does not answer."""
    try:
        async with _client(port, token) as http:
            answer = (await http.get("/api/routes")).raise_for_status().json()
    except (httpx.HTTPError, ValueError):
        return None
    return answer if isinstance(answer, dict) else None


async def restore(port: int, token: str, routes: Routes) -> bool:
    """Give them back; False where the proxy does not answer yet. The hub removes those that are no longer good."""
    try:
        async with _client(port, token) as http:
            for path, route in routes.items():
                body = {key: value for key, value in route.items() if key != "last_activity"}
                (await http.post(f"/api/routes{quote(path)}", json=body)).raise_for_status()
    except httpx.HTTPError:
        return False
    return True


def _client(port: int, token: str) -> httpx.AsyncClient:
    headers = {"Authorization": f"token {token}"}
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=3, trust_env=False)
