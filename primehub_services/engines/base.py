"""The interface of engines. Each sentence here has a test in tests/contract/engines that every engine passes."""

from __future__ import annotations

import abc
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from primehub_services.domain.images import EnvironmentSource
from primehub_services.domain.volumes import GitSource
from primehub_services.domain.workloads import (
    EngineCapacity,
    EngineRef,
    FileLimits,
    LogPiece,
    Observation,
    OwnedWorkload,
    UsageSample,
    WorkFile,
    WorkListing,
    Workload,
)

Progress = Callable[[int, str], None]


class EngineError(Exception):
    """The engine refuses. The text is a sentence for people, with what to do.

    ``final``: whether it would again, for what is asked; None where it does not know.
    """

    def __init__(self, message: str, *, code: str = "failed", final: bool | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.final = final


class EngineUnavailable(Exception):
    """The engine cannot be asked just now. Nothing may be concluded from that."""


class BuildFailed(Exception):
    """An image cannot be made. The text is a sentence for who asked for it."""

    def __init__(self, message: str, *, code: str = "failed") -> None:
        super().__init__(message)
        self.code = code


class Engine(abc.ABC):
    """Runs workloads. Every method may raise ``EngineUnavailable``."""

    name: str
    image_sources: frozenset[str]
    """Types of ``Image.source`` that it can run."""

    @abc.abstractmethod
    def apply(self, workload: Workload) -> AsyncIterator[EngineRef]:
        """Makes the workload so, and yields each reference as soon as it exists, to be committed at once.

        Idempotent by the workload's key: one that runs, or ran, is not started again, and the same references are
        yielded. Returns without waiting until it is ready. Raises ``EngineError`` where it cannot run, or not yet.
        """

    @abc.abstractmethod
    async def observe(self, refs: Collection[EngineRef]) -> Mapping[str, Observation]:
        """What is seen of each, by key. Every asked key is answered: ABSENT where there is none, UNKNOWN where the
        engine cannot tell."""

    @abc.abstractmethod
    async def delete(self, ref: EngineRef, grace: float) -> None:
        """Asks a running workload to end within ``grace`` seconds; drops an ended one. Absence is success.

        Returns at once: completion is seen through ``observe``.
        """

    @abc.abstractmethod
    async def list_owned(self) -> Sequence[OwnedWorkload]:
        """Everything that bears our mark, ended and not dropped included: the sweep for orphans."""

    @abc.abstractmethod
    def changes(self) -> AsyncIterator[str]:
        """Keys of workloads whose observation may have changed. Hints: correctness never rests on them."""


class LogStreamer(abc.ABC):
    """Has the output of its workloads."""

    @abc.abstractmethod
    async def read_log(self, ref: EngineRef, offset: int, limit: int) -> LogPiece:
        """About ``limit`` bytes at the most, from ``offset`` (negative: from the end); empty where there is no more."""


class UsageSampler(abc.ABC):
    """Knows what its workloads take."""

    @abc.abstractmethod
    async def usage(self, refs: Collection[EngineRef]) -> Mapping[str, UsageSample]:
        """The latest samples by key, of one that has ended its last; a workload without one is left out."""


class FileSink(Protocol):
    """Takes copies of files. Called in a thread; what it raises ends the copying."""

    def take(self, file: WorkFile, pieces: Iterable[bytes]) -> None:
        """One file. ``file.size`` is what it had when it was opened; the pieces may be fewer, never more."""


class WorkFiles(abc.ABC):
    """Has the files of its workloads' scratch home, from the start until the workload is dropped.

    A ``folder`` and ``path`` are relative to that home. Nothing outside it is ever read, whatever the workload makes of
    its folders meanwhile: no link is followed that leads out, and nothing but regular files of its own is opened. A
    workload with somebody's home folder has no scratch home, and none of its files are seen.
    """

    @abc.abstractmethod
    async def list_files(self, ref: EngineRef, folder: str) -> WorkListing:
        """All below the folder; empty where there is none."""

    @abc.abstractmethod
    async def read_file(self, ref: EngineRef, path: str, offset: int, limit: int) -> bytes | None:
        """At most ``limit`` bytes from ``offset`` on; None where there is no such file to read."""

    @abc.abstractmethod
    async def copy_out(self, ref: EngineRef, folder: str, sink: FileSink, limits: FileLimits) -> WorkListing:
        """Gives the files below the folder to ``sink`` within the limits; returns which, and what was not taken.

        A file that does not fit is left out whole, and smaller ones after it are taken.
        """


class ImageBuilder(abc.ABC):
    """Makes images."""

    @abc.abstractmethod
    async def build(
        self,
        slug: str,
        source: EnvironmentSource,
        *,
        revision: str,
        progress: Progress,
        log: Path,
        trusted: bool = False,
    ) -> str:
        """Makes the image, or finds it made, and returns its location. Cancelling the task ends the build.

        ``revision`` makes a rebuild another image. Appends all output to ``log``. ``trusted``: a platform
        admin asked for it, so that it may be made without protection from it where there is none. Raises
        ``BuildFailed``.
        """

    @abc.abstractmethod
    async def has_image(self, location: str) -> bool:
        """Whether all that ``build`` made is there; False for what is elsewhere than this engine makes images."""

    @abc.abstractmethod
    async def images(self) -> Collection[str]:
        """Locations of all that ``build`` made, or left where it was cut off: as ``remove_image`` takes them.

        What was only given, and what somebody else put there, is not among them.
        """

    @abc.abstractmethod
    async def remove_image(self, location: str) -> None:
        """Deletes what ``build`` made there. Absence is success; what was only given stays, and what is being built."""


class VolumeFailed(Exception):
    """A volume's content cannot be had just now. The text is a sentence for the administrators."""


class VolumeProvisioner(abc.ABC):
    """Makes the folders of volumes that the platform keeps itself."""

    @abc.abstractmethod
    async def provision(self, slug: str) -> None:
        """Makes the volume; one that is there stays as it is. Raises ``EngineError``."""

    @abc.abstractmethod
    async def fetch(self, slug: str, source: GitSource, secret: str | None) -> str:
        """Makes the volume show the newest commit of ``source``, also in workloads that run, and returns its id.

        ``secret``: an SSH private key, or a token for https. Never shows a part of a commit; where it fails, the volume
        shows what it did before. Cancelling the task ends it. Raises ``VolumeFailed``.
        """


class Capacity(abc.ABC):
    """Knows how much it has in all."""

    @abc.abstractmethod
    async def capacity(self) -> EngineCapacity:
        """What workloads may request in all."""


CAPABILITIES: tuple[type, ...] = (LogStreamer, UsageSampler, WorkFiles, ImageBuilder, VolumeProvisioner, Capacity)


def capabilities(engine: Engine) -> tuple[str, ...]:
    """The names of what an engine can do beside running workloads."""
    return tuple(capability.__name__ for capability in CAPABILITIES if isinstance(engine, capability))
