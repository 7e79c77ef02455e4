"""Which engine, and how it looks through the narrow ports of controllers and API."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hub_config.settings import Settings, SettingsError

from .api.replies import Part, State
from .blobs import FolderSpool, LiveFiles, LiveLogs, LogChunk
from .controllers import (
    ClaimPort,
    FolderPort,
    NotebookLogPort,
    PullSecretPort,
    WorkloadPort,
    WorkloadState,
)
from .controllers.ports import EngineUnavailable, FileSink, ResultsPort
from .controllers.volumes import VolumePort
from .domain.bootstrap import MachineFacts
from .domain.claims import MachineCapacity
from .domain.images import ContainerSource, EnvironmentSource, ImageSource
from .domain.launch import WorkloadKind
from .domain.resources import Quota
from .domain.units import GIB, Bytes, Millicores, parse_memory
from .domain.volumes import GitSource
from .domain.workloads import EngineCapacity, EngineRef, FileLimits, UsageSample, WorkFile, WorkListing
from .engines.base import EngineError, ImageBuilder, Progress, VolumeFailed
from .operations import bootstrap
from .store.database import Database

if TYPE_CHECKING:
    from .engines.base import Engine
    from .engines.local import LocalEngine
    from .first_sign_in import FirstSignIn
    from .sandbox.workloads import Workloads

ENGINES = ("local", "kubernetes", "fake")
CAPACITY_KEPT = 10.0
"""Seconds for which the machine's size is not measured anew."""
STOCK_NOTEBOOK = "quay.io/jupyter/scipy-notebook:latest"
"""The first image of a cluster whose settings name none."""
UNKNOWN_MACHINE = MachineFacts(cpu=8000, memory=32 * GIB)
"""What the first sizes and quotas are made for where nobody may ask how large a cluster is."""
KIND = "primehub.io/kind"
_PIECE = 1 << 20
_HUGE = EngineCapacity(cpu=1_000_000, memory=1 << 50)


@dataclass(frozen=True, slots=True)
class EngineParts:
    """What the rest of the process needs of an engine."""

    name: str
    engine: Engine
    capacity: Callable[[], Awaitable[MachineCapacity]]
    workloads: WorkloadPort | None
    builder: ImageBuilder | None
    volumes: VolumePort | None
    live_logs: LiveLogs | None
    live_files: LiveFiles | None
    results: ResultsPort | None
    """What jobs leave, while their workloads are there."""
    parts: Callable[[], Awaitable[tuple[Part, ...]]]
    claims: ClaimPort | None = None
    """Where volumes are claims that an operator binds."""
    folders: FolderPort | None = None
    """Where groups' folders are claims, which the cluster may not be able to make."""
    claims_changed: Callable[[Callable[[], None]], None] | None = None
    """Tells who listens, on the event loop, of each claim that changed, and of what the cluster says of one."""
    pull_secrets: PullSecretPort | None = None
    """Where nodes fetch images with secrets of the cluster."""
    notebook_logs: NotebookLogPort | None = None
    """Where the logs of notebooks are gone with their workloads."""
    spool: FolderSpool | None = None
    """Where workloads' sidecars report, if they do."""
    heard: Callable[[str], None] = lambda workload: None
    """Told of a workload of which nothing more comes."""
    namespace: str = ""
    """Of the cluster, where there is one."""
    run: Callable[[], Coroutine[Any, Any, None]] | None = None
    """What has to go on while the engine is used."""


async def engine_parts(name: str, settings: Settings) -> EngineParts:
    """The engine of that name. Raises ``SettingsError`` for one that is not there."""
    if name == "local":
        return _local(settings)
    if name == "kubernetes":
        from .kubernetes_parts import kubernetes_parts

        return await kubernetes_parts(settings)
    if name == "fake":
        return _fake()
    msg = f"engine: there is no {name}; choose from {', '.join(ENGINES)}"
    raise SettingsError(msg)


async def first_start(database: Database, settings: Settings, parts: EngineParts, first: FirstSignIn) -> None:
    """Give an empty store an administrator, where accounts are ours, and something to use."""
    has_admin = settings.accounts.local
    if has_admin:
        await first.prepare()
    capacity = await parts.capacity()
    quota = capacity.quota
    machine = UNKNOWN_MACHINE
    if quota.cpu is not None and quota.memory is not None:
        machine = MachineFacts(cpu=int(quota.cpu), memory=int(quota.memory), gpu=len(capacity.gpu_indices or ()))
    image = _first_image(settings)
    await database.write(bootstrap.first_start, machine, image=image, admin="admin" if has_admin else None)


