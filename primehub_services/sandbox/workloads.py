"""Workloads of this machine, by key: start, look, stop, remove. Everything is on disk; nothing is remembered here.

All methods are synchronous and quick (a start takes about a tenth of a second); call them in a thread from a loop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from primehub_services.domain.launch import LaunchPlan

from .layout import Layout
from .spec import LogChunk, Rendered, SandboxOptions, SandboxSpec, WorkloadStatus


class Workloads:
    """The workloads of one data folder."""

    def __init__(self, data_dir: Path, options: SandboxOptions | None = None) -> None:
        self.layout = Layout(data_dir)
        self.options = options or SandboxOptions()

    def render(
        self,
        plan: LaunchPlan,
        *,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        port: int | None = None,
        forward_out: tuple[int, ...] = (),
        grace_s: float = 30,
        allow_unsandboxed: bool = False,
    ) -> Rendered:
        """What would run for ``plan`` on this machine, as it is now.

        ``port``: where the workload listens (on 127.0.0.1, inside and outside the same). ``forward_out``: ports of
        this machine's loopback that it may reach (the hub's, the API's). Raises ``WorkloadError`` where no sandbox can
        run and ``allow_unsandboxed`` is false, or where the image's environment cannot be used.
        """
        raise NotImplementedError

    def start(self, spec: SandboxSpec) -> WorkloadStatus:
        """Starts the workload, or finds that it was started: a key never runs twice.

        Returns when its supervisor has it. Raises ``WorkloadError`` otherwise.
        """
        raise NotImplementedError

    def status(self, key: str) -> WorkloadStatus | None:
        """What is known of a workload; null where there is none of that key."""
        raise NotImplementedError

    def stop(self, key: str, grace_s: float | None = None) -> None:
        """Asks the workload to end (SIGTERM), and ends it after ``grace_s``. Returns at once; absence is success."""
        raise NotImplementedError

    def stop_all(self, grace_s: float) -> None:
        """Stops every workload and returns when none is alive."""
        raise NotImplementedError

    def list_(self) -> list[WorkloadStatus]:
        """Every workload that has a folder, ended ones too."""
        raise NotImplementedError

    def remove(self, key: str) -> None:
        """Drops status, log and scratch files of an ended workload. Raises ``WorkloadError`` while it is alive."""
        raise NotImplementedError

    def read_log(self, key: str, offset: int = 0, limit: int = 65536) -> LogChunk:
        """A piece of the output, from ``offset`` (negative: from the end)."""
        raise NotImplementedError
