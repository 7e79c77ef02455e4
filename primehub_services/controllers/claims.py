"""On a cluster: says of volumes that operators bind whether they can be mounted, before a launch would wait for one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from ..domain.pods import ClaimNeed
from ..store import volumes
from ..store.database import Database


class ClaimPort(Protocol):
    """The cluster's claims. Raises ``EngineUnavailable``."""

    async def troubles(self, needs: Sequence[ClaimNeed]) -> Mapping[str, str]:
        """Why each claim that cannot be mounted cannot, by its name: a clause."""


class ClaimController:
    """Every five seconds, and when a volume changed. Writes only what is new."""

    name = "claims"
    interval = 5.0
    hints = frozenset({"volume"})

    def __init__(self, database: Database, claims: ClaimPort) -> None:
        self._database = database
        self._claims = claims

    async def step(self, now: datetime) -> None:
        """Compare what is told of each volume with what the cluster says."""
        bound = await self._database.read(volumes.bound_by_operators)
        if not bound:
            return
        troubles = await self._claims.troubles([need for _, need, _ in bound])
        for volume_id, need, told in bound:
            message = _sentence(troubles.get(need.name, ""))
            if message != told:
                await self._database.write(volumes.report, volume_id, message)


def _sentence(clause: str) -> str:
    return f"{clause[0].upper()}{clause[1:].rstrip('.')}." if clause else ""
