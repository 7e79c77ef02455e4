"""The claims that a pod needs: made where they are the platform's, and looked at before the pod would wait for them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from primehub_services.domain.claim_reasons import claim_trouble
from primehub_services.domain.launch import MountKind
from primehub_services.domain.pods import INSTANCE, ClaimNeed, Manifest, make_claim

from .kube_api import Cluster

log = logging.getLogger(__name__)
BIND_S = 10.0
"""Seconds that a claim has to be bound, where that does not wait for the pod."""
LOOK_EVERY = 0.3


@dataclass(frozen=True, slots=True)
class ClaimSettings:
    """What claims are made with. An empty class is the cluster's own default."""

    instance: str
    home_class: str
    group_class: str
    capacity: str


async def missing_claims(cluster: Cluster, needs: Iterable[ClaimNeed], settings: ClaimSettings) -> dict[str, str]:
    """Makes what is the platform's to make; why each claim that cannot be mounted cannot, by its name."""
    needs = tuple(needs)
    found = await asyncio.gather(*(_look_at(cluster, need, settings) for need in needs))
    return {need.name: why for need, why in zip(needs, found, strict=True) if why}


async def _look_at(cluster: Cluster, need: ClaimNeed, settings: ClaimSettings) -> str:
    claim = await cluster.claim(need.name)
    if claim is None:
        if not need.made_by_us:
            return claim_trouble(need, None, ())[0]
        await cluster.create_claim(_manifest(need, settings))
    deadline = asyncio.get_running_loop().time() + BIND_S
    while True:
        claim = await cluster.claim(need.name)
        why, final = claim_trouble(need, claim, await cluster.claim_events(need.name) if _pending(claim) else [])
        if final:
            return why
        if asyncio.get_running_loop().time() > deadline:
            log.warning("the claim %s is not bound after %d s", need.name, BIND_S)
            return why
        await asyncio.sleep(LOOK_EVERY)


def _manifest(need: ClaimNeed, settings: ClaimSettings) -> Manifest:
    of_person = need.kind is MountKind.HOME
    return make_claim(
        need,
        storage_class=settings.home_class if of_person else settings.group_class,
        default_capacity=settings.capacity,
        labels={INSTANCE: settings.instance},
    )


def _pending(claim: Mapping[str, Any] | None) -> bool:
    return claim is not None and (claim.get("status") or {}).get("phase") == "Pending"
