"""The Engine over ``sandbox.Workloads``: everything blocking in a thread, every state from disk."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from pathlib import Path

from primehub_services.domain.images import EnvironmentSource
from primehub_services.domain.volumes import GitSource
from primehub_services.domain.workloads import (
    EngineCapacity,
    EngineRef,
    FileLimits,
    LogPiece,
    Observation,
    ObservedState,
    OwnedWorkload,
    UsageSample,
    WorkListing,
    Workload,
)
from primehub_services.sandbox import environments, repositories
from primehub_services.sandbox.errors import WorkloadError
from primehub_services.sandbox.layout import make_folder, workload_identity
from primehub_services.sandbox.spec import WorkloadState, WorkloadStatus
from primehub_services.sandbox.workloads import Workloads

from ..base import (
    BuildFailed,
    Capacity,
    Engine,
    EngineError,
    FileSink,
    ImageBuilder,
    LogStreamer,
    Progress,
    UsageSampler,
    VolumeFailed,
    VolumeProvisioner,
    WorkFiles,
)
from . import machine
from .ends import EndWatcher

LOOK_S = 1.0
_OWN = frozenset({environments.KIND, repositories.KIND})
"""Kinds of workloads that no other part of the platform has asked for."""
_STATES = {
    WorkloadState.STARTING: ObservedState.PENDING,
    WorkloadState.RUNNING: ObservedState.RUNNING,
    WorkloadState.STOPPING: ObservedState.TERMINATING,
    WorkloadState.EXITED: ObservedState.EXITED,
}


class LocalEngine(Engine, LogStreamer, UsageSampler, WorkFiles, ImageBuilder, VolumeProvisioner, Capacity):
    """This machine.

    ``forward_out``: ports of this machine's loopback that workloads may reach (the hub's and the API's).
    ``allow_unsandboxed``: whether workloads start where no sandbox can run. ``capacity_cpu`` (cores) and
    ``capacity_memory`` (bytes) stand for what is measured where they are set. ``known_hosts``: lines of OpenSSH's file,
    for the servers of repositories.
    """

    name = "local"
    image_sources = frozenset({"environment"})

    def __init__(
        self,
        workloads: Workloads,
        *,
        forward_out: tuple[int, ...] = (),
        allow_unsandboxed: bool = False,
        capacity_cpu: float | None = None,
        capacity_memory: int | None = None,
        known_hosts: Sequence[str] = (),
    ) -> None:
        self._workloads = workloads
        self._forward_out = forward_out
        self._allow_unsandboxed = allow_unsandboxed
        self._capacity = (capacity_cpu, capacity_memory)
        self._builder = environments.EnvironmentBuilder(workloads)
        self._watchers: set[EndWatcher] = set()
        self._repositories = repositories.Repositories(workloads, known_hosts=known_hosts)

    async def apply(self, workload: Workload) -> AsyncIterator[EngineRef]:
        """See ``Engine``."""
        # a process has no name but its key, which exists before it does
        yield _ref(workload.key)
        try:
            await asyncio.to_thread(self._start, workload)
        except WorkloadError as error:
            raise EngineError(str(error), code=error.code) from error
        for watcher in self._watchers:
            watcher.watch(workload.key)

    def _start(self, workload: Workload) -> None:
        rendered = self._workloads.render(
            workload.plan,
            argv=workload.argv,
            env=workload.environment,
            files=workload.files,
            port=workload.port,
            forward_out=self._forward_out,
            grace_s=workload.grace,
            masked=workload.masked,
            allow_unsandboxed=self._allow_unsandboxed,
        )
        self._workloads.start(rendered.spec)

    async def observe(self, refs: Collection[EngineRef]) -> Mapping[str, Observation]:
        """See ``Engine``."""
        return await asyncio.to_thread(lambda: {ref.key: self._observe(ref.key) for ref in refs})

    def _observe(self, key: str) -> Observation:
        try:
            return observation(self._workloads.status(key))
        except (WorkloadError, OSError) as error:
            return Observation(state=ObservedState.UNKNOWN, message=str(error))

    async def delete(self, ref: EngineRef, grace: float) -> None:
        """See ``Engine``."""
        await asyncio.to_thread(self._delete, ref.key, grace)

    def _delete(self, key: str, grace: float) -> None:
        try:
            status = self._workloads.status(key)
            if status is None:
                return
            if status.alive:
                self._workloads.stop(key, grace)
            else:
                self._workloads.remove(key)
        except WorkloadError as error:
            raise EngineError(str(error), code=error.code) from error

    async def list_owned(self) -> Sequence[OwnedWorkload]:
        """See ``Engine``. Builds of images and fetches of repositories are not among them."""
        statuses = await asyncio.to_thread(self._workloads.list_)
        return [
            OwnedWorkload(ref=_ref(status.key), labels=status.labels, observation=observation(status))
            for status in statuses
            if status.labels.get("primehub.io/kind") not in _OWN
        ]

    async def changes(self) -> AsyncIterator[str]:
        """See ``Engine``. Ends are heard of at once, all else is found by looking."""
        heard: asyncio.Queue[str] = asyncio.Queue()
        watcher = EndWatcher(self._workloads.layout.workloads, heard.put_nowait)
        self._watchers.add(watcher)
        seen: dict[str, WorkloadState] = {}
        try:
            while True:
                found = await asyncio.to_thread(self._workloads.list_)
                now = {status.key: status.state for status in found}
                for key in seen.keys() | now.keys():
                    if seen.get(key) != now.get(key):
                        heard.put_nowait(key)
                seen = now
                for status in found:
                    if status.state in (WorkloadState.RUNNING, WorkloadState.STOPPING):
                        watcher.watch(status.key)
                until = asyncio.get_running_loop().time() + LOOK_S
                while (left := until - asyncio.get_running_loop().time()) > 0:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(left):
                            key = await heard.get()
                        yield key
        finally:
            self._watchers.discard(watcher)
            watcher.close()

    async def read_log(self, ref: EngineRef, offset: int, limit: int) -> LogPiece:
        """See ``LogStreamer``."""
        chunk = await asyncio.to_thread(self._workloads.read_log, ref.key, offset, limit)
        return LogPiece(data=chunk.data, start=chunk.start, next_offset=chunk.next_offset, size=chunk.size)

    async def usage(self, refs: Collection[EngineRef]) -> Mapping[str, UsageSample]:
        """See ``UsageSampler``. Supervisors sample every ten seconds."""
        return await asyncio.to_thread(self._usage, [ref.key for ref in refs])

    def _usage(self, keys: list[str]) -> dict[str, UsageSample]:
        samples = {}
        for key in keys:
            status = self._workloads.status(key)
            if status is not None and status.usage is not None:
                samples[key] = UsageSample.model_validate(status.usage.model_dump())
        return samples | self._with_gpus(samples)

    def _with_gpus(self, samples: Mapping[str, UsageSample]) -> dict[str, UsageSample]:
        """The samples of workloads that have GPUs and run, with what these do just now."""
        having = {key: indices for key in samples if (indices := self._workloads.gpus(key))}
        gpus = {gpu.index: gpu for gpu in machine.gpu_usage()} if having else {}
        return {
            key: samples[key].model_copy(update={"gpus": tuple(gpus[index] for index in indices if index in gpus)})
            for key, indices in having.items()
        }

    async def list_files(self, ref: EngineRef, folder: str) -> WorkListing:
        """See ``WorkFiles``."""
        files = self._workloads.files(ref.key)
        return WorkListing() if files is None else await asyncio.to_thread(files.list_, folder)

    async def read_file(self, ref: EngineRef, path: str, offset: int, limit: int) -> bytes | None:
        """See ``WorkFiles``."""
        files = self._workloads.files(ref.key)
        return None if files is None else await asyncio.to_thread(files.read, path, offset, limit)

    async def copy_out(self, ref: EngineRef, folder: str, sink: FileSink, limits: FileLimits) -> WorkListing:
        """See ``WorkFiles``."""
        files = self._workloads.files(ref.key)
        return WorkListing() if files is None else await asyncio.to_thread(files.copy_out, folder, sink, limits)

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
        """See ``ImageBuilder``. ``progress`` is called on the loop."""
        loop = asyncio.get_running_loop()
        cancelled = threading.Event()

        def tell(percent: int, sentence: str) -> None:
            loop.call_soon_threadsafe(progress, percent, sentence)

        def work() -> str:
            try:
                with log.open("ab", buffering=0) as file:
                    return self._builder.build(
                        slug,
                        source,
                        revision=revision,
                        progress=tell,
                        output=file.write,
                        cancelled=cancelled.is_set,
                        allow_unsandboxed=trusted or self._allow_unsandboxed,
                    )
            except environments.BuildFailed as error:
                raise BuildFailed(str(error), code=error.code) from error
            except OSError as error:
                msg = f"{error.filename}: {error.strerror}"
                raise BuildFailed(msg, code="folder") from error

        return await _cancellable(work, cancelled, BuildFailed)

    async def has_image(self, location: str) -> bool:
        """See ``ImageBuilder``."""
        return await asyncio.to_thread(self._builder.has, location)

    async def images(self) -> Collection[str]:
        """See ``ImageBuilder``. Caches of pip that no environment has a use for are among them."""
        return await asyncio.to_thread(self._builder.made)

    async def remove_image(self, location: str) -> None:
        """See ``ImageBuilder``."""
        await asyncio.to_thread(self._builder.remove, location)

    async def provision(self, slug: str) -> None:
        """See ``VolumeProvisioner``."""
        owner = workload_identity(self._workloads.options.workload_uid)
        try:
            await asyncio.to_thread(make_folder, self._workloads.layout.volume(slug), owner=owner)
        except WorkloadError as error:
            raise EngineError(str(error), code=error.code) from error

    async def fetch(self, slug: str, source: GitSource, secret: str | None) -> str:
        """See ``VolumeProvisioner``."""
        cancelled = threading.Event()

        def work() -> str:
            try:
                return self._repositories.fetch(slug, source, secret=secret, cancelled=cancelled.is_set)
            except repositories.FetchFailed as error:
                raise VolumeFailed(str(error)) from error

        return await _cancellable(work, cancelled, VolumeFailed)

    async def capacity(self) -> EngineCapacity:
        """See ``Capacity``."""
        return await asyncio.to_thread(machine.measure, *self._capacity)


async def _cancellable(work: Callable[[], str], cancelled: threading.Event, failure: type[Exception]) -> str:
    """The result of ``work``, done in a thread; where the task is cancelled, its end is waited for."""
    task = asyncio.create_task(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        cancelled.set()
        with contextlib.suppress(failure):
            await task
        raise


def _ref(key: str) -> EngineRef:
    return EngineRef(engine=LocalEngine.name, kind="process", key=key, name=key)


def observation(status: WorkloadStatus | None) -> Observation:
    """A status in an engine's words."""
    if status is None:
        return Observation(state=ObservedState.ABSENT)
    return Observation(
        state=_STATES[status.state],
        code=status.code,
        reason=status.reason,
        message=status.message,
        started_at=status.started_at,
        ended_at=status.ended_at,
    )
