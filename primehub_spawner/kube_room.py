"""A pod that a quota of the cluster does not let in: it is asked for again until there is room, as a job's is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from jupyterhub.spawner import SpawnException
from kubernetes_asyncio.client import ApiException

from primehub_services.client import ApiProblem
from primehub_services.client.claims import ClaimsClient
from primehub_services.domain.pod_reasons import PodReason

TRY_EVERY = 1.5
"""Seconds between two tries."""


class Room:
    """Of one start. ``refusal`` says what an answer of the cluster means, ``tell`` is told of each new reason to wait."""

    def __init__(
        self,
        claims: ClaimsClient,
        start_id: str,
        *,
        refusal: Callable[[ApiException], PodReason],
        tell: Callable[[PodReason], None],
    ) -> None:
        self._claims = claims
        self._start_id = start_id
        self._refusal = refusal
        self._tell = tell
        self.lacks: PodReason | None = None
        """What the quota says that the start waits for; None while it does not."""

    async def enter(self, ask: Callable[[], Awaitable[bool]]) -> bool:
        """What ``ask`` answers, which makes the pod, once no quota keeps it out.

        Raises its ``ApiException`` for what waiting cannot help, and ``SpawnException`` where the start is given up.
        """
        self.lacks = None
        while True:
            try:
                made = await ask()
            except ApiException as error:
                full = self._refusal(error)
                if full.code != "quota" or full.final:
                    raise
                if full != self.lacks:
                    self.lacks = full
                    self._tell(full)
            else:
                # who waits already is not put off by a cluster that is away for a moment
                if made or self.lacks is None:
                    self.lacks = None
                    return made
            await self._still_wanted()
            await asyncio.sleep(TRY_EVERY)

    async def _still_wanted(self) -> None:
        """There is no pod which could be ended, so whether somebody wants its end has to be asked for."""
        try:
            asked = (await self._claims.state(self._start_id)).stop_requested
        except ApiProblem:
            return  # the next look asks again
        if asked:
            raise SpawnException(f"It was stopped: {asked}", reason="cancelled", status_code=409)
