"""What is known of claims without asking for each: a copy that a watch keeps, and who is told that it changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from primehub_services.domain.pods import volume_need
from primehub_services.domain.volumes import NfsSource
from primehub_services.engines.kubernetes.claim_troubles import ClaimTroubles
from primehub_services.engines.kubernetes.claim_watch import KIND, WatchedClaims
from tests.support.waiting import wait_for_async

NEED = volume_need("share", NfsSource(server="nfs", path="/x"))


def claim(phase: str) -> dict[str, Any]:
    return {"metadata": {"name": "dataset-share", "uid": "1"}, "status": {"phase": phase}}


def said(reason: str, message: str, at: str) -> dict[str, Any]:
    return {
        "metadata": {"name": f"share.{at}", "uid": at},
        "involvedObject": {"kind": KIND, "name": "dataset-share"},
        "reason": reason,
        "message": message,
        "lastTimestamp": at,
    }


class Namespace:
    """A cluster with these claims and events, which goes on to tell of ``changes`` of each kind."""

    def __init__(self) -> None:
        self.there: dict[str, list[dict[str, Any]]] = {KIND: [], "Event": []}
        self.changes: dict[str, asyncio.Queue[tuple[str, dict[str, Any]]]] = {
            KIND: asyncio.Queue(),
            "Event": asyncio.Queue(),
        }
        self.asked: list[str] = []

    async def get(self, _kind: str, name: str) -> dict[str, Any] | None:
        self.asked.append(name)
        return None

    async def list_(self, kind: str, _query: Mapping[str, str]) -> tuple[list[dict[str, Any]], str]:
        self.asked.append(kind)
        return self.there[kind], "1"

    async def watch(self, kind: str, _query: object, _version: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        while True:
            yield await self.changes[kind].get()


@asynccontextmanager
async def watching(namespace: Namespace) -> AsyncIterator[WatchedClaims]:
    claims = WatchedClaims(namespace)  # type: ignore[arg-type]
    task = asyncio.create_task(claims.run())
    try:
        yield claims
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_a_claim_is_told_of_as_it_changes_and_never_asked_for() -> None:
    namespace = Namespace()
    namespace.there[KIND] = [claim("Pending")]
    namespace.there["Event"] = [
        said("FailedBinding", "no storage class is set", "2026-01-02T00:00:00Z"),
        said("ProvisioningFailed", "older", "2026-01-01T00:00:00Z"),
    ]
    assert NEED is not None
    async with watching(namespace) as claims:
        told: list[str] = []
        claims.listen(lambda: told.append("changed"))
        troubles = ClaimTroubles(namespace, claims)  # type: ignore[arg-type]

        async def trouble() -> str:
            return (await troubles.troubles([NEED])).get(NEED.name, "")

        assert await trouble() == "its claim dataset-share is not bound to a volume: no storage class is set"
        told.clear()
        namespace.changes[KIND].put_nowait(("MODIFIED", claim("Bound")))

        async def bound() -> bool:
            return bool(told) and await trouble() == ""

        await wait_for_async(bound, 5, what="it is bound")
        assert sorted(namespace.asked) == ["Event", KIND]


async def test_one_that_the_watch_has_not_told_of_is_looked_for() -> None:
    namespace = Namespace()
    async with watching(namespace) as claims:
        assert await claims.claim("made-just-now") is None
        assert namespace.asked[-1] == "made-just-now"


async def test_who_listened_to_a_watch_that_ended_is_not_told_any_more() -> None:
    namespace = Namespace()
    told: list[str] = []
    async with watching(namespace) as claims:
        await claims.claim("any")
        claims.listen(lambda: told.append("changed"))
    namespace.changes[KIND].put_nowait(("ADDED", claim("Bound")))
    task = asyncio.create_task(claims.run())

    async def there() -> bool:
        return await claims.claim("dataset-share") is not None

    await wait_for_async(there, 5, what="the claim is known")
    task.cancel()
    await asyncio.wait([task])
    assert told == []
