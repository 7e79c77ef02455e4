"""An attempt's files wherever they are: with the engine while it has the workload, else in the store."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import BinaryIO

from ..domain.results import ARTIFACTS, Artifact, ArtifactList, KeptArtifacts, media_type
from ..domain.workloads import WorkFile, WorkListing
from .artifacts import FolderArtifactStore, LiveFiles


class OpenFile:
    """One file to be read. ``read(offset, limit)`` gives less than ``limit`` at the end alone."""

    def __init__(
        self, path: str, size: int, read: Callable[[int, int], bytes], close: Callable[[], None] = lambda: None
    ) -> None:
        self.path = path
        self.size = size
        self.read = read
        self.close = close


class AttemptFiles:
    """Files of attempts. Methods block: call them in a thread. ``workload`` is the attempt's id."""

    def __init__(self, store: FolderArtifactStore, live: LiveFiles | None = None) -> None:
        self._store = store
        self._live = live

    def list_(self, job: str, number: int, workload: str) -> ArtifactList:
        """What there is. Where nothing is, or is any more, the list is empty."""
        kept = self._store.manifest(job, number)
        found = self._live.list_(workload, ARTIFACTS) if kept is None and self._live is not None else None
        if found is not None:
            return _live(number, found)
        # what the engine dropped meanwhile was kept before
        kept = kept or self._store.manifest(job, number)
        return _kept(number, kept) if kept is not None else ArtifactList(attempt=number, items=(), size=0, live=False)

    def open(self, job: str, number: int, workload: str, path: str) -> OpenFile | None:
        """One file, for the caller to close; None where there is none of that path."""
        if self._store.manifest(job, number) is None and self._live is not None:
            found = self._open_live(self._live, workload, path)
            if found is not None:
                return found
        file = self._store.open(job, number, path)
        return None if file is None else _open_kept(path, file)

    def _open_live(self, live: LiveFiles, workload: str, path: str) -> OpenFile | None:
        whole = f"{ARTIFACTS}/{path}"
        file = live.find(workload, whole)
        if file is None:
            return None
        # no more than it had when it was found, however much it grows meanwhile
        size = file.size
        return OpenFile(
            path, size, lambda at, limit: live.read(workload, whole, at, max(0, min(limit, size - at))) or b""
        )


def _open_kept(path: str, file: BinaryIO) -> OpenFile:
    handle = file.fileno()
    return OpenFile(path, os.fstat(handle).st_size, lambda at, limit: os.pread(handle, limit, at), file.close)


def _live(number: int, found: WorkListing) -> ArtifactList:
    message = ""
    if found.left_out_count:
        first = found.left_out[0]
        more = f", and {found.left_out_count - 1} more" if found.left_out_count > 1 else ""
        message = f"Not shown: {first.path} ({first.reason}){more}."
    return ArtifactList(
        attempt=number,
        items=tuple(_artifact(file) for file in found.files),
        size=sum(file.size for file in found.files),
        left_out=found.left_out,
        message=message,
        live=True,
    )


def _kept(number: int, kept: KeptArtifacts) -> ArtifactList:
    return ArtifactList(
        attempt=number,
        items=tuple(_artifact(file) for file in kept.files),
        size=kept.size,
        left_out=kept.left_out,
        message=kept.message,
        live=False,
        expires_at=kept.expires_at,
    )


def _artifact(file: WorkFile) -> Artifact:
    return Artifact(path=file.path, size=file.size, modified_at=file.modified_at, media_type=media_type(file.path))
