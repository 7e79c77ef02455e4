"""A request's body that goes to a file as it comes."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import BinaryIO


class Upload:
    """One body on its way to a file, which is removed at the request's end unless it was taken."""

    def __init__(self, path: Path, file: BinaryIO, limit: int) -> None:
        """``limit``: bytes, at most."""
        self.path = path
        self.limit = limit
        self.why = ""
        """Why there is not more room than ``limit``, where that is not the limit of all such bodies."""
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
        with contextlib.suppress(OSError):
            self._file.close()
        self.path.unlink(missing_ok=True)
