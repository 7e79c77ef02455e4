"""Notebooks that are uploaded to be submitted, and what was submitted."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import quote

from ..domain.problems import NotFound
from ..domain.snapshots import Snapshot, SnapshotFormat
from ..operations import snapshots
from .call import Call
from .registry import Run
from .table_snapshots import NOTEBOOK, ZIP
from .uploads import Upload

_PIECE = 1 << 20


class _Create:
    """``POST /snapshots``: who may not is told before the body is read."""

    async def begin(self, call: Call) -> Upload:
        limit = await call.read(snapshots.limit, call.query)
        path, file = await asyncio.to_thread(call.context.snapshots.begin)
        return Upload(path, file, limit)

    async def __call__(self, call: Call) -> Snapshot:
        upload = call.upload
        assert upload is not None
        size = upload.close()
        format, digest = await call.context.checker.check(upload.path, call.query.name, upload.limit)
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
