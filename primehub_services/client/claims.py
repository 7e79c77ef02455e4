"""The spawner's side of a start: claim, report, release."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from ..domain.handshake import ClaimEvent, ClaimGrant, ClaimRequest
from .base import ApiClient, ApiProblem


class ClaimsClient:
    """Calls of the service ``primehub-spawner``. Every method raises ``ApiProblem``."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    async def claim(self, user: str, server_name: str, user_options: dict[str, Any]) -> ClaimGrant:
        """Adopt the claim that the options name, or make one. A refusal is a problem with code ``refused``."""
        request = ClaimRequest(user=user, server_name=server_name, user_options=user_options)
        return await self._api.fetch(ClaimGrant, "POST", "/claims", body=request)

    async def report(self, start_id: str, event: ClaimEvent) -> bool:
        """Tell what became of the start; ``stopped`` gives its claim back too. False where the start is not known."""
        return await self._unless_gone("POST", f"/claims/{quote(start_id, safe='')}/events", event)

    async def release(self, start_id: str) -> None:
        """Give the claim back. One that is gone already is no error, so it can be said any number of times."""
        await self._unless_gone("DELETE", f"/claims/{quote(start_id, safe='')}")

    async def _unless_gone(self, method: str, path: str, body: ClaimEvent | None = None) -> bool:
        try:
            await self._api.call(method, path, body=body)
        except ApiProblem as problem:
            if problem.status != 404:
                raise
            return False
        return True