def _first_image(settings: Settings) -> ImageSource:
    if settings.engine == "kubernetes":
        return ContainerSource(url=settings.kubernetes.notebook_image or STOCK_NOTEBOOK)
    local = settings.local
    if local.base_environment is not None:
        return EnvironmentSource(prefix=str(local.base_environment))
    return EnvironmentSource(base=str(local.base_python or ""), packages=local.base_packages)


def _local(settings: Settings) -> EngineParts:
    from .engines.local import LocalEngine
    from .sandbox.spec import SandboxOptions
    from .sandbox.workloads import Workloads

    local = settings.local
    options = SandboxOptions(
        sandbox=local.sandbox,
        network=local.network,
        workload_uid=local.workload_uid,
        host_path_roots=local.host_path_roots,
        base_python=local.base_python,
    )
    workloads = Workloads(settings.data_dir, options)
    engine = LocalEngine(
        workloads,
        forward_out=tuple(port for port in (settings.hub_port, settings.services_port) if port),
        allow_unsandboxed=local.allow_unsandboxed,
        capacity_cpu=local.capacity_cpu,
        capacity_memory=_memory(local.capacity_memory),
        known_hosts=settings.git.known_hosts,
    )
    return EngineParts(
        name="local",
        engine=engine,
        capacity=_Measured(
            engine.capacity,
            engine.image_sources,
            lambda: not (local.allow_unsandboxed or workloads.sandbox().sandboxed),
        ).get,
        workloads=_LocalWorkloads(engine, workloads),
        builder=engine,
        volumes=_LocalVolumes(engine),
        live_logs=_LocalLogs(workloads),
        live_files=_LocalFiles(workloads),
        results=_LocalResults(engine, workloads),
        parts=lambda: asyncio.to_thread(_sandbox_parts, workloads, local.allow_unsandboxed),
    )


def _memory(text: str | None) -> int | None:
    try:
        return None if text is None else int(parse_memory(text))
    except ValueError as error:
        msg = f"local.capacity_memory: {error}"
        raise SettingsError(msg) from error


def _fake() -> EngineParts:
    from .engines.fake import FakeEngine

    async def capacity() -> EngineCapacity:
        return _HUGE

    async def parts() -> tuple[Part, ...]:
        return (Part(name="engine", status=State.OK, message="Nothing really runs: this is the engine of tests."),)

    sources = frozenset({"environment", "container"})
    return EngineParts(
        name="fake",
        engine=FakeEngine(lambda: datetime.now(UTC)),
        capacity=_Measured(capacity, sources).get,
        workloads=None,
        builder=_FakeBuilder(),
        volumes=_FakeVolumes(),
        live_logs=None,
        live_files=None,
        results=None,
        parts=parts,
    )


class _Measured:
    """The engine's capacity in the ledger's words, measured now and then."""

    def __init__(
        self,
        measure: Callable[[], Awaitable[EngineCapacity]],
        sources: frozenset[str],
        unprotected: Callable[[], bool] = lambda: False,
    ) -> None:
        self._measure = measure
        self._sources = sources
        self._unprotected = unprotected
        self._known: MachineCapacity | None = None
        self._until = 0.0

    async def get(self) -> MachineCapacity:
        now = asyncio.get_running_loop().time()
        if self._known is None or now >= self._until:
            found = await self._measure()
            self._known = MachineCapacity(
                quota=Quota(cpu=Millicores(found.cpu), memory=Bytes(found.memory), gpu=len(found.gpus)),
                gpu_indices=tuple(gpu.index for gpu in found.gpus),
                image_types=self._sources,
                unprotected=await asyncio.to_thread(self._unprotected),
            )
            self._until = now + CAPACITY_KEPT
        return self._known


