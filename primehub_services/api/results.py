"""Logs and files of jobs. A file is whatever its job's author made it: none may ever be a page of ours."""

from __future__ import annotations

import asyncio
import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from ..blobs import OpenFile, of_attempt
from ..domain.problems import Invalid, NotFound, TooMany
from ..domain.resources import Resources
from ..domain.results import Artifact, ArtifactList, PreviewKind, UsageSeries, media_type
from ..operations import results
from ..previews import RenderFailed, preview
from ..store.results import AttemptOf
from .call import Call
from .logs import empty_part, log_part
from .registry import Run

PIECE = 1 << 20
SANDBOX = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; frame-ancestors 'self'; sandbox"
)
"""Nothing runs, nothing is fetched, nothing is sent, and the page is of no origin that has a session."""
_SHOWN = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml"})
"""Besides text, what a browser may show; anything else it saves."""
_RANGE = re.compile(r"^bytes=(\d{1,18})-(\d{0,18})\Z|^bytes=-(\d{1,18})\Z")


async def _log(call: Call) -> Any:
    query = call.query
    attempt = await _attempt(call)
    if attempt is None:
        return empty_part()
    log = of_attempt(attempt.job, attempt.number, attempt.id)
    return await log_part(call, query, log, f"{attempt.job}-{attempt.number}.log")


async def _artifacts(call: Call) -> ArtifactList:
    attempt = await _attempt(call)
    if attempt is None:
        return ArtifactList(attempt=0, items=(), size=0, live=False)
    return await _listed(call, attempt)


async def _artifact(call: Call) -> None:
    file = await _open(call)
    handler = call.handler
    try:
        media = media_type(file.path)
        shown = not call.query.download and (media in _SHOWN or media.startswith("text/"))
        if media.startswith("text/"):
            media = "text/plain; charset=utf-8"
        handler.set_header("Content-Type", media if shown else "application/octet-stream")
        handler.set_header("Content-Disposition", _disposition("inline" if shown else "attachment", file.path))
        handler.set_header("Content-Security-Policy", SANDBOX)
        handler.set_header("Accept-Ranges", "bytes")
        begin, end = 0, file.size
        asked = handler.request.headers.get("Range", "")
        if asked and (part := _part(asked, file.size)) is not None:
            begin, end = part
            handler.set_status(206)
            handler.set_header("Content-Range", f"bytes {begin}-{end - 1}/{file.size}")
        handler.set_header("Content-Length", str(end - begin))
        if handler.request.method == "HEAD" or await _sent(call, file, begin, end):
            await handler.finish()
        else:
            handler.drop()  # the file is shorter by now: what was promised cannot be kept
    finally:
        await asyncio.to_thread(file.close)


async def _sent(call: Call, file: OpenFile, begin: int, end: int) -> bool:
    """Send a part of the file; whether all of it was there."""
    while begin < end:
        piece = await asyncio.to_thread(file.read, begin, min(PIECE, end - begin))
        if not piece:
            return False
        begin += len(piece)
        call.handler.write(piece)
        await call.handler.flush()  # waits for a slow reader, so that no more than a piece is in memory
    return True


def _part(asked: str, size: int) -> tuple[int, int] | None:
    """The one range that is asked for, its end not included; None to send everything."""
    match = _RANGE.match(asked)
    if match is None or not size:
        return None
    first, last, suffix = match.groups()
    begin = max(0, size - int(suffix)) if suffix else int(first)
    end = min(size, int(last) + 1) if last else size
    return (begin, end) if begin < end else None


async def _archive(call: Call) -> None:
    attempt = await _attempt(call)
    listed = await _listed(call, attempt) if attempt is not None else None
    if attempt is None or listed is None or not listed.items:
        msg = f"The job {call['job']} has no artifacts."
        raise NotFound(msg)
    handler = call.handler
    handler.set_header("Content-Type", "application/zip")
    handler.set_header("Content-Disposition", _disposition("attachment", f"{attempt.job}-artifacts.zip"))
    handler.set_header("Content-Security-Policy", SANDBOX)
    if handler.request.method != "HEAD":
        pieces = _zipped(call, attempt, listed.items)
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            handler.write(piece)
            await handler.flush()
    await handler.finish()


