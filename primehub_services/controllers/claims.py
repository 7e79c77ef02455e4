"""On a cluster: makes the claims of data volumes, and says whether they can be mounted before a launch would wait for one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from ..domain.claim_reasons import NOT_YET
from ..domain.mount_reasons import CANNOT
from ..domain.pods import ClaimNeed
from ..domain.words import sentence
from ..store import volumes
from ..store.database import Database
from .runner import Every

PATIENCE = timedelta(seconds=10)


class ClaimPort(Protocol):
    """The cluster's claims. Both raise ``EngineUnavailable``."""

    async def troubles(self, needs: Sequence[ClaimNeed]) -> Mapping[str, str]:
        """Make those that are missing and the platform's to make; why each cannot be mounted, by its name: a clause."""

    async def unmountable(self, needs: Sequence[ClaimNeed]) -> Mapping[str, str]:
        """Why each claim could not be mounted lately, though it is bound: a clause that begins with ``CANNOT``."""


class ClaimController:
    """Every five seconds, and when a volume or a claim changed. Writes only what is new.

    It makes the claims of volumes of kind pvc, too. Of repositories it says nothing but that they cannot be mounted.
    """

    name = "claims"
    interval = 5.0
    hints = frozenset({"volume"})

    def __init__(self, database: Database, claims: ClaimPort) -> None:
        self._database = database
        self._claims = claims
        self._waits = OnTheWay()

    async def step(self, now: datetime) -> None:
        """Compare what is told of each volume with what the cluster says."""
        known = await self._database.read(volumes.with_claims)
        if not known:
            return
        unmountable = await self._claims.unmountable([volume.need for volume in known])
        own = [volume.need for volume in known if not volume.repository]
        troubles = {**unmountable, **(await self._claims.troubles(own) if own else {})}
        for volume in known:
            trouble = troubles.get(volume.need.name, "")
            if volume.need.made_by_us and self._waits.may_pass(volume.id, trouble, now):
                continue
            message = sentence(trouble)
            ours = not volume.repository or message or volume.told.casefold().startswith(CANNOT)
            if ours and message != volume.told:
                await self._database.write(volumes.report, volume.id, message)


class OnTheWay:
    """Claims that were made just now are not bound yet, and that is no trouble."""

    def __init__(self) -> None:
        self._waits: dict[str, Every] = {}

    def may_pass(self, of: str, trouble: str, now: datetime) -> bool:
        """Whether the trouble of this claim is nothing but waiting, which has not gone on for long."""
        if not trouble.endswith(NOT_YET):
            self._waits.pop(of, None)
            return False
        if of not in self._waits:
            self._waits[of] = Every(PATIENCE)
            self._waits[of].done(now)
        return not self._waits[of].due(now)
