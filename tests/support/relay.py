"""A way from pods to what listens on this machine's loopback alone, as a test's PostgreSQL does."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from .waiting import wait_for_async

CHUNK = 1 << 16
LONGEST_CUT = 300


class Relay:
    """Passes on what comes to ``port``, byte for byte; who is cut off is not told so, as where a network breaks."""

    def __init__(self, to: tuple[str, int]) -> None:
        self.port = 0
        self._to = to
        self._cut: set[str] = set()

    def cut(self, peer: str) -> None:
        """From now on nothing goes to or comes from this address, and no connection of its is closed."""
        self._cut.add(peer)

    def mend(self) -> None:
        """It goes on, with what was held."""
        self._cut.clear()

    async def serve(self, address: str, port: int = 0) -> asyncio.Server:
        """Begin, on this port of ``address``, a free one unless said."""
        server = await asyncio.start_server(self._passed, address, port)
        self.port = int(server.sockets[0].getsockname()[1])
        return server

    async def _passed(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = str(writer.get_extra_info("peername")[0])
        with contextlib.suppress(OSError):
            there_reader, there_writer = await asyncio.open_connection(*self._to)
            await asyncio.gather(self._copied(peer, reader, there_writer), self._copied(peer, there_reader, writer))

    async def _copied(self, peer: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until the one that is read from has closed; then the other is closed too."""
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                await self._not_cut(peer)
                writer.write(data)
                await writer.drain()
        await self._not_cut(peer)
        writer.close()

    async def _not_cut(self, peer: str) -> None:
        await wait_for_async(lambda: peer not in self._cut, LONGEST_CUT, what=f"{peer} is not cut off any more")


@contextmanager
def relay(address: str, to: tuple[str, int], port: int = 0) -> Iterator[Relay]:
    """From this port of ``address``, a free one unless said, in a thread of its own."""
    loop, made = asyncio.new_event_loop(), Relay(to)
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(made.serve(address, port), loop).result(10)
        yield made
    finally:
        asyncio.run_coroutine_threadsafe(_ended(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _ended() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
