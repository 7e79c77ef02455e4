"""The claims that a pod needs: made where they are the platform's, and looked at before the pod would wait for them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from kubernetes_asyncio.client import ApiException

from primehub_services.domain import pod_reasons
from primehub_services.domain.claim_making import ClaimStorage
from primehub_services.domain.claim_reasons import claim_trouble, is_pending
from primehub_services.domain.pods import ClaimNeed, Manifest

from .kube_api import Cluster, message_of

log = logging.getLogger(__name__)
BIND_S = 10.0
"""Seconds that a claim has to be bound, where that does not wait for the pod."""
LOOK_EVERY = 0.3


async def missing_claims(cluster: Cluster, needs: Iterable[ClaimNeed], storage: ClaimStorage) -> dict[str, str]:
    """Makes what is the platform's to make; why each claim that cannot be mounted cannot, by its name.

    Raises ``ApiException`` and those of ``UNREACHED`` where the cluster does not say.
    """
    needs = tuple(needs)
    found = await asyncio.gather(*(_look_at(cluster, need, storage) for need in needs))
    return {need.name: why for need, why in zip(needs, found, strict=True) if why}


async def _look_at(cluster: Cluster, need: ClaimNeed, storage: ClaimStorage) -> str:
    claim = await cluster.claim(need.name)
    if claim is None:
        if not need.made_by_us:
            return claim_trouble(need, None, ())[0]
        if refused := await _make(cluster, storage.manifest(need), asyncio.get_running_loop().time() + BIND_S):
            return f"its claim {need.name} cannot be made: {refused}"
    deadline = asyncio.get_running_loop().time() + BIND_S
    while True:
        claim = await cluster.claim(need.name)
        if claim is not None and (whose := storage.foreign(need, claim)):
            return whose
        why, final = claim_trouble(need, claim, await cluster.claim_events(need.name) if is_pending(claim) else [])
        if final:
            return why
        if asyncio.get_running_loop().time() > deadline:
            log.warning("the claim %s is not bound after %d s", need.name, BIND_S)
            return why
        await asyncio.sleep(LOOK_EVERY)


async def _make(cluster: Cluster, manifest: Manifest, deadline: float) -> str:
    """Make a claim; why the cluster does not take it, empty where it does."""
    while True:
        try:
            await cluster.create_claim(manifest)
        except ApiException as error:
            if error.status in (429, 0) or error.status >= 500:
                raise
            # a conflict, about a quota, is worth another try
            if error.status != 409 or asyncio.get_running_loop().time() > deadline:
                return pod_reasons.refusal(error.status, message_of(error)).text
            await asyncio.sleep(LOOK_EVERY)
        else:
            return ""
