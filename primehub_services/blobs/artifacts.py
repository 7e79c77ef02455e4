"""Files of jobs, kept beside their logs: ``jobs/<job>/<attempt>/artifacts/`` and its manifest ``artifacts.json``."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from pydantic import ValidationError

from ..domain.results import ARTIFACTS, KeptArtifacts
from ..domain.workloads import WorkFile, WorkListing
from .logs import attempt_folder

MANIFEST = "artifacts.json"
SCRATCH = ".scratch"
_JOB = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")
_NUMBER = re.compile(r"^[1-9][0-9]{0,8}\Z")


class LiveFiles(Protocol):
    """Files of workloads that the engine still has. Called in a thread."""

    def list_(self, workload: str, folder: str) -> WorkListing | None:
        """All below a folder of the scratch home; None where the engine has no such workload."""

    def find(self, workload: str, path: str) -> WorkFile | None:
        """One file of the scratch home; None where there is none."""

    def read(self, workload: str, path: str, offset: int, limit: int) -> bytes | None:
        """A part of one; None where there is none."""


class FolderArtifactStore:
    """Kept files under one folder. Methods block: call them in a thread. ``gate`` is as of ``FolderLogStore``."""

    def __init__(self, folder: Path, *, gate: Callable[[], None] = lambda: None) -> None:
        self._folder = folder
        self._gate = gate

    def stage(self, job: str, number: int) -> Staging:
        """Where files are put before they are kept. Drop it in the end, kept or not. Raises ``OSError``."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        scratch = self._folder / SCRATCH / uuid.uuid4().hex
        (scratch / ARTIFACTS).mkdir(parents=True, mode=0o700)
        return Staging(scratch, self._path(job, number), self._gate)

    def manifest(self, job: str, number: int) -> KeptArtifacts | None:
        """What is kept; None where nothing is, or not yet."""
        try:
            return KeptArtifacts.model_validate_json((self._path(job, number) / MANIFEST).read_bytes())
        except (FileNotFoundError, NotADirectoryError, ValidationError):
            return None

    def open(self, job: str, number: int, path: str) -> BinaryIO | None:
        """A kept file, for the caller to close; None where the manifest has none of that path."""
        manifest = self.manifest(job, number)
        if manifest is None or all(file.path != path for file in manifest.files):
            return None
        try:
            handle = os.open(self._path(job, number) / ARTIFACTS / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return None  # deleted just now
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            return None
        return os.fdopen(handle, "rb")

    def delete(self, job: str, number: int) -> None:
        """Forget the files of an attempt; none is no error."""
        folder = self._path(job, number)
        with contextlib.suppress(NotADirectoryError):
            (folder / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(folder / ARTIFACTS, ignore_errors=True)

    def delete_job(self, job: str) -> None:
        """Forget everything of a job: logs, files and what it used."""
        shutil.rmtree(self._jobs() / _checked(job), ignore_errors=True)

    def jobs(self) -> list[str]:
        """Every job of which anything is kept."""
        return [name for name in _names(self._jobs()) if _JOB.match(name)]

    def attempts(self, job: str) -> list[int]:
        """Every attempt of a job of which anything is kept."""
        return sorted(int(name) for name in _names(self._jobs() / _checked(job)) if _NUMBER.match(name))

    def _jobs(self) -> Path:
        return self._folder / "jobs"

    def _path(self, job: str, number: int) -> Path:
        return self._folder / attempt_folder(_checked(job), number)


class Staging:
    """A ``Sink`` into an empty folder of ours, which ``keep`` moves to its place."""

    def __init__(self, scratch: Path, target: Path, gate: Callable[[], None] = lambda: None) -> None:
        self._scratch = scratch
        self._target = target
        self._gate = gate

    def take(self, file: WorkFile, pieces: Iterable[bytes]) -> None:
        """Keep one file. Paths were checked by who reads them; here once more."""
        parts = file.path.split("/")
        if not all(parts) or {".", ".."} & set(parts) or "\0" in file.path:
            msg = f"{file.path!r} is not a path below a folder"
            raise ValueError(msg)
        target = self._scratch.joinpath(ARTIFACTS, *parts)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with target.open("xb") as copy:
            for piece in pieces:
                copy.write(piece)
            copy.flush()
            os.fsync(copy.fileno())

    def keep(self, manifest: KeptArtifacts) -> None:
        """In place of what is there. The manifest comes last: until then nothing is there. Raises ``OSError``."""
        text = self._scratch / MANIFEST
        text.write_text(manifest.model_dump_json())
        _sync(text)
        self._target.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._gate()
        (self._target / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(self._target / ARTIFACTS, ignore_errors=True)
        (self._scratch / ARTIFACTS).rename(self._target / ARTIFACTS)
        text.rename(self._target / MANIFEST)
        _sync(self._target)

    def drop(self) -> None:
        """Forget what was not kept."""
        shutil.rmtree(self._scratch, ignore_errors=True)


def _checked(job: str) -> str:
    if not _JOB.match(job):
        msg = f"{job!r} is not a job's id"
        raise ValueError(msg)
    return job


def _names(folder: Path) -> Iterator[str]:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        yield from sorted(os.listdir(folder))


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