class _Written(io.RawIOBase):
    """What a zip was written to since it was last taken; it cannot be gone back in."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.data += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self.data)
        self.data.clear()
        return taken


def _zipped(call: Call, attempt: AttemptOf, items: tuple[Artifact, ...]) -> Iterator[bytes]:
    """The zip in pieces. A file that is gone by now is left out."""
    written = _Written()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for item in items:
            file = call.context.files.open(attempt.job, attempt.number, attempt.id, item.path)
            if file is None:
                continue
            # a zip knows no time before 1980
            moment = max(item.modified_at.timetuple()[:6], (1980, 1, 1, 0, 0, 0))
            info = zipfile.ZipInfo(item.path, moment)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            try:
                with archive.open(info, "w", force_zip64=True) as entry:
                    at = 0
                    while at < file.size and (piece := file.read(at, min(PIECE, file.size - at))):
                        at += len(piece)
                        entry.write(piece)
                        if len(written.data) >= PIECE:
                            yield written.take()
            finally:
                file.close()
    yield written.take()


async def _preview(call: Call) -> Any:
    file = await _open(call)
    try:
        found = await asyncio.to_thread(preview, file.path, file.size, file.read)
        if not call.query.rendered:
            return found
        if found.kind is not PreviewKind.NOTEBOOK:
            raise Invalid.field("rendered", found.message or "It is no notebook.", "Leave it out.")
        notebook = await asyncio.to_thread(file.read, 0, file.size)
    finally:
        await asyncio.to_thread(file.close)
    renderer = call.context.renderer
    if renderer.busy:
        raise TooMany("Other notebooks are being rendered just now. Try again in a moment.", retry_after_s=5)
    try:
        page = await renderer.render(notebook)
    except RenderFailed as error:
        raise Invalid.field("path", str(error), "Download it.") from error
    call.handler.set_header("Content-Security-Policy", SANDBOX)
    call.handler.clear_header("X-Frame-Options")  # the portal's own frame; the policy says whose
    call.handler.set_header("Content-Type", "text/html; charset=utf-8")
    return page


async def _usage(call: Call) -> UsageSeries:
    attempt = await _attempt(call)
    if attempt is None:
        return UsageSeries(attempt=0, limits=Resources(), points=())
    points = await asyncio.to_thread(call.context.usage.read, attempt.job, attempt.number)
    return UsageSeries(attempt=attempt.number, limits=attempt.limits, points=tuple(points))


async def _attempt(call: Call) -> AttemptOf | None:
    return await call.read(results.attempt, call["job"], call.query.attempt)


async def _listed(call: Call, attempt: AttemptOf) -> ArtifactList:
    return await asyncio.to_thread(call.context.files.list_, attempt.job, attempt.number, attempt.id)


async def _open(call: Call) -> OpenFile:
    attempt = await _attempt(call)
    path = call["path"]
    file = None
    if attempt is not None:
        file = await asyncio.to_thread(call.context.files.open, attempt.job, attempt.number, attempt.id, path)
    if file is None:
        msg = f"The job {call['job']} has no artifact {path!r}."
        raise NotFound(msg)
    return file


def _disposition(how: str, path: str) -> str:
    name = path.rpartition("/")[2]
    plain = "".join(c if c.isascii() and (c.isalnum() or c in " ._-()+") else "_" for c in name)
    return f"{how}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


HANDLERS: dict[str, Run] = {
    "jobs.log": _log,
    "results.artifacts": _artifacts,
    "results.artifact": _artifact,
    "results.archive": _archive,
    "results.preview": _preview,
    "results.usage": _usage,
}