class _LocalWorkloads:
    """``WorkloadPort`` over the sandboxed processes of this machine: those that spawners started."""

    def __init__(self, engine: LocalEngine, workloads: Workloads) -> None:
        self._engine = engine
        self._workloads = workloads

    async def list_owned(self) -> Mapping[str, WorkloadState]:
        from .domain.workloads import ObservedState

        over = (ObservedState.EXITED, ObservedState.ABSENT)
        try:
            found = await self._engine.list_owned()
        except OSError as error:
            msg = f"the workloads' folder cannot be read: {error.strerror}"
            raise EngineUnavailable(msg) from error
        return {
            owned.ref.key: WorkloadState(
                running=owned.observation.state not in over,
                exit_code=owned.observation.code,
                reason=owned.observation.reason or "",
            )
            for owned in found
            if owned.labels.get(KIND) == WorkloadKind.NOTEBOOK.value
        }

    async def stop(self, start_id: str) -> None:
        # in the time that its spawner gave it
        await self._do(lambda: self._workloads.stop(start_id))

    async def log(self, start_id: str) -> Iterable[tuple[int, bytes]]:
        return self._workloads.log_chunks(start_id)

    async def remove(self, start_id: str) -> None:
        await self._do(lambda: self._workloads.remove(start_id))

    async def _do(self, act: Callable[[], None]) -> None:
        from .sandbox.errors import WorkloadError

        try:
            await asyncio.to_thread(act)
        except (WorkloadError, OSError) as error:
            raise EngineUnavailable(str(error)) from error


class _LocalLogs:
    """``LiveLogs`` over the supervisors' logs. Called in a thread."""

    def __init__(self, workloads: Workloads) -> None:
        self._workloads = workloads

    def read(self, workload: str, offset: int, limit: int) -> LogChunk | None:
        chunk = self._workloads.read_log(workload, offset, limit)
        # looked at afterwards: a workload that is there now was there all the time, and its log not moved away meanwhile
        if self._workloads.status(workload) is None:
            return None
        return LogChunk(data=chunk.data, start=chunk.start, next_offset=chunk.next_offset, size=chunk.size)


class _LocalFiles:
    """``LiveFiles`` over the scratch homes on this machine. Called in a thread."""

    def __init__(self, workloads: Workloads) -> None:
        self._workloads = workloads

    def list_(self, workload: str, folder: str) -> WorkListing | None:
        files = self._workloads.files(workload)
        return None if files is None else files.list_(folder)

    def find(self, workload: str, path: str) -> WorkFile | None:
        files = self._workloads.files(workload)
        return None if files is None else files.find(path)

    def read(self, workload: str, path: str, offset: int, limit: int) -> bytes | None:
        files = self._workloads.files(workload)
        return None if files is None else files.read(path, offset, limit)


class _LocalResults:
    """``ResultsPort`` over the engine's."""

    def __init__(self, engine: LocalEngine, workloads: Workloads) -> None:
        self._engine = engine
        self._workloads = workloads

    async def log(self, workload: str) -> Iterable[tuple[int, bytes]]:
        return self._workloads.log_chunks(workload)

    async def copy_out(self, workload: str, folder: str, sink: FileSink, limits: FileLimits) -> WorkListing:
        return await self._engine.copy_out(_process(workload), folder, sink, limits)

    async def usage(self, workloads: Collection[str]) -> Mapping[str, UsageSample]:
        try:
            return await self._engine.usage([_process(key) for key in workloads])
        except OSError as error:
            msg = f"the workloads' folder cannot be read: {error.strerror}"
            raise EngineUnavailable(msg) from error


def _process(key: str) -> EngineRef:
    return EngineRef(engine="local", kind="process", key=key, name=key)


class _LocalVolumes:
    """``VolumePort`` over the engine's."""

    def __init__(self, engine: LocalEngine) -> None:
        self._engine = engine

    async def provision(self, slug: str) -> None:
        try:
            await self._engine.provision(slug)
        except EngineError as error:
            raise VolumeFailed(str(error)) from error

    async def fetch(self, slug: str, source: GitSource, secret: str | None) -> str:
        return await self._engine.fetch(slug, source, secret)


class _FakeVolumes:
    """Every volume is there at once."""

    async def provision(self, slug: str) -> None:
        return None

    async def fetch(self, slug: str, source: GitSource, secret: str | None) -> str:
        return "0" * 40


class _FakeBuilder(ImageBuilder):
    """Every environment is there at once."""

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
        progress(99, "Pretending")
        return source.prefix or f"/opt/{slug}"

    async def has_image(self, location: str) -> bool:
        return True

    async def images(self) -> Collection[str]:
        return ()

    async def remove_image(self, location: str) -> None:
        return None


def _sandbox_parts(workloads: Workloads, allow_unsandboxed: bool) -> tuple[Part, ...]:
    status = workloads.sandbox()
    sandbox = status.sandbox.model_copy(
        update={"sentence": f"{status.sandbox.sentence} {status.who_may_start(allow_unsandboxed)}".strip()}
    )
    return tuple(
        Part(name=name, status=State.OK if check.ok else State.DEGRADED, message=check.sentence, help=check.fix)
        for name, check in (status.checks | {"sandbox": sandbox}).items()
    )
