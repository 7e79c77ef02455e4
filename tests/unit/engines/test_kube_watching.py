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
