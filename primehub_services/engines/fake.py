"""An engine in memory, for tests: deterministic, its time is the test's. A fault is a subclass of ten lines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from primehub_services.domain.workloads import (
    EngineCapacity,
    EngineRef,
    FileLimits,
    LogPiece,
    NotTaken,
    Observation,
    ObservedState,
    OwnedWorkload,
    UsageSample,
    WorkFile,
    WorkListing,
    Workload,
)

from .base import Capacity, Engine, FileSink, LogStreamer, UsageSampler, WorkFiles


@dataclass(slots=True)
class FakeWorkload:
    """What the fake knows of one workload."""

    workload: Workload
    applied_at: datetime
    log: bytes = b""
    files: dict[str, bytes] = field(default_factory=dict)
    """Of its scratch home."""
    stop_at: datetime | None = None
    """When it ends for having been asked to; null while it was not."""
    stop_code: int = 143
    ended: Observation | None = None


class FakeEngine(Engine, LogStreamer, UsageSampler, WorkFiles, Capacity):
    """Workloads are RUNNING ``start_delay`` after they were applied, and go on until ``finish`` or ``delete``.

    ``clock`` is asked for the time and never advanced here. ``ignoring`` are keys that ignore SIGTERM.
    """

    name = "fake"
    image_sources = frozenset({"environment", "container"})

    def __init__(
        self,
        clock: Callable[[], datetime],
        *,
        start_delay: timedelta = timedelta(seconds=1),
        capacity: EngineCapacity | None = None,
    ) -> None:
        self.clock = clock
        self.start_delay = start_delay
        self.ignoring: set[str] = set()
        self.workloads: dict[str, FakeWorkload] = {}
        self._capacity = capacity or EngineCapacity(cpu=16_000, memory=64 * 1024**3)
        self._hints: asyncio.Queue[str] = asyncio.Queue()

    async def apply(self, workload: Workload) -> AsyncIterator[EngineRef]:
        """See ``Engine``."""
        if workload.key not in self.workloads:
            self.workloads[workload.key] = FakeWorkload(workload, self.clock())
            self._hints.put_nowait(workload.key)
        yield self.ref(workload.key)

    async def observe(self, refs: Collection[EngineRef]) -> Mapping[str, Observation]:
        """See ``Engine``."""
        return {ref.key: self._observe(ref.key) for ref in refs}

    async def delete(self, ref: EngineRef, grace: float) -> None:
        """See ``Engine``. A workload that does not ignore SIGTERM ends at once."""
        known = self.workloads.get(ref.key)
        if known is None:
            return
        if self._observe(ref.key).state is ObservedState.EXITED:
            del self.workloads[ref.key]
        else:
            ignores = ref.key in self.ignoring
            at = self.clock() + timedelta(seconds=grace if ignores else 0)
            known.stop_at = at if known.stop_at is None else min(known.stop_at, at)
            known.stop_code = 137 if ignores else 143
        self._hints.put_nowait(ref.key)

    async def list_owned(self) -> Sequence[OwnedWorkload]:
        """See ``Engine``."""
        return [
            OwnedWorkload(ref=self.ref(key), labels=known.workload.plan.labels, observation=self._observe(key))
            for key, known in self.workloads.items()
        ]

    async def changes(self) -> AsyncIterator[str]:
        """See ``Engine``."""
        while True:
            yield await self._hints.get()

    async def read_log(self, ref: EngineRef, offset: int, limit: int) -> LogPiece:
        """See ``LogStreamer``."""
        known = self.workloads.get(ref.key)
        log = known.log if known else b""
        start = max(0, len(log) + offset) if offset < 0 else min(offset, len(log))
        data = log[start : start + limit]
        return LogPiece(data=data, start=start, next_offset=start + len(data), size=len(log))

    async def usage(self, refs: Collection[EngineRef]) -> Mapping[str, UsageSample]:
        """See ``UsageSampler``. Each takes half of its limits."""
        samples = {}
        for ref in refs:
            if self._observe(ref.key).state is ObservedState.RUNNING:
                known = self.workloads[ref.key]
                cpu = known.workload.plan.limits.cpu // 2
                seconds = (self.clock() - known.applied_at).total_seconds() * cpu / 1000
                memory = known.workload.plan.limits.memory // 2
                samples[ref.key] = UsageSample(at=self.clock(), cpu=cpu, memory=memory, cpu_seconds=seconds)
        return samples

    async def list_files(self, ref: EngineRef, folder: str) -> WorkListing:
        """See ``WorkFiles``."""
        return WorkListing(files=tuple(file for file, _ in self._below(ref, folder)))

    async def read_file(self, ref: EngineRef, path: str, offset: int, limit: int) -> bytes | None:
        """See ``WorkFiles``."""
        known = self.workloads.get(ref.key)
        data = known.files.get(path) if known else None
        return None if data is None else data[offset : offset + limit]

    async def copy_out(self, ref: EngineRef, folder: str, sink: FileSink, limits: FileLimits) -> WorkListing:
        """See ``WorkFiles``."""
        taken: list[WorkFile] = []
        left_out: list[NotTaken] = []
        for file, data in self._below(ref, folder):
            if len(taken) >= limits.files or sum(f.size for f in taken) + file.size > limits.size:
                left_out.append(NotTaken(path=file.path, reason="there is no room for it"))
            else:
                sink.take(file, [data])
                taken.append(file)
        return WorkListing(files=tuple(taken), left_out=tuple(left_out), left_out_count=len(left_out))

    def _below(self, ref: EngineRef, folder: str) -> list[tuple[WorkFile, bytes]]:
        known = self.workloads.get(ref.key)
        found = sorted(known.files.items()) if known else []
        return [
            (WorkFile(path=path.removeprefix(f"{folder}/"), size=len(data), modified_at=self.clock()), data)
            for path, data in found
            if path.startswith(f"{folder}/")
        ]

    async def capacity(self) -> EngineCapacity:
        """See ``Capacity``."""
        return self._capacity

    # -- what a test does to workloads

    def ref(self, key: str) -> EngineRef:
        """The reference of a workload."""
        return EngineRef(engine=self.name, kind="fake", key=key, name=key)

    def finish(self, key: str, code: int = 0, reason: str = "") -> None:
        """The workload ends by itself."""
        known = self.workloads[key]
        reason = reason or ("Completed" if code == 0 else "Error")
        known.ended = self._ended(known, code, reason, self.clock())
        self._hints.put_nowait(key)

    def write(self, key: str, data: bytes) -> None:
        """The workload prints something."""
        self.workloads[key].log += data

    def leave(self, key: str, path: str, data: bytes) -> None:
        """The workload writes a file into its scratch home."""
        self.workloads[key].files[path] = data

    def vanish(self, key: str) -> None:
        """The workload is gone without a trace, as with a node that was lost."""
        del self.workloads[key]
        self._hints.put_nowait(key)

    def _observe(self, key: str) -> Observation:
        known = self.workloads.get(key)
        if known is None:
            return Observation(state=ObservedState.ABSENT)
        now = self.clock()
        if known.ended is not None:
            return known.ended
        if known.stop_at is not None and now >= known.stop_at:
            reason = "Killed" if known.stop_code == 137 else "Stopped"
            known.ended = self._ended(known, known.stop_code, reason, known.stop_at)
            return known.ended
        began = known.applied_at + self.start_delay
        if known.stop_at is not None:
            return Observation(state=ObservedState.TERMINATING, started_at=began if now >= began else None)
        if self.start_delay and now < began:
            return Observation(state=ObservedState.PENDING)
        return Observation(state=ObservedState.RUNNING, started_at=began)

    def _ended(self, known: FakeWorkload, code: int, reason: str, at: datetime) -> Observation:
        began = known.applied_at + self.start_delay
        return Observation(
            state=ObservedState.EXITED,
            code=code,
            reason=reason,
            started_at=began if at >= began else None,
            ended_at=at,
        )
