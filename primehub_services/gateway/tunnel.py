"""Two connections that became one: what one says the other hears, until either ends or both are silent for long."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

import httpcore
from tornado.iostream import IOStream, StreamClosedError

log = logging.getLogger("primehub.gateway")
PIECE = 64 * 1024
SILENCE = 3600.0
"""Seconds without a byte either way. Most servers of websockets ping every half minute."""
ENDS = (StreamClosedError, httpcore.NetworkError, asyncio.CancelledError)


async def joined(stream: IOStream, network: httpcore.AsyncNetworkStream, *, silence: float = SILENCE) -> None:
    """Pass bytes between a visitor and a workload. Whoever calls closes both."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(silence) as limit:

            def heard() -> None:
                limit.reschedule(loop.time() + silence)

            ways = [asyncio.create_task(way(stream, network, heard)) for way in (_there, _back)]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await _ended(ways)


async def _there(stream: IOStream, network: httpcore.AsyncNetworkStream, heard: Callable[[], None]) -> None:
    while True:
        piece = await stream.read_bytes(PIECE, partial=True)
        heard()
        await network.write(piece)


async def _back(stream: IOStream, network: httpcore.AsyncNetworkStream, heard: Callable[[], None]) -> None:
    while piece := await network.read(PIECE):
        heard()
        await stream.write(piece)


async def _ended(ways: list[asyncio.Task[None]]) -> None:
    for way in ways:
        way.cancel()
    for end in await asyncio.gather(*ways, return_exceptions=True):
        if isinstance(end, BaseException) and not isinstance(end, ENDS):
            log.error("a connection ended by a mistake of ours", exc_info=end)
