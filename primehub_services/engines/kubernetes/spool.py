"""What the engine needs of the place where sidecars' reports are kept. ``blobs.FolderSpool`` is one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from primehub_services.domain.reports import EndReport
from primehub_services.domain.workloads import InputFile


class LogChunk(Protocol):
    """A piece of output."""

    @property
    def data(self) -> bytes:
        """The bytes."""

    @property
    def start(self) -> int:
        """Where they begin."""

    @property
    def next_offset(self) -> int:
        """Where to go on reading."""

    @property
    def size(self) -> int:
        """How much there is."""


class Spool(Protocol):
    """Methods block: they are called in a thread."""

    def begin(self, workload: str, inputs: Mapping[str, InputFile]) -> None:
        """Make room for a workload, with the files that it is given."""

    def permitted(self, workload: str) -> bool:
        """Whether its sidecar has come to us, and been let begin."""

    def end(self, workload: str) -> EndReport | None:
        """What its sidecar said last."""

    def home(self, workload: str) -> Path:
        """The folder of what is known of its scratch home."""

    def read_log(self, workload: str, offset: int, limit: int) -> LogChunk:
        """A part of its output."""

    def workloads(self) -> list[str]:
        """Of which there is anything."""

    def drop(self, workload: str) -> None:
        """Forget everything of it."""
