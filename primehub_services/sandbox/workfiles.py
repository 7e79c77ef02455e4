"""Files that a workload leaves in its scratch home, in the domain's words. ``scratch`` has the walk."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from primehub_services.domain.workloads import FileLimits, NotTaken, WorkFile, WorkListing

from .scratch import Counted, LeftOut, Scratch, Unreadable, refusal
from .spec import HOME


class Sink(Protocol):
    """Takes copies."""

    def take(self, file: WorkFile, pieces: Iterable[bytes]) -> None:
        """One file."""


class ScratchFiles:
    """The files below ``home``, which the workload calls /home/jovyan, as far as they are ``uid``'s."""

    def __init__(self, home: Path, uid: int) -> None:
        self._scratch = Scratch(str(home), uid, HOME)

    def list_(self, folder: str) -> WorkListing:
        """All below the folder."""
        files: list[WorkFile] = []
        left_out = LeftOut()
        with self._scratch.folder(folder, left_out) as top:
            if top is not None:
                for path, handle in self._scratch.walk(top, folder, left_out):
                    files.append(_described(path, os.fstat(handle)))
        return _listing(files, left_out)

    def read(self, path: str, offset: int, limit: int) -> bytes | None:
        """A part of one file; None where there is none."""
        with self._scratch.opened(path) as handle:
            return None if handle is None else os.pread(handle, limit, offset)

    def find(self, path: str) -> WorkFile | None:
        """One file; None where there is none."""
        with self._scratch.opened(path) as handle:
            return None if handle is None else _described(path, os.fstat(handle))

    def copy_out(self, folder: str, sink: Sink, limits: FileLimits) -> WorkListing:
        """Gives what is within the limits to ``sink``: the files of a folder by name, then those of its folders."""
        files: list[WorkFile] = []
        left_out, room = LeftOut(), limits.size
        with self._scratch.folder(folder, left_out) as top:
            if top is None:
                return _listing(files, left_out)
            for path, handle in self._scratch.walk(top, folder, left_out):
                file = _described(path, os.fstat(handle))
                if reason := refusal(file.size, len(files), room, most=limits.files, most_bytes=limits.size):
                    left_out.add(path, reason)
                    continue
                try:
                    counted = Counted(handle, file.size)
                    sink.take(file, counted)
                except Unreadable as error:
                    left_out.add(path, str(error))
                    continue
                files.append(file.model_copy(update={"size": counted.read}))
                room -= counted.read
        return _listing(files, left_out)


def _listing(files: list[WorkFile], left_out: LeftOut) -> WorkListing:
    named = tuple(NotTaken(path=path, reason=reason) for path, reason in left_out.named)
    return WorkListing(files=tuple(files), left_out=named, left_out_count=left_out.count)


def _described(path: str, found: os.stat_result) -> WorkFile:
    seconds = min(max(found.st_mtime, 0.0), 253_402_300_799.0)
    return WorkFile(path=path, size=found.st_size, modified_at=datetime.fromtimestamp(seconds, UTC))
