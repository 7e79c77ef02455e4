"""On a cluster: says of data volumes whether their claims can be mounted, before a launch would wait for one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from ..domain.mount_reasons import CANNOT
from ..domain.pods import ClaimNeed
from ..store import volumes
from ..store.database import Database


class ClaimPort(Protocol):
    """The cluster's claims. Both raise ``EngineUnavailable``."""

    async def troubles(self, needs: Sequence[ClaimNeed]) -> Mapping[str, str]:
        """Why each claim that is not bound is not, by its name: a clause."""

    async def unmountable(self, needs: Sequence[ClaimNeed]) -> Mapping[str, str]:
        """Why each claim could not be mounted lately, though it is bound: a clause that begins with ``CANNOT``."""


class ClaimController:
    """Every five seconds, and when a volume changed. Writes only what is new.

    Of volumes whose claims the platform makes, another controller says all but that they cannot be mounted.
    """

    name = "claims"
    interval = 5.0
    hints = frozenset({"volume"})

    def __init__(self, database: Database, claims: ClaimPort) -> None:
        self._database = database
        self._claims = claims

    async def step(self, now: datetime) -> None:
        """Compare what is told of each volume with what the cluster says."""
        known = await self._database.read(volumes.with_claims)
        if not known:
            return
        bound = [need for _, need, _ in known if not need.made_by_us]
        unmountable = await self._claims.unmountable([need for _, need, _ in known])
        troubles = {**unmountable, **(await self._claims.troubles(bound) if bound else {})}
        for volume_id, need, told in known:
            message = sentence(troubles.get(need.name, ""))
            ours = not need.made_by_us or message or told.casefold().startswith(CANNOT)
            if ours and message != told:
                await self._database.write(volumes.report, volume_id, message)


def sentence(clause: str) -> str:
    """A clause as a sentence; empty stays so."""
    return f"{clause[0].upper()}{clause[1:].rstrip('.')}." if clause else ""
