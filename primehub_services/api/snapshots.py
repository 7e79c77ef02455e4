"""Notebooks that are uploaded to be submitted, and what was submitted."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import quote
from weakref import WeakSet

from ..domain.problems import NotFound, TooMany
from ..domain.snapshots import Snapshot, SnapshotFormat
from ..operations import snapshots
from .call import Call
from .problems import TooLarge
from .registry import Run
from .table_snapshots import NOTEBOOK, ZIP
from .uploads import NO_ROOM, RoomUpload, Upload

_PIECE = 1 << 20
AT_ONCE = 10
"""Uploads of one person that may be on their way to one process."""


class _Upload(RoomUpload):
    """One person's."""

    user = ""
    setting = 0
    """The most bytes of any, whatever is left just now: a zip is measured by it."""


class _Create:
    """``POST /snapshots``: who may not is told before the body is read."""

    def __init__(self) -> None:
        self._coming: WeakSet[_Upload] = WeakSet()

    async def begin(self, call: Call) -> Upload:
        allowed = await call.read(snapshots.limit, call.query)
        store = call.context.snapshots
        if not await asyncio.to_thread(store.room):
            raise TooLarge(NO_ROOM)
        path, file = await asyncio.to_thread(store.begin)
        upload = await asyncio.to_thread(_Upload, path, file, allowed.left, store.room, allowed.why)
        upload.user, upload.setting = call.identity.model["name"], allowed.setting
        self._coming.add(upload)
        if sum(other.user == upload.user and not other.over for other in self._coming) > AT_ONCE:
            upload.discard()
            msg = f"{AT_ONCE} notebooks of yours are being uploaded already. Wait until one is there."
            raise TooMany(msg, retry_after_s=5)
        return upload

    async def __call__(self, call: Call) -> Snapshot:
        upload = call.upload
        assert isinstance(upload, _Upload)
        size = upload.close()
        format, digest = await call.context.checker.check(upload.path, call.query.name, upload.setting)
        made = await call.write(snapshots.create, call.query, format=format, size=size, digest=digest)
        # a row without its file is of no use to anybody and is swept: nobody knows its id before this is answered
        await asyncio.to_thread(call.context.snapshots.put, made.id, upload.path)
        return made


async def _of_job(call: Call) -> None:
    found = await call.read(snapshots.of_job, call["job"])
    try:
        file = await asyncio.to_thread(call.context.snapshots.path(found.id).open, "rb")
    except FileNotFoundError:
        msg = f"The snapshot of {call['job']!r} is not there any more."
        raise NotFound(msg) from None
    handler = call.handler
    folder = found.format is SnapshotFormat.FOLDER
    name = f"{Path(found.name).stem}.zip" if folder else found.name
    handler.set_header("Content-Type", ZIP if folder else NOTEBOOK)
    handler.set_header("Content-Disposition", f"attachment; filename*=UTF-8''{quote(name, safe='')}")
    handler.set_header("Content-Length", str(found.size))
    with file:
        while data := await asyncio.to_thread(file.read, _PIECE):
            handler.write(data)
            await handler.flush()  # waits for a slow reader
    await handler.finish()


HANDLERS: dict[str, Run] = {"snapshots.create": _Create(), "snapshots.of_job": _of_job}
