"""Notebooks as HTML, made by nbconvert in a process of its own: it may take neither our time nor our memory."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections import OrderedDict

from .. import limited

TIMEOUT = 60.0
"""Seconds; on a busy machine the loading of nbconvert takes some of them. Of the processor it gets less."""
AT_ONCE = 2
MAX_HTML = 64 * 1024**2
WAITING = 8
CACHED = 8
CACHED_SIZE = 4 * 1024**2
_COMMAND = ("-m", "primehub_services.previews.render")


class RenderFailed(Exception):
    """It cannot be shown. The text is a sentence for people."""


class NotebookRenderer:
    """Renders a few at a time and remembers the last ones."""

    def __init__(self, *, timeout: float = TIMEOUT) -> None:
        self._timeout = timeout
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._known: OrderedDict[bytes, bytes] = OrderedDict()
        self._waiting = 0

    @property
    def busy(self) -> bool:
        """Whether so many wait that another had better not."""
        return self._waiting >= WAITING

    async def render(self, notebook: bytes) -> bytes:
        """The notebook as a page.

        The page holds whatever its author put there: serve it under a policy that runs nothing. Raises ``RenderFailed``.
        """
        key = hashlib.sha256(notebook).digest()
        if key in self._known:
            self._known.move_to_end(key)
            return self._known[key]
        self._waiting += 1
        try:
            async with self._slots:
                page = await self._in_process(notebook)
        finally:
            self._waiting -= 1
        if len(page) <= CACHED_SIZE:
            self._known[key] = page
        while len(self._known) > CACHED:
            self._known.popitem(last=False)
        return page

    async def _in_process(self, notebook: bytes) -> bytes:
        process = await limited.start(*_COMMAND)
        try:
            page = await asyncio.wait_for(_talk(process, notebook), self._timeout)
            code = await asyncio.wait_for(process.wait(), self._timeout)
        except TimeoutError as error:
            raise RenderFailed(f"It took more than {self._timeout:.0f} s to show: download it.") from error
        finally:
            await limited.end(process)
        if code == _not_a_notebook():
            raise RenderFailed("It is not a notebook that Jupyter can read.")
        if code != 0:
            raise RenderFailed("It takes too much time or memory to show: download it.")
        return page


def _not_a_notebook() -> int:
    from .render import NOT_A_NOTEBOOK

    return NOT_A_NOTEBOOK


async def _talk(process: asyncio.subprocess.Process, notebook: bytes) -> bytes:
    assert process.stdin is not None
    assert process.stdout is not None
    pieces, size = [], 0
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(notebook)
        await process.stdin.drain()
    process.stdin.close()
    while piece := await process.stdout.read(1 << 16):
        pieces.append(piece)
        size += len(piece)
        if size > MAX_HTML:
            raise RenderFailed("It is too large to show: download it.")
    return b"".join(pieces)
