"""What attempts of jobs and starts of notebooks used, as a file of lines each. A line is only ever appended; now and then the file is written
anew, thinner, in the place of the old one. What a crash cut off in the middle is passed over."""

from __future__ import annotations

import contextlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path

from ..domain.results import UsagePoint, thin
from ..domain.workloads import GpuUsage
from .logs import attempt_folder, notebook_folder

NAME = "usage"
_THIN_AFTER = 32 * 1024
"""Bytes by which a file grows before it is written anew."""


class FolderUsageStore:
    """Series under one folder: of an attempt of a job by both, of a notebook by its start and no number.

    Methods block: call them in a thread.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._thinned: dict[Path, int] = {}
        """The size that a file had when it was last written anew."""

    def append(self, owner: str, number: int | None, point: UsagePoint) -> None:
        """Add the newest point. Raises ``OSError`` where the disk cannot take it."""
        path = self._path(owner, number)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with path.open("ab") as file:
            # a new line first: what a crash cut off before must not be joined with this one
            file.write(b"\n" + _line(point))
            size = file.tell()
        if size - self._thinned.get(path, 0) > _THIN_AFTER:
            self._rewrite(path)

    def read(self, owner: str, number: int | None) -> list[UsagePoint]:
        """The series, as thin as its age wants it; empty where there is none."""
        return thin(_parsed(self._path(owner, number)))

    def forget(self, owner: str, number: int | None) -> None:
        """It has ended: nothing is added any more."""
        self._thinned.pop(self._path(owner, number), None)

    def _rewrite(self, path: Path) -> None:
        temporary = path.with_name(f".{NAME}.{os.getpid()}")
        try:
            temporary.write_bytes(b"\n".join(_line(point) for point in thin(_parsed(path))))
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        self._thinned[path] = path.stat().st_size

    def _path(self, owner: str, number: int | None) -> Path:
        folder = notebook_folder(owner) if number is None else attempt_folder(owner, number)
        return self._folder / folder / NAME


def _line(point: UsagePoint) -> bytes:
    gpus = [[gpu.index, gpu.percent, gpu.memory] for gpu in point.gpus]
    return json.dumps([point.at.timestamp(), point.cpu, point.memory, gpus], separators=(",", ":")).encode()


def _parsed(path: Path) -> list[UsagePoint]:
    points: list[UsagePoint] = []
    try:
        lines = path.read_bytes().splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return points
    for line in filter(None, lines):
        with contextlib.suppress(ValueError, TypeError):
            at, cpu, memory, gpus = json.loads(line)
            found = tuple(GpuUsage(index=i, percent=p, memory=m) for i, p, m in gpus)
            point = UsagePoint(at=datetime.fromtimestamp(at, UTC), cpu=cpu, memory=memory, gpus=found)
            if not points or point.at > points[-1].at:
                points.append(point)
    return points
