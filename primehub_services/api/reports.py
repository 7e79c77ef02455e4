"""What the sidecars of workloads ask and tell. A token is good for its own workload, and for the pod that runs it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Protocol

from ..blobs import FolderSpool
from ..domain.problems import Forbidden, Invalid, NotFound
from ..domain.reports import LOG_PIECE, POD_HEADER, LogAnswer, StartPermit, is_token_of
from ..domain.workloads import FileLimits
from ..operations import reports
from ..store.database import Database
from .call import Call, anonymous
from .problems import TooLarge
from .registry import Run
from .uploads import NO_ROOM, RoomUpload, Upload

PIECE = 1 << 20
RUNNERS_OWN = ".primehub/"
"""Below this a notebook's runner says how far it is."""


class Permits(Protocol):
    """Who decides which pod runs a workload. Both raise ``Conflict`` and ``Gone``."""

    async def permit(self, workload: str, pod: str) -> FileLimits:
        """Let this pod run it; how much is kept of what it leaves."""

    async def hear(self, workload: str, pod: str) -> None:
        """Return where the pod runs it and it is not over."""


class StoredPermits:
    """``Permits`` over the store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def permit(self, workload: str, pod: str) -> FileLimits:
        """See ``Permits``."""
        return await self._database.write(reports.permit, workload, pod)

    async def hear(self, workload: str, pod: str) -> None:
        """See ``Permits``."""
        await self._database.read(reports.hear, workload, pod)


class ReportDesk:
    """What the routes need: whom to hear, and where to put it. ``key`` is what workloads' tokens are made from."""

    def __init__(self, permits: Permits, spool: FolderSpool, key: bytes) -> None:
        self.permits = permits
        self.spool = spool
        self.key = key
        self.limits: dict[str, FileLimits] = {}
        """What was told to sidecars; one that is not known here is asked for again."""


def _desk(call: Call) -> ReportDesk:
    """The desk, for a caller that may speak for the workload."""
    desk = call.context.reports
    if desk is None:
        msg = "Workloads of this platform do not report: they run on its own machine."
        raise NotFound(msg)
    kind, _, token = call.handler.request.headers.get("Authorization", "").partition(" ")
    if kind.lower() not in ("bearer", "token") or not token:
        raise anonymous()
    if not is_token_of(desk.key, call["workload"], token):
        msg = "That token is not this workload's."
        raise Forbidden(msg)
    return desk


async def _heard(call: Call) -> ReportDesk:
    """The desk, for the pod that runs the workload."""
    desk = _desk(call)
    await desk.permits.hear(call["workload"], call.handler.request.headers.get(POD_HEADER, ""))
    return desk


async def _permit(call: Call) -> StartPermit:
    desk, workload = _desk(call), call["workload"]
    limits = desk.limits[workload] = await desk.permits.permit(workload, call.body.pod)
    inputs, size = await asyncio.to_thread(_begun, desk.spool, workload)
    call.context.heard(workload)
    return StartPermit(inputs=inputs, limits=limits, log_size=size)


def _begun(spool: FolderSpool, workload: str) -> tuple[tuple[str, ...], int]:
    spool.note_permit(workload)
    return spool.inputs(workload), spool.log_size(workload)


async def _input(call: Call) -> None:
    desk = await _heard(call)
    file = await asyncio.to_thread(desk.spool.open_input, call["workload"], call["name"])
    if file is None:
        msg = f"The workload is given no {call['name']!r}."
        raise NotFound(msg)
    call.handler.set_header("Content-Type", "application/octet-stream")
    with file:
        while data := await asyncio.to_thread(file.read, PIECE):
            call.handler.write(data)
            await call.handler.flush()
    await call.handler.finish()


class _Uploaded:
    """A body that goes to a file: who may not is told before it is read."""

    async def _begin(self, call: Call, limit: int) -> Upload:
        spool = _known(call).spool
        path, file = await asyncio.to_thread(spool.begin_upload)
        return Upload(path, file, limit)


class _Log(_Uploaded):
    async def begin(self, call: Call) -> Upload:
        await _heard(call)
        return await self._begin(call, LOG_PIECE)

    async def __call__(self, call: Call) -> LogAnswer:
        upload, spool = call.upload, _known(call).spool
        assert upload is not None
        upload.close()
        size = await asyncio.to_thread(_append, spool, call["workload"], call.query.offset, upload.path)
        return LogAnswer(size=size)


def _append(spool: FolderSpool, workload: str, offset: int, piece: Path) -> int:
    return spool.write_log(workload, offset, piece.read_bytes())


class _File(_Uploaded):
    async def begin(self, call: Call) -> Upload:
        desk = await _heard(call)
        workload, pod = call["workload"], call.handler.request.headers.get(POD_HEADER, "")
        if workload not in desk.limits:
            desk.limits[workload] = await desk.permits.permit(workload, pod)
        limits = desk.limits[workload]
        count, size = await asyncio.to_thread(desk.spool.size, workload)
        # twice as much, since a file is there twice until the new one takes the old one's place
        if count > 2 * limits.files + 10 or size > 2 * limits.size + PIECE:
            msg = "The workload has more files than are kept."
            raise TooLarge(msg)
        if call["path"].startswith(RUNNERS_OWN):
            return await self._begin(call, PIECE)
        if not await asyncio.to_thread(desk.spool.room):
            raise TooLarge(NO_ROOM)
        path, file = await asyncio.to_thread(desk.spool.begin_upload)
        return await asyncio.to_thread(RoomUpload, path, file, limits.size + PIECE, desk.spool.room)

    async def __call__(self, call: Call) -> None:
        upload, spool = call.upload, _known(call).spool
        assert upload is not None
        upload.close()
        try:
            await asyncio.to_thread(spool.put_file, call["workload"], call["path"], upload.path, call.query.modified)
        except ValueError as error:
            raise Invalid.field("path", str(error)) from error


async def _remove(call: Call) -> None:
    desk = await _heard(call)
    try:
        await asyncio.to_thread(desk.spool.remove_file, call["workload"], call["path"])
    except ValueError as error:
        raise Invalid.field("path", str(error)) from error


async def _end(call: Call) -> None:
    desk = await _heard(call)
    await asyncio.to_thread(desk.spool.put_end, call["workload"], call.body)
    desk.limits.pop(call["workload"], None)
    call.context.heard(call["workload"])


def _known(call: Call) -> ReportDesk:
    desk = call.context.reports
    assert desk is not None
    return desk


HANDLERS: dict[str, Run] = {
    "reports.permit": _permit,
    "reports.input": _input,
    "reports.log": _Log(),
    "reports.file": _File(),
    "reports.remove_file": _remove,
    "reports.end": _end,
}
