"""Uploaded notebooks: ``snapshots/<id>``, each one file that is put in place whole."""

from __future__ import annotations

import contextlib
import io
import lzma
import os
import re
import struct
import uuid
import zipfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO

from ..domain.problems import Invalid
from ..domain.snapshots import MAX_ENTRIES, UNPACKED, SnapshotFormat, check_notebook, notebook_digest
from .spool import room_in

FOLDER = "snapshots"
_SCRATCH = ".scratch"
_ID = re.compile(r"^[A-Za-z0-9]{1,64}\Z")
_ZIP = b"PK\x03\x04"
_BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, RuntimeError, EOFError, OSError, ValueError)
_PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
SMALL = 1_000_000
"""Bytes of an upload and of the notebook in it: read into lists of nothing, some tens of megabytes."""
_DIRECTORY = MAX_ENTRIES * 500
"""Bytes of a zip's list of files, at most: it is read at once, a million of the shortest names into a gigabyte."""


class FolderSnapshotStore:
    """Snapshots under one folder. Methods block: call them in a thread. They raise ``OSError`` where the disk does."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER

    def begin(self) -> tuple[Path, BinaryIO]:
        """A new file for an upload that is not checked yet. Whoever asks removes it, or gives it to ``put``."""
        scratch = self._folder / _SCRATCH
        scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = scratch / uuid.uuid4().hex
        return path, path.open("xb")

    def room(self) -> int:
        """Bytes that uploads may still take of the disk."""
        return room_in(self._folder)

    def put(self, snapshot: str, upload: Path) -> None:
        """Keep an upload as this snapshot."""
        handle = os.open(upload, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        upload.rename(self.path(snapshot))

    def path(self, snapshot: str) -> Path:
        """Where it is, to be read."""
        if not _ID.fullmatch(snapshot):
            msg = f"{snapshot!r} is not a snapshot's id"
            raise ValueError(msg)
        return self._folder / snapshot

    def delete(self, snapshot: str) -> None:
        """Forget it; one that is not there is no error."""
        self.path(snapshot).unlink(missing_ok=True)

    def forgotten(self, before: float, known: Callable[[Iterable[str]], set[str]]) -> list[str]:
        """Ids of files from before that moment (seconds since 1970) that are not ``known``: those of uploads whose row
        was never committed. Unfinished uploads of that age are deleted on the way."""
        old = []
        for entry in _entries(self._folder / _SCRATCH):
            if entry.stat().st_mtime < before:
                Path(entry.path).unlink(missing_ok=True)
        for entry in _entries(self._folder):
            with contextlib.suppress(FileNotFoundError):
                if entry.is_file() and _ID.fullmatch(entry.name) and entry.stat().st_mtime < before:
                    old.append(entry.name)
        return sorted(set(old) - known(old)) if old else []


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except FileNotFoundError:
        return []


def check_name(name: str) -> None:
    """Raises ``Invalid`` where no file can have it."""
    if "\0" in name or not {"", ".", ".."}.isdisjoint(name.split("/")):
        raise Invalid.field(
            "name", "It is no path of a file.", "Give the notebook's file name, or its path in the zip."
        )


def is_small(path: Path, name: str) -> bool:
    """Whether the notebook of an upload is so small that whatever is in it takes little to read."""
    if path.stat().st_size > SMALL:
        return False
    with path.open("rb") as file:
        if file.read(len(_ZIP)) != _ZIP:
            return True
    try:
        with zipfile.ZipFile(path) as archive:
            inside = archive.getinfo(name)
            return inside.file_size <= SMALL and inside.compress_type in _PLAIN
    except (*_BROKEN, KeyError):
        return True  # which ``check_upload`` refuses


def check_upload(source: Path | int, name: str, limit: int) -> tuple[SnapshotFormat, str]:
    """The upload's format, and the digest of the notebook in it. Raises ``Invalid``.

    ``source`` is the file or a handle of it, ``name`` the notebook's path where it is a zip, ``limit`` the most bytes
    of an upload.
    """
    check_name(name)
    with _Careful(io.FileIO(source, closefd=isinstance(source, Path))) as file:
        if file.peek(len(_ZIP)).startswith(_ZIP):
            return SnapshotFormat.FOLDER, notebook_digest(check_notebook(_from_zip(file, name, limit), name))
        if "/" in name:
            raise Invalid.field("name", "It has a slash, and the body is no zip.", "Give the notebook's file name.")
        file.most = limit + 1
        return SnapshotFormat.NOTEBOOK, notebook_digest(check_notebook(file.read(limit + 1)))


class _Careful(io.BufferedReader):
    """A file of which no more than ``most`` bytes are read at once; to begin with, what a zip's list may have."""

    most = _DIRECTORY

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > self.most:
            raise Invalid.field("body", f"The folder has more than {MAX_ENTRIES} files.", "Send fewer along.")
        return super().read(size)


def _from_zip(file: _Careful, name: str, limit: int) -> bytes:
    try:
        with zipfile.ZipFile(file) as archive:
            file.most = limit + 1
            entries = archive.infolist()
            if len(entries) > MAX_ENTRIES:
                raise Invalid.field("body", f"The folder has more than {MAX_ENTRIES} files.", "Send fewer along.")
            if sum(entry.file_size for entry in entries) > UNPACKED * limit:
                size = UNPACKED * limit // 1_000_000
                raise Invalid.field("body", f"The folder is larger than {size} MB.", "Send fewer files along.")
            for entry in entries:
                if entry.filename.startswith("/") or ".." in entry.filename.split("/"):
                    raise Invalid.field("body", f"{entry.filename[:100]!r} leads out of it.", "Pack the folder anew.")
            inside = _entry(archive, name)
            if inside.file_size > limit:
                raise Invalid.field("body", "The notebook in it is too large.", "Clear its outputs.")
            with archive.open(inside) as notebook:
                return notebook.read(limit + 1)
    except _BROKEN as error:
        raise Invalid.field("body", f"The zip cannot be read: {error}.", "Pack the folder anew.") from None


def _entry(archive: zipfile.ZipFile, name: str) -> Any:
    try:
        return archive.getinfo(name)
    except KeyError:
        raise Invalid.field("name", f"There is no {name!r} in the zip.", "Name the notebook's path there.") from None
