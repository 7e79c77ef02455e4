"""What controllers need of the world, as narrow as they need it. ``app`` puts the real parts behind these."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..domain.workloads import FileLimits, UsageSample, WorkFile, WorkListing
from ..engines.base import EngineUnavailable
from ..hub import HubRefusal, HubServer, HubUnavailable


class HubPort(Protocol):
    """JupyterHub, as ``hub.HubClient`` is. Methods raise ``HubUnavailable`` and ``HubRefusal``.

    Asking for what is already so is success.
    """

    async def servers(self) -> Sequence[HubServer]:
        """Every server that runs, starts or stops."""

    async def servers_of(self, user: str) -> Sequence[str]:
        """The names of one person's servers that run, start or stop."""

    async def stop_server(self, user: str, name: str) -> bool:
        """Stop a server; True once it is gone."""

    async def people(self) -> Collection[str]:
        """Every name that the hub knows."""

    async def ensure_users(self, names: Sequence[str]) -> None:
        """Make the users that are not there."""

    async def delete_user(self, name: str) -> None:
        """Delete the user, with sessions, tokens and servers."""

    async def revoke_tokens(self, user: str) -> int:
        """Revoke every token of the user."""

    async def groups(self) -> Mapping[str, Collection[str]]:
        """Every group and who is in it."""

    async def create_group(self, name: str) -> None:
        """Make the group, unless it is there."""

    async def delete_group(self, name: str) -> None:
        """Delete the group."""

    async def add_to_group(self, name: str, users: Sequence[str]) -> None:
        """Put users into the group."""

    async def remove_from_group(self, name: str, users: Sequence[str]) -> None:
        """Take users out of the group."""


@dataclass(frozen=True, slots=True)
class WorkloadState:
    """A workload of a start as the engine sees it."""

    running: bool
    """Whether any of its processes may still be there."""
    exit_code: int | None = None
    reason: str = ""
    """``Completed``, ``OOMKilled``, ``Stopped``, ..."""
    lost: bool = False
    """Not running any more as far as anybody knows, but where it ran does not answer: there is nothing to be read or
    dropped until that comes back."""


class WorkloadPort(Protocol):
    """The engine's notebook workloads, by start id. Methods raise ``EngineUnavailable``; absence is success."""

    async def list_owned(self) -> Mapping[str, WorkloadState]:
        """Every notebook workload that bears our mark, ended ones too."""

    async def stop(self, start_id: str) -> None:
        """Ask it to end; its end is seen in ``list_owned``."""

    async def log(self, start_id: str) -> Iterable[tuple[int, bytes]] | None:
        """The whole log of an ended workload as far as it is kept, in pieces that are read when they are asked for, each
        with its offset. None where the store has it: it was kept while it grew, and is complete now."""

    async def remove(self, start_id: str) -> None:
        """Drop what is left of an ended workload."""


class FileSink(Protocol):
    """Takes copies of files."""

    def take(self, file: WorkFile, pieces: Iterable[bytes]) -> None:
        """One file."""


class ResultsPort(Protocol):
    """What the engine knows of jobs' workloads, by key, until they are dropped. Methods raise ``EngineUnavailable``."""

    async def log(self, workload: str) -> Iterable[tuple[int, bytes]]:
        """The whole log as far as it is kept, in pieces that are read when they are asked for, each with its offset."""

    async def copy_out(self, workload: str, folder: str, sink: FileSink, limits: FileLimits) -> WorkListing:
        """Gives the files of a folder of the scratch home to ``sink``; what that raises is raised."""

    async def usage(self, workloads: Collection[str]) -> Mapping[str, UsageSample]:
        """The latest samples by key; one without is left out."""


__all__ = [
    "EngineUnavailable",
    "FileSink",
    "HubPort",
    "HubRefusal",
    "HubServer",
    "HubUnavailable",
    "ResultsPort",
    "WorkloadPort",
    "WorkloadState",
]
