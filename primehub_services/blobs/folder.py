"""Logs in a folder: each a folder of pieces, named by the offset at which they begin.

There is no index to be wrong after a crash: what is kept is what the pieces' names and lengths say. A piece is only
ever appended to; of those between beginning and end the oldest goes when the log is over its cap.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from .logs import LogChunk

CAP = 32 * 1024 * 1024
_PIECES = 16
_KEY = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)*\Z")
_PIECE = re.compile(r"^[0-9]{20}\Z")
_SCRATCH = ".scratch"


class FolderLogStore:
    """A ``LogStore`` under one folder. ``cap`` is how many bytes of a log are kept, half of them from its beginning.

    ``gate`` is asked right before one log takes the place of another; what it raises leaves everything as it is.
    """

    def __init__(self, folder: Path, *, cap: int = CAP, gate: Callable[[], None] = lambda: None) -> None:
        self._gate = gate
        self._folder = folder
        self._piece = max(1, cap // _PIECES)
        self._lock = threading.Lock()

    def append(self, key: str, data: bytes, *, at: int = 0) -> None:
        """Write at the end, or behind a gap where ``at`` is behind it. Raises ``OSError`` where the disk cannot take it."""
        with self._lock:
            folder = self._path(key)
            self._make(folder)
            self._write(folder, data, at=at)

    def extend(self, key: str, offset: int, data: bytes) -> int:
        """Write what is new of ``data``, which is the log from ``offset`` on; how much of the log there is then.

        The same piece may come to several processes at once: each byte has its place in its file, where the same is
        written twice, and nothing is appended.
        """
        with self._lock:
            folder = self._path(key)
            begin, end = _last(folder)
            new = data[max(0, end - offset) :]
            if not new:
                return end
            self._make(folder)
            if offset > end:
                begin = end = offset
            return self._fill(folder, new, begin, end)

    def put(self, key: str, pieces: Iterable[tuple[int, bytes]]) -> None:
        """Write the whole log, in place of what is there: all of it, or nothing where this is cut off."""
        scratch = self._folder / _SCRATCH / uuid.uuid4().hex
        self._make(scratch)
        try:
            for offset, data in pieces:
                self._write(scratch, data, at=offset)
            for path in scratch.iterdir():
                _sync(path)
            with self._lock:
                target = self._path(key)
                self._make(target.parent)
                old = scratch.with_name(f"{scratch.name}.old")
                self._gate()
                with contextlib.suppress(FileNotFoundError):
                    target.rename(old)
                scratch.rename(target)
                _sync(target.parent)
                shutil.rmtree(old, ignore_errors=True)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def read(self, key: str, offset: int, limit: int) -> LogChunk:
        """At most ``limit`` bytes from ``offset`` on; a negative offset counts from the end."""
        pieces = list(_pieces(self._path(key)))
        size = pieces[-1][1] if pieces else 0
        start = at = max(0, size + offset) if offset < 0 else min(offset, size)
        data = bytearray()
        for begin, end, path in pieces:
            room = limit - len(data)
            if end <= at:
                continue
            if room <= 0:
                break
            if begin > at:
                data += f"\n[... {begin - at} bytes of output are left out here ...]\n".encode()
                at = begin
            with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
                file.seek(at - begin)
                read = file.read(min(max(room, 1), end - at))
                data += read
                at += len(read)
        return LogChunk(bytes(data), start, at, max(size, at))

    def size(self, key: str) -> int:
        """Bytes written so far."""
        return _last(self._path(key))[1]

    def pieces(self, key: str) -> Iterator[tuple[int, bytes]]:
        """The whole log as far as it is kept, as ``put`` takes it."""
        for begin, _, path in list(_pieces(self._path(key))):
            with contextlib.suppress(FileNotFoundError):
                yield begin, path.read_bytes()

    def exists(self, key: str) -> bool:
        """Whether anything was ever written."""
        return self._path(key).is_dir()

    def delete(self, key: str) -> None:
        """Forget the log; one that is not there is no error."""
        with self._lock:
            shutil.rmtree(self._path(key), ignore_errors=True)
            for parent in self._path(key).parents:
                if parent == self._folder or not _removed(parent):
                    break

    def clean(self, *, older_s: float = 0) -> None:
        """Drop what was cut off in the middle: of so many seconds ago, where something else may be writing."""
        drop_older(self._folder / _SCRATCH, older_s)

    def _path(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            msg = f"{key!r} is not a log's key"
            raise ValueError(msg)
        return self._folder / key

    def _make(self, folder: Path) -> None:
        """Make a folder. Nobody else of the machine may look into the first one, whatever mode those below it get."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def _write(self, folder: Path, data: bytes, *, at: int = 0) -> None:
        """Append, or behind a gap where ``at`` is behind the end."""
        begin, end = _last(folder)
        if at > end:
            begin = end = at
        self._fill(folder, data, begin, end)

    def _fill(self, folder: Path, data: bytes, begin: int, end: int) -> int:
        """Write on at ``end``, into the piece that begins at ``begin``, and more of them; where the end is then."""
        view = memoryview(data)
        while view:
            if end - begin >= self._piece:
                begin = end
                self._thin(folder)
            room = self._piece - (end - begin)
            _write_at(folder / f"{begin:020d}", end - begin, view[:room])
            end += len(view[:room])
            view = view[room:]
        return end

    def _thin(self, folder: Path) -> None:
        """Make room for one more piece: the first half stays, of the others the oldest goes."""
        pieces = list(_pieces(folder))
        for _, _, path in pieces[_PIECES // 2 : len(pieces) - _PIECES // 2 + 1]:
            path.unlink(missing_ok=True)


def drop_older(folder: Path, seconds: float) -> None:
    """Drop what is in a folder, and has not been changed for so long."""
    before = time.time() - seconds
    with contextlib.suppress(FileNotFoundError):
        for entry in list(os.scandir(folder)):
            with contextlib.suppress(FileNotFoundError):
                if entry.stat(follow_symlinks=False).st_mtime <= before:
                    remove = shutil.rmtree if entry.is_dir(follow_symlinks=False) else os.unlink
                    remove(entry.path)


def _pieces(folder: Path) -> Iterator[tuple[int, int, Path]]:
    """Beginning, end and file of each piece, in order."""
    try:
        names = sorted(name for name in os.listdir(folder) if _PIECE.match(name))
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        path = folder / name
        with contextlib.suppress(FileNotFoundError):
            yield int(name), int(name) + path.stat().st_size, path


def _last(folder: Path) -> tuple[int, int]:
    """Beginning and end of the last piece."""
    pieces = list(_pieces(folder))
    return pieces[-1][:2] if pieces else (0, 0)


def _write_at(path: Path, position: int, data: memoryview) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
    try:
        while data:
            written = os.pwrite(handle, data, position)
            data, position = data[written:], position + written
    finally:
        os.close(handle)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError:
        return False
    return True
