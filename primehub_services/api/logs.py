"""Logs, a part at a time, as text."""

from __future__ import annotations

import asyncio
from typing import Any

from ..blobs import LogChunk, LogOf, of_build, of_notebook
from ..domain.notebooks import LogMatch, LogPart
from ..domain.problems import Invalid
from ..operations import images, notebooks
from .call import Call
from .queries import LogQuery
from .registry import Run

PIECE = 1 << 20


def as_part(chunk: LogChunk, *, more: bool = False) -> LogPart:
    """The chunk as text; a character that is cut at its end is left for the next one.

    ``more``: it is not the end, so that a part of a character may also be all there is by now.
    """
    data, next_offset = chunk.data, chunk.next_offset
    cut = _incomplete(data)
    if cut and (more or len(data) > cut):
        data, next_offset = data[:-cut], next_offset - cut
    text = _shown(data.decode("utf-8", errors="replace"))
    return LogPart(offset=chunk.start, next_offset=next_offset, size=chunk.size, text=text)


def _shown(text: str) -> str:
    # no text of ours has NUL; what a workload prints may
    return text.replace("\0", "\ufffd")


def _incomplete(data: bytes) -> int:
    """How many bytes at the end begin a character that does not end."""
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte & 0xC0 == 0x80:
            continue
        length = 4 if byte >= 0xF0 else 3 if byte >= 0xE0 else 2 if byte >= 0xC0 else 1
        return back if length > back else 0
    return 0


def empty_part() -> LogPart:
    """The log of what has not begun."""
    return LogPart(offset=0, next_offset=0, size=0, text="")


async def _notebook_log(call: Call) -> Any:
    notebook = await call.read(notebooks.notebook_for_log, call["notebook"])
    return await log_part(call, call.query, of_notebook(notebook.id), f"notebook-{notebook.id}.log")


async def log_part(call: Call, query: LogQuery, log: LogOf, name: str) -> Any:
    """What the query asks for of a workload's log; ``name`` is a download's. Who may read it was asked before."""
    _check(query)
    logs = call.context.logs
    if query.download:
        return await _download(call, name, lambda at: logs.read(log, at, PIECE))
    if query.search:
        found, more = await asyncio.to_thread(logs.search, log, query.search)
        size = (await asyncio.to_thread(logs.read, log, 0, 1)).size
        matches = tuple(LogMatch(offset=line.offset, text=_shown(line.text)) for line in found)
        return LogPart(offset=0, next_offset=size, size=size, text="", matches=matches, more_matches=more)
    if query.tail is not None:
        return as_part(await asyncio.to_thread(logs.tail, log, query.tail))
    return as_part(await asyncio.to_thread(logs.read, log, query.offset or 0, query.limit))


async def _build_log(call: Call) -> Any:
    image = await call.read(images.image_for_log, call["image"])
    return await log_part(call, call.query, of_build(image.id, image.build), f"image-{image.slug}.log")


def _check(query: LogQuery) -> None:
    if query.tail is not None and query.offset is not None:
        raise Invalid.field("tail", "It cannot be given with offset.", "Give one of them.")


async def _download(call: Call, name: str, read: Any) -> None:
    handler = call.handler
    handler.set_header("Content-Type", "text/plain; charset=utf-8")
    handler.set_header("Content-Disposition", f'attachment; filename="{name}"')
    at = 0
    while True:
        chunk = await asyncio.to_thread(read, at)
        if not chunk.data:
            break
        handler.write(chunk.data)
        await handler.flush()  # waits for a slow reader, so that no more than a piece is in memory
        at = chunk.next_offset
    await handler.finish()


HANDLERS: dict[str, Run] = {"notebooks.log": _notebook_log, "images.build_log": _build_log}
