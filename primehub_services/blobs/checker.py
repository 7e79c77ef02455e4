"""Checks uploads: small ones at once, others in a process of their own, for JSON can be a hundred times its size."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import BinaryIO

from .. import limited
from ..domain.problems import FieldError, Invalid, TooMany
from ..domain.snapshots import SnapshotFormat
from .snapshots import check_name, check_upload, is_small

TIMEOUT = 60.0
"""Seconds on the clock; of the processor there are less."""
AT_ONCE = 2
WAITING = 8
"""Uploads that are checked or wait for it."""
_COMMAND = ("-m", "primehub_services.blobs.check")
_FIX = "Clear the notebook's outputs, and upload it again."


class UploadChecker:
    """Checks a few large uploads at a time."""

    def __init__(self, *, timeout: float = TIMEOUT) -> None:
        self._timeout = timeout
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    async def check(self, path: Path, name: str, limit: int) -> tuple[SnapshotFormat, str]:
        """As ``check_upload``. Raises ``TooMany`` where many others are being checked."""
        check_name(name)
        if await asyncio.to_thread(is_small, path, name):
            return await asyncio.to_thread(check_upload, path, name, limit)
        if self._waiting >= WAITING:
            raise TooMany("Other large notebooks are being checked just now. Try again in a moment.", retry_after_s=5)
        self._waiting += 1
        try:
            async with self._slots:
                with await asyncio.to_thread(path.open, "rb") as file:
                    return await self._in_process(file, name, limit)
        finally:
            self._waiting -= 1

    async def _in_process(self, file: BinaryIO, name: str, limit: int) -> tuple[SnapshotFormat, str]:
        process = await limited.start(*_COMMAND, name, str(limit), stdin=file)
        assert process.stdout is not None
        try:
            answer = await asyncio.wait_for(process.stdout.read(), self._timeout)
            code = await asyncio.wait_for(process.wait(), self._timeout)
        except TimeoutError:
            message = f"It takes more than {self._timeout:.0f} s to check."
            raise Invalid.field("body", message, _FIX) from None
        finally:
            await limited.end(process)
        if code != 0:
            raise Invalid.field("body", "It takes too much time or memory to check.", _FIX)
        found = json.loads(answer)
        if "errors" in found:
            raise Invalid(found["detail"], errors=tuple(FieldError.model_validate(error) for error in found["errors"]))
        return SnapshotFormat(found["format"]), found["digest"]
