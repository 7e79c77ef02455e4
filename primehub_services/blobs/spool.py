"""What sidecars report of workloads that are not dropped: ``<workload>/log/``, ``home/``, ``end.json``, ``inputs/``.

On a cluster nothing of a pod is left once it is gone, so its sidecar sends all that is to be kept while it is there. It
rests here until it is put among the kept things, as with what a machine's own workloads leave in their folders.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from ..domain.reports import EndReport
from ..domain.workloads import InputFile
from .folder import FolderLogStore
from .logs import LogChunk

FOLDER = "spool"
_SCRATCH = ".scratch"
_KEY = re.compile(r"^[a-z0-9][a-z0-9_-]{0,62}\Z")
_NAME = re.compile(r"^[a-z0-9][a-z0-9_.-]{0,62}\Z")
RESERVE = 256 * 1024**2
"""Bytes of the disk that no file takes: they are for what is small and must not fail, output, ends, and the platform's
own database, which may be on the same disk."""
MAX_PATH = 300
MAX_DEPTH = 33


class FolderSpool:
    """Under one folder. Methods block: call them in a thread. They raise ``OSError`` where the disk does."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER
        self._logs = FolderLogStore(self._folder)

    def begin(self, workload: str, inputs: Mapping[str, InputFile]) -> None:
        """Make room for a workload, with the files that it is given: all of them, or nothing where this is cut off."""
        target = self._path(workload)
        if (target / "inputs").is_dir():
            return
        scratch = self._scratch()
        try:
            for name, file in inputs.items():
                if not _NAME.fullmatch(name):
                    msg = f"{name!r} is not a file's name"
                    raise ValueError(msg)
                if file.source is None:
                    (scratch / name).write_text(file.text, encoding="utf-8", errors="surrogateescape")
                else:
                    shutil.copyfile(file.source, scratch / name)
            target.mkdir(parents=True, exist_ok=True, mode=0o700)
            with contextlib.suppress(OSError):  # somebody else was first, with the same
                scratch.rename(target / "inputs")
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def inputs(self, workload: str) -> tuple[str, ...]:
        """Names of the files that the workload is given."""
        with contextlib.suppress(FileNotFoundError):
            return tuple(sorted(os.listdir(self._path(workload) / "inputs")))
        return ()

    def open_input(self, workload: str, name: str) -> BinaryIO | None:
        """One of them, for the caller to close; None where there is none."""
        with contextlib.suppress(OSError):
            if _NAME.fullmatch(name):
                return (self._path(workload) / "inputs" / name).open("rb")
        return None

    def note_permit(self, workload: str) -> None:
        """Write down that a pod may begin the workload."""
        self._path(workload).mkdir(parents=True, exist_ok=True, mode=0o700)
        (self._path(workload) / "permit").touch()

    def permitted(self, workload: str) -> bool:
        """Whether a pod may begin it, and so has."""
        return (self._path(workload) / "permit").exists()

    # -- output

    def write_log(self, workload: str, offset: int, data: bytes) -> int:
        """Keep a piece of output, as far as it is new; how much there is now. What is between is marked as left out."""
        return self._logs.extend(self._log(workload), offset, data)

    def log_size(self, workload: str) -> int:
        """Bytes of output so far."""
        return self._logs.size(self._log(workload))

    def read_log(self, workload: str, offset: int, limit: int) -> LogChunk:
        """As of ``LogStore``."""
        return self._logs.read(self._log(workload), offset, limit)

    def log_pieces(self, workload: str) -> Iterator[tuple[int, bytes]]:
        """The whole output as far as it is kept, each piece with its offset."""
        return self._logs.pieces(self._log(workload))

    # -- files

    def begin_upload(self) -> tuple[Path, BinaryIO]:
        """A new file for what comes. Whoever asks removes it, or gives it to ``put_file``."""
        folder = self._folder / _SCRATCH
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / uuid.uuid4().hex
        return path, path.open("xb")

    def room(self) -> int:
        """Bytes that files of workloads may still take of the disk."""
        return room_in(self._folder)

    def put_file(self, workload: str, path: str, upload: Path, modified: float) -> None:
        """Keep a file of the scratch home, in place of what is there. Raises ``ValueError`` for an unfit path."""
        target = self.home(workload).joinpath(*_parts(path))
        self._make_way(workload, target)
        os.utime(upload, (modified, modified))
        upload.rename(target)

    def _make_way(self, workload: str, target: Path) -> None:
        """Folders above a file, where files may have been; and none in its place."""
        home = self.home(workload)
        for folder in reversed(target.relative_to(home).parents):
            above = home / folder
            if above.is_file():
                above.unlink()
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if target.is_dir():
            shutil.rmtree(target)

    def remove_file(self, workload: str, path: str) -> None:
        """Forget a file that the workload has removed; none is no error."""
        home, target = self.home(workload), self.home(workload).joinpath(*_parts(path))
        with contextlib.suppress(OSError):
            target.unlink()
            # and the folders that it leaves empty: they take of the disk too
            for folder in target.parents:
                if folder == home:
                    break
                folder.rmdir()

    def size(self, workload: str) -> tuple[int, int]:
        """Files that are kept, and their bytes in all."""
        count = total = 0
        for folder, _, names in os.walk(self.home(workload)):
            for name in names:
                with contextlib.suppress(OSError):
                    total += os.stat(os.path.join(folder, name)).st_size
                    count += 1
        return count, total

    def home(self, workload: str) -> Path:
        """The folder of what is known of the workload's scratch home."""
        return self._path(workload) / "home"

    # -- the end

    def put_end(self, workload: str, report: EndReport) -> None:
        """Write down that nothing more comes. The first report stays. Its times are put where they can have been: they are
        those of a file that the workload itself may have touched."""
        target = self._path(workload)
        target.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.end(workload) is not None:
            return
        scratch = self._scratch()
        try:
            with (scratch / "end.json").open("w") as file:
                file.write(self._possible(workload, report).model_dump_json())
                file.flush()
                os.fsync(file.fileno())
            # not by a link, which shares of some kinds do not have
            (scratch / "end.json").rename(target / "end.json")
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _possible(self, workload: str, report: EndReport) -> EndReport:
        now = datetime.now(UTC)
        first = datetime.min.replace(tzinfo=UTC)
        with contextlib.suppress(FileNotFoundError):
            first = datetime.fromtimestamp((self._path(workload) / "permit").stat().st_mtime, UTC)
        times = {"began_at": report.began_at, "ended_at": report.ended_at}
        return report.model_copy(
            update={name: min(max(at, first), now) for name, at in times.items() if at is not None}
        )

    def end(self, workload: str) -> EndReport | None:
        """What the sidecar said last; None where it has not."""
        try:
            return EndReport.model_validate_json((self._path(workload) / "end.json").read_bytes())
        except (FileNotFoundError, NotADirectoryError, ValidationError):
            return None

    def exists(self, workload: str) -> bool:
        """Whether there is anything of it."""
        return self._path(workload).is_dir()

    def workloads(self) -> list[str]:
        """Of which there is anything."""
        with contextlib.suppress(FileNotFoundError):
            return sorted(name for name in os.listdir(self._folder) if _KEY.fullmatch(name))
        return []

    def drop(self, workload: str) -> None:
        """Forget everything of a workload; nothing is no error. At once: who reads meanwhile finds all of it or nothing."""
        scratch = self._scratch()
        with contextlib.suppress(FileNotFoundError):
            self._path(workload).rename(scratch / workload)
        shutil.rmtree(scratch, ignore_errors=True)

    def clean(self, *, older_s: float = 0) -> None:
        """As of ``FolderLogStore``, whose scratch folder it shares."""
        self._logs.clean(older_s=older_s)

    def _scratch(self) -> Path:
        scratch = self._folder / _SCRATCH / uuid.uuid4().hex
        scratch.mkdir(parents=True, mode=0o700)
        return scratch

    def _path(self, workload: str) -> Path:
        if not _KEY.fullmatch(workload):
            msg = f"{workload!r} is not a workload's key"
            raise ValueError(msg)
        return self._folder / workload

    def _log(self, workload: str) -> str:
        return f"{self._path(workload).name}/log"


def room_in(folder: Path) -> int:
    """Bytes that files may still take of the disk of the folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return max(0, shutil.disk_usage(folder).free - RESERVE)


def _parts(path: str) -> list[str]:
    parts = path.split("/")
    fit = len(path) <= MAX_PATH and len(parts) <= MAX_DEPTH and path.isprintable() and "\\" not in path
    if not fit or not all(parts) or {".", ".."} & set(parts):
        msg = f"{path!r} is not a path below a folder"
        raise ValueError(msg)
    return parts
