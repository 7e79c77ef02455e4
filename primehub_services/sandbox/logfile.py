"""A workload's output, kept within a size: the beginning and the end, with the gap marked. Standard library only.

Files ``log.<offset>`` hold what was written from that offset on. The first is never dropped; of the others the oldest
goes when there are too many. Offsets count every byte ever written, so that a reader can follow across a gap.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

PREFIX = "log."


class LogWriter:
    """Appends to the log of one folder. A full disk loses output, never the workload."""

    def __init__(self, folder: str, cap: int) -> None:
        self._folder = folder
        self._head = cap // 2
        self._piece = cap // 4
        self.size = 0
        self.lost = 0
        """bytes that could not be written"""
        self._start = 0
        self._file: BinaryIO | None = None

    def write(self, data: bytes) -> None:
        """Appends, beginning a new file where the present one is full."""
        view = memoryview(data)
        while view:
            room = self._start + (self._piece if self._start else self._head) - self.size
            if self._file is None or room <= 0:
                self._next()
                room = self._piece if self._start else self._head
            piece = view[:room]
            try:
                if self._file is not None:
                    self._file.write(piece)
                else:
                    self.lost += len(piece)
            except OSError:
                self.lost += len(piece)
                self._close()
            self.size += len(piece)
            view = view[len(piece) :]

    def _next(self) -> None:
        self._close()
        self._start = self.size
        with contextlib.suppress(OSError):
            # its own file descriptor and no buffer: what was read from the workload is in the file
            handle = os.open(
                f"{self._folder}/{PREFIX}{self.size}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600
            )
            self._file = os.fdopen(handle, "wb", buffering=0)
        pieces = sorted((start, path) for start, path in segments(Path(self._folder)) if start)
        for _, path in pieces[:-2]:
            with contextlib.suppress(OSError):
                path.unlink()

    def _close(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
        self._file = None


def segments(folder: Path) -> list[tuple[int, Path]]:
    """The files of a log by the offset at which they begin."""
    found = []
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            start = path.name.removeprefix(PREFIX)
            if path.name.startswith(PREFIX) and start.isdigit():
                found.append((int(start), path))
    return sorted(found)


def size(folder: Path) -> int:
    """Bytes written so far, as far as the disk took them."""
    for start, path in reversed(segments(folder)):
        with contextlib.suppress(OSError):
            return start + path.stat().st_size
    return 0


def read(folder: Path, offset: int, limit: int) -> tuple[bytes, int, int]:
    """At most about ``limit`` bytes from ``offset`` on (negative: from the end): data, its start, the next offset.

    Where bytes between are no longer kept, a line says how many, and reading goes on behind them.
    """
    if offset < 0:
        offset = max(0, size(folder) + offset)
    start = offset
    data = b""
    for begin, path in segments(folder):
        try:
            with path.open("rb") as file:
                end = begin + os.fstat(file.fileno()).st_size
                if end <= offset or len(data) >= limit:
                    continue
                if begin > offset:
                    data += gap(begin - offset)
                    offset = begin
                file.seek(offset - begin)
                piece = file.read(limit - len(data))
        except OSError:
            continue
        data += piece
        offset += len(piece)
    return data, start, offset


def gap(missing: int) -> bytes:
    """The line that stands for bytes no longer kept."""
    return f"\n[... {missing} bytes of output are left out here ...]\n".encode()


def chunks(folder: Path, size_: int = 1 << 20) -> Iterator[tuple[int, bytes]]:
    """The whole log as kept, piece by piece, each with the offset at which it begins."""
    offset = 0
    for begin, path in segments(folder):
        offset = max(offset, begin)
        with contextlib.suppress(OSError), path.open("rb") as file:
            file.seek(offset - begin)
            while data := file.read(size_):
                yield offset, data
                offset += len(data)


def text(pieces: Iterable[tuple[int, bytes]]) -> Iterator[bytes]:
    """``chunks`` as they are shown to people, gaps marked."""
    at = 0
    for offset, data in pieces:
        if offset > at:
            yield gap(offset - at)
        yield data
        at = offset + len(data)
