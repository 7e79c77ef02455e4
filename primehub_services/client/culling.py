"""The idle culler's side: asks the API, which knows group, instance type and extensions."""

from __future__ import annotations

from ..domain.handshake import CullingDecision
from .base import ApiClient


class CullingClient:
    """Calls of the service ``primehub-idle-culler``. Raises ``ApiProblem``."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    async def decision(self, user: str, server: str) -> CullingDecision:
        """Whether one server is to be stopped for idleness now."""
        query = {"user": user, "server": server}
        return await self._api.fetch(CullingDecision, "GET", "/culling/decisions", query=query)
