"""A request's body that goes to a file as it comes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from .problems import TooLarge

LOOK_EVERY = 16 << 20
"""Bytes of a file that come between two looks at the disk."""
NO_ROOM = "The platform's disk is nearly full. Ask your administrator to make room."


class Upload:
    """One body on its way to a file, which is removed at the request's end unless it was taken."""

    def __init__(self, path: Path, file: BinaryIO, limit: int, why: str = "") -> None:
        """``limit``: bytes, at most."""
        self.path = path
        self.limit = limit
        self.why = why
        """Why there is not more room than ``limit``, where that is not the limit of all such bodies."""
        self.over = False
        """Whether it is forgotten, or taken elsewhere."""
        self._file = file

    def write(self, data: bytes) -> None:
        """Write what came. Raises ``OSError``."""
        if not self._file.closed:
            self._file.write(data)

    @property
    def refusal(self) -> str:
        """What is said of a larger one."""
        return self.why or f"It may have {self.limit // 1_000_000} MB."

    def close(self) -> int:
        """Nothing more will come. Returns the size in bytes."""
        size = self._file.tell()
        self._file.close()
        return size

    def discard(self) -> None:
        """Forget it; what was taken elsewhere stays there."""
        self.over = True
        with contextlib.suppress(OSError):
            self._file.close()
        self.path.unlink(missing_ok=True)


class RoomUpload(Upload):
    """One for which there has to be room. Several may come at once: each looks now and then whether there still is."""

    def __init__(self, path: Path, file: BinaryIO, limit: int, room: Callable[[], int], why: str = "") -> None:
        found = room()
        super().__init__(path, file, min(limit, found), NO_ROOM if found < limit else why)
        self._room = room
        self._unseen = 0
        self._cut = False

    def write(self, data: bytes) -> None:
        """See ``Upload``."""
        self._unseen += len(data)
        if self._unseen > LOOK_EVERY:
            self._unseen = 0
            self._cut = self._cut or not self._room()
        if self._cut:
            self.limit, self.why = 0, NO_ROOM
            return
        super().write(data)

    def close(self) -> int:
        """See ``Upload``. Raises ``TooLarge`` where there was no room for the last of it."""
        size = super().close()
        if self._cut:
            raise TooLarge(NO_ROOM)
        return size
