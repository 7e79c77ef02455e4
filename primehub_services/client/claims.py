"""The spawner's side of a start: claim, report, release."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from ..domain.handshake import ClaimEvent, ClaimGrant, ClaimRequest, ClaimState, StartEvent, StartEvents
from .base import ApiClient, ApiProblem

TOGETHER = 0.2
"""Seconds for which reports of progress wait for others, to be told in one request."""
_MOST = 500


class ClaimsClient:
    """Calls of the service ``primehub-spawner``. Every method raises ``ApiProblem``."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    async def claim(self, user: str, server_name: str, user_options: dict[str, Any]) -> ClaimGrant:
        """Adopt the claim that the options name, or make one. A refusal is a problem with code ``refused``."""
        request = ClaimRequest(user=user, server_name=server_name, user_options=user_options)
        return await self._api.fetch(ClaimGrant, "POST", "/claims", body=request)

    async def state(self, start_id: str) -> ClaimState:
        """Whether the start is still wanted."""
        return await self._api.fetch(ClaimState, "GET", f"/claims/{quote(start_id, safe='')}")

    async def report(self, start_id: str, event: ClaimEvent) -> bool:
        """Tell what became of the start; ``stopped`` gives its claim back too. False where the start is not known."""
        return await self._unless_gone("POST", f"/claims/{quote(start_id, safe='')}/events", event)

    async def report_all(self, events: Sequence[StartEvent]) -> None:
        """Tell what became of several starts, in this order. Those that are not known are passed over."""
        await self._api.call("POST", "/claim-events", body=StartEvents(events=tuple(events)))

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


class Reports:
    """How far starts are, told a little later and together: many starts at once are then few requests and commits.

    What cannot be told is logged and lost; PrimeHub's own sweep finds out what matters of it.
    """

    def __init__(self, claims: ClaimsClient, log: logging.Logger) -> None:
        self._claims = claims
        self._log = log
        self._waiting: list[StartEvent] = []
        self._telling: asyncio.Task[None] | None = None

    def add(self, event: StartEvent) -> None:
        """Tell it soon, after what was added before."""
        self._waiting.append(event)
        if self._telling is None or self._telling.done():
            self._telling = asyncio.get_running_loop().create_task(self._tell())

    async def _tell(self) -> None:
        while self._waiting:
            await asyncio.sleep(TOGETHER)
            some, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
            try:
                await self._claims.report_all(some)
            except ApiProblem as problem:
                starts = ", ".join(dict.fromkeys(event.start_id for event in some))
                self._log.warning("PrimeHub was not told how far these starts are: %s: %s", starts, problem)
