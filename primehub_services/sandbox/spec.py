"""What one sandboxed process is: written to disk for its supervisor, and read back by whoever asks later."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from primehub_services.domain.launch import LeftOut
from primehub_services.domain.model import Model, Timestamp

Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
"""Names a workload and its folder; for what PrimeHub launches, the start id."""
Port = Annotated[int, Field(ge=1, le=65535)]
SANDBOX_UID, SANDBOX_GID = 1000, 100
"""jovyan:users, as in the Jupyter container images."""
HOME = "/home/jovyan"


class NetworkMode(StrEnum):
    """What of the network a workload has."""

    ISOLATED = "isolated"
    """A namespace of its own through pasta: the forwarded ports and the internet."""
    SHARED = "shared"
    """The machine's."""


class SandboxOptions(Model):
    """What the administrator set about workloads on this machine (``settings.local``)."""

    sandbox: Literal["auto", "off"] = "auto"
    network: Literal["auto", "pasta", "shared"] = "auto"
    workload_uid: int = Field(default=1000, ge=1)
    """The uid of workloads where the platform runs as root; otherwise they have the platform's own."""
    host_path_roots: tuple[Path, ...] = ()
    """Folders under which volumes of kind hostPath may be."""
    base_python: Path | None = None


class Bind(Model):
    """A file or folder of the machine, seen in the sandbox at ``path``."""

    source: str
    path: str
    read_only: bool = True
    device: bool = False
    """Whether device files under it may be opened."""


class GivenFile(Model):
    """A file that the workload is given, copied into its folder when it starts."""

    name: str
    text: str = ""
    source: str | None = None
    """A file of the machine that the platform can read; ``text`` is what it holds where there is none."""


class Link(Model):
    """A symbolic link at ``path``."""

    path: str
    target: str


class Tmpfs(Model):
    """A folder in memory, which counts as the workload's memory."""

    path: str
    size: int | None = None
    """bytes; null is the kernel's default"""
    mode: int = 0o1777


class Limits(Model):
    """What a workload may take. Null is no limit."""

    cpu: int | None = Field(default=None, gt=0, description="millicores")
    cpu_share: int | None = Field(
        default=None, gt=0, description="millicores; its part where all want more than there is"
    )
    memory: int | None = Field(default=None, gt=0, description="bytes")
    pids: int = Field(default=4096, gt=0)


class SandboxSpec(Model):
    """All that is needed to run one workload. Holds its environment, so it is written for its owner alone (0600)."""

    key: Key
    argv: tuple[str, ...] = Field(min_length=1)
    env: dict[str, str] = Field(default_factory=dict)
    masked: tuple[str, ...] = ()
    """Names of variables whose values are masked in the output."""
    cwd: str = HOME
    hostname: str = "primehub"
    sandboxed: bool = True
    binds: tuple[Bind, ...] = ()
    system_links: tuple[Link, ...] = ()
    """Links that are there from the start, /bin for one."""
    links: tuple[Link, ...] = ()
    """Links that the workload's runner makes in folders of its own."""
    files: tuple[GivenFile, ...] = ()
    """In the folder that one of the binds shows at ``/opt/primehub``."""
    profiles: tuple[str, ...] = ()
    """Scripts, as seen inside, that set variables for the workload, in order; those that are not there are passed over."""
    tmpfs: tuple[Tmpfs, ...] = ()
    limits: Limits = Field(default_factory=Limits)
    gpu_indices: tuple[int, ...] = ()
    network: NetworkMode = NetworkMode.ISOLATED
    forward_in: Port | None = None
    """Port on which the workload listens, reached at the same port of the machine's 127.0.0.1."""
    forward_out: tuple[Port, ...] = ()
    """Ports of the machine's 127.0.0.1 that the workload reaches at its own."""
    uid: int = Field(ge=1)
    gid: int = Field(ge=1)
    """Of the machine, not as seen inside."""
    log_cap: int = Field(default=16 * 1024**2, ge=8192)
    """bytes of output kept: the first half and the last"""
    grace_s: float = Field(default=30, ge=0)
    """From the request to stop until the kill, where the request names no time."""
    labels: dict[str, str] = Field(default_factory=dict)


class Rendered(Model):
    """A spec, and what of the plan it leaves out."""

    spec: SandboxSpec
    left_out: tuple[LeftOut, ...] = ()
    warnings: tuple[str, ...] = ()


class WorkloadState(StrEnum):
    """Where a workload is."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    EXITED = "exited"


class Usage(Model):
    """What a workload takes, as last sampled."""

    at: Timestamp
    cpu_seconds: float
    """since its start"""
    cpu: int
    """millicores, since the sample before"""
    memory: int
    """bytes"""


class WorkloadStatus(Model):
    """What is known of a workload. Kept after its end until it is removed."""

    key: str
    state: WorkloadState
    code: int | None = None
    """Exit code once it ended; 128 + signal where a signal ended it; null where it was lost."""
    reason: str = ""
    """Why it ended: ``Completed``, ``Error``, ``OOMKilled``, ``Stopped``, ``Killed`` (did not stop in its grace
    period), ``StartError``, ``Lost`` (its supervisor was killed or the machine restarted)."""
    message: str = ""
    started_at: Timestamp | None = None
    ended_at: Timestamp | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    network: NetworkMode = NetworkMode.ISOLATED
    sandboxed: bool = True
    forward_in: int | None = None
    limited_by: Literal["cgroup", "watchdog", ""] = ""
    oom_kills: int = 0
    """Processes in it that the kernel ended for memory (a kernel of a notebook, say)."""
    usage: Usage | None = None

    @property
    def alive(self) -> bool:
        """Whether it may still have processes."""
        return self.state is not WorkloadState.EXITED


class LogChunk(Model):
    """A piece of a log. Offsets count every byte ever written, also those no longer kept."""

    data: bytes
    start: int
    next_offset: int
    size: int
    """bytes written so far"""
