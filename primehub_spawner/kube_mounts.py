"""Storage that a pod waits for and can do without: found out while it waits, so that it starts without."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from kubernetes_asyncio.client import ApiException

from primehub_services.domain.claim_reasons import claim_trouble
from primehub_services.domain.launch import LaunchPlan
from primehub_services.domain.mount_reasons import LASTS, failing
from primehub_services.domain.pods import ClaimNeed, spare_claims

from .kube_api import UNREACHED, Cluster, Json

LOOK_EVERY = timedelta(seconds=1)
"""Between two looks at the claims of one pod that waits for them."""


class CannotMount(Exception):
    """The pod waits for storage that it can do without."""

    def __init__(self, why: Mapping[str, str]) -> None:
        super().__init__("; ".join(why.values()))
        self.why = dict(why)
        """By the claim's name."""


class Spare:
    """The claims of a plan that a pod can do without: all but the person's own files and the launch group's folder."""

    def __init__(self, cluster: Cluster, plan: LaunchPlan) -> None:
        self._cluster = cluster
        self._needs = spare_claims(plan.mounts, plan.group)
        self._looked: datetime | None = None
        self._since: dict[str, datetime] = {}
        """Since when each claim is in a trouble that may yet pass."""

    async def check(self, events: Sequence[Json], now: datetime) -> None:
        """Raises ``CannotMount`` where one of them holds the pod up; ``events`` are the pod's.

        A claim that went away is no more waited for; what may yet come right has a while.
        """
        if not self._needs or (self._looked is not None and now - self._looked < LOOK_EVERY):
            return
        self._looked = now
        failed = failing(events, now)
        why = {}
        for need in self._needs:
            try:
                claim = await self._cluster.claim(need.name)
                text = await self._trouble(need, claim, now)
            except (*UNREACHED, ApiException):
                return  # the next look asks again
            volume = str(((claim or {}).get("spec") or {}).get("volumeName"))
            if text := text or failed.get(volume, ""):
                why[need.name] = text
        if why:
            raise CannotMount(why)

    async def _trouble(self, need: ClaimNeed, claim: Json | None, now: datetime) -> str:
        """Why the claim will not be had: a clause; empty where it is, or may yet be."""
        pending = claim is not None and (claim.get("status") or {}).get("phase") == "Pending"
        text, final = claim_trouble(need, claim, await self._cluster.claim_events(need.name) if pending else [])
        if not text:
            self._since.pop(need.name, None)
        elif not final and now - self._since.setdefault(need.name, now) < LASTS:
            return ""
        return text
