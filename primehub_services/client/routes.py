"""The gateway's side: which routes there are, and who may call them."""

from __future__ import annotations

from urllib.parse import quote

from ..domain.routes import Caller, RouteTable
from .base import ApiClient


class RoutesClient:
    """Calls of the service ``primehub-gateway``. Every method raises ``ApiProblem``."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    async def table(self, known: str = "") -> RouteTable | None:
        """All routes; None where they are still those of the version ``known``."""
        found = await self._api.call("GET", "/routes", headers={"If-None-Match": f'"{known}"'})
        table: RouteTable | None = None if found is None else self._api.read(RouteTable, found)
        return table

    async def caller(self, group: str, token: str) -> Caller:
        """Whose token it is, where they may call what the group has deployed; else a problem with 401, 403 or 404."""
        headers = {"Authorization": f"token {token}"}
        return await self._api.fetch(Caller, "GET", f"/groups/{quote(group, safe='')}/caller", headers=headers)
