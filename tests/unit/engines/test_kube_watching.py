"""A watch that does not last: all is listed anew, and less and less often while that goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from primehub_services.engines.base import EngineUnavailable
from primehub_services.engines.kubernetes import watching
from primehub_services.engines.kubernetes.cluster import ClusterRefusal, Expired
from primehub_services.engines.kubernetes.watching import Watched
from tests.support.waiting import wait_for_async


class Lists:
    """A cluster that lists, and whose watches end at once, by themselves or with an error."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error
        self.listed: list[float] = []

    async def list_(self, _kind: str, _query: object) -> tuple[list[dict[str, Any]], str]:
        self.listed.append(asyncio.get_running_loop().time())
        return [{"metadata": {"name": "a"}}], "1"

    async def watch(self, _kind: str, _query: object, _version: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        if self._error is not None:
            raise self._error
        return
        yield "", {}


async def listed(cluster: Lists, times: int) -> list[float]:
    """When all was listed, so many times."""
    watched = Watched(cluster, "Pod", {}, lambda item: None)  # type: ignore[arg-type]
    running = asyncio.create_task(watched.run())
    try:
        await wait_for_async(lambda: len(cluster.listed) >= times, what="it lists again")
        await watched.current()
    finally:
        running.cancel()
    return cluster.listed[:times]


@pytest.mark.parametrize(
    "error", [None, Expired("too old"), ClusterRefusal(403, "cannot watch"), EngineUnavailable("busy")]
)
async def test_watches_that_end_at_once_are_begun_less_and_less_often(
    monkeypatch: pytest.MonkeyPatch, error: Exception | None
) -> None:
    monkeypatch.setattr(watching, "FIRST_PAUSE_S", 0.001)
    found = await listed(Lists(error), 8)
    assert found[-1] - found[-2] >= 0.001 * 2**7


async def test_a_watch_that_lasted_is_begun_anew_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(watching, "LONGEST_PAUSE_S", 1000)
    monkeypatch.setattr(watching, "LIVES_S", 0)
    # with pauses that grow it would be half a minute
    await listed(Lists(EngineUnavailable("busy")), 16)


class Tells:
    """A cluster whose watch tells what it is given, and then nothing more."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue()

    async def list_(self, _kind: str, _query: object) -> tuple[list[dict[str, Any]], str]:
        return [state(1)], "1"

    async def watch(self, _kind: str, _query: object, _version: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        while True:
            yield await self.told.get()


def state(version: int, uid: str = "u") -> dict[str, Any]:
    """The object ``a`` at this version."""
    return {"metadata": {"name": "a", "uid": uid, "resourceVersion": str(version)}}


async def test_what_a_watch_tells_late_does_not_replace_what_a_request_has_shown() -> None:
    cluster, changed = Tells(), []
    watched = Watched(cluster, "Job", {}, changed.append)  # type: ignore[arg-type]
    running = asyncio.create_task(watched.run())
    try:
        await watched.current()
        watched.put(state(5))
        for told in (state(4), state(6), state(2, "another")):
            cluster.told.put_nowait(("MODIFIED", told))
        await wait_for_async(lambda: len(changed) == 3, what="all are taken in")
        # the first is what was listed; the same name with another uid is another object
        assert [item["metadata"]["resourceVersion"] for item in changed] == ["1", "6", "2"]
        assert watched.items["a"] == state(2, "another")
    finally:
        running.cancel()
