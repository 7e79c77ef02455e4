"""What the conformance suite needs of an engine: a rig makes workloads that behave, and lets time pass.

To put another engine through the suite, write a rig and add it to ``RIGS``.
"""

from __future__ import annotations

import abc
import json
import shlex
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from primehub_services.domain.images import ContainerSource
from primehub_services.domain.launch import LaunchPlan, WorkloadKind
from primehub_services.domain.resources import Resources
from primehub_services.domain.units import MIB, Bytes, Millicores
from primehub_services.domain.workloads import EngineRef, Observation, ObservedState, Workload
from primehub_services.engines.base import Engine
from primehub_services.engines.fake import FakeEngine
from primehub_services.engines.local import LocalEngine
from primehub_services.sandbox.workloads import Workloads
from primehub_services.store.database import Database
from tests.support.kube_engine import OnCluster, on_cluster
from tests.support.sandbox import make_plan, public_folder
from tests.support.waiting import wait_for_async


class Rig(abc.ABC):
    """One engine, empty."""

    engine: Engine
    prefix = "/opt/environment"

    def workload(self, key: str, script: str) -> Workload:
        """A workload that runs ``script`` in sh."""
        return Workload(plan=make_plan(key, prefix=self.prefix), argv=("/bin/sh", "-c", script), grace=30)

    @abc.abstractmethod
    def runs(self, key: str) -> Workload:
        """One that runs until it is asked to end, and then ends at once."""

    @abc.abstractmethod
    def ignores(self, key: str) -> Workload:
        """One that runs and ignores being asked to end."""

    @abc.abstractmethod
    def exits(self, key: str, code: int, output: str = "") -> Workload:
        """One that prints ``output`` and ends with ``code``."""

    @abc.abstractmethod
    def leaves(self, key: str, files: Mapping[str, str]) -> Workload:
        """One with a scratch home that writes these files into it and ends."""

    @abc.abstractmethod
    async def until(self, condition: Callable[[], Awaitable[bool]], what: str) -> None:
        """Lets time pass until ``condition``; fails after a while."""

    async def apply(self, workload: Workload) -> EngineRef:
        """Applies, and returns the last reference."""
        refs = [ref async for ref in self.engine.apply(workload)]
        return refs[-1]

    async def observe(self, ref: EngineRef) -> Observation:
        """What is seen of one workload."""
        return (await self.engine.observe([ref]))[ref.key]

    async def seen(self, ref: EngineRef, *states: ObservedState) -> Observation:
        """The first observation in one of ``states``."""

        async def reached() -> bool:
            return (await self.observe(ref)).state in states

        await self.until(reached, f"{ref.key} is {' or '.join(states)}")
        return await self.observe(ref)


class FakeRig(Rig):
    """The engine in memory; time passes a quarter of a second at a time."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.engine: FakeEngine = FakeEngine(lambda: self.now)
        self._exits: dict[str, tuple[int, str]] = {}
        self._files: dict[str, Mapping[str, str]] = {}

    def runs(self, key: str) -> Workload:
        return self.workload(key, "run")

    def ignores(self, key: str) -> Workload:
        self.engine.ignoring.add(key)
        return self.workload(key, "ignore")

    def exits(self, key: str, code: int, output: str = "") -> Workload:
        self._exits[key] = (code, output)
        return self.workload(key, "exit")

    def leaves(self, key: str, files: Mapping[str, str]) -> Workload:
        self._files[key] = files
        return self.exits(key, 0)

    async def until(self, condition: Callable[[], Awaitable[bool]], what: str) -> None:
        for _ in range(400):
            if await condition():
                return
            self.now += timedelta(seconds=0.25)
            for key, (code, output) in list(self._exits.items()):
                ref = self.engine.ref(key)
                if (await self.observe(ref)).state is ObservedState.RUNNING:
                    self.engine.write(key, output.encode())
                    for path, text in self._files.get(key, {}).items():
                        self.engine.leave(key, path, text.encode())
                    self.engine.finish(key, code)
                    del self._exits[key]
        raise AssertionError(f"not within 100 s: {what}")


class LocalRig(Rig):
    """This machine, with real processes."""

    def __init__(self, workloads: Workloads, prefix: str) -> None:
        self.engine = LocalEngine(workloads, allow_unsandboxed=True)
        self.prefix = prefix

    def runs(self, key: str) -> Workload:
        return self.workload(key, "exec sleep 300")

    def ignores(self, key: str) -> Workload:
        return self.workload(key, "trap '' TERM; while :; do sleep 0.1; done")

    def exits(self, key: str, code: int, output: str = "") -> Workload:
        return self.workload(key, f"printf %s '{output}'; exit {code}")

    def leaves(self, key: str, files: Mapping[str, str]) -> Workload:
        write = "import json, os, sys\nfor path, text in json.loads(sys.argv[1]).items():\n"
        write += " os.makedirs(os.path.dirname(path), exist_ok=True); open(path, 'w').write(text)"
        plan = make_plan(key, prefix=self.prefix, mounts=())
        return Workload(plan=plan, argv=(f"{self.prefix}/bin/python", "-c", write, json.dumps(files)))

    async def until(self, condition: Callable[[], Awaitable[bool]], what: str) -> None:
        await wait_for_async(condition, 30, what=what)


class KubernetesRig(LocalRig):
    """A real cluster: what is a process on a machine is a pod in a namespace of its own."""

    def __init__(self, there: OnCluster) -> None:
        self.engine: Engine = there.engine
        self._image = there.image

    def workload(self, key: str, script: str) -> Workload:
        return Workload(plan=self._plan(key), argv=("/bin/sh", "-c", script), grace=30)

    def ignores(self, key: str) -> Workload:
        # a node that has begun to end a pod does not hear of a shorter time: it is the workload's own that counts
        return super().ignores(key).model_copy(update={"grace": 5})

    def leaves(self, key: str, files: Mapping[str, str]) -> Workload:
        lines = [
            f"mkdir -p $(dirname {shlex.quote(path)}) && printf %s {shlex.quote(text)} >{shlex.quote(path)}"
            for path, text in files.items()
        ]
        plan = self._plan(key, mounts=())
        return Workload(plan=plan, argv=("/bin/sh", "-c", "\n".join(lines)))

    def _plan(self, key: str, **changes: Any) -> LaunchPlan:
        source = ContainerSource(url=self._image)
        # asking for little, so that a small node has room for many
        little = Resources(cpu=Millicores(10), memory=Bytes(16 * MIB))
        given = {"kind": WorkloadKind.JOB, "requests": little, "image_source": source, "image_location": self._image}
        return make_plan(key, **{**given, **changes})

    async def until(self, condition: Callable[[], Awaitable[bool]], what: str) -> None:
        await wait_for_async(condition, 120, what=what)


@asynccontextmanager
async def _fake(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    yield FakeRig()


@asynccontextmanager
async def _local(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    prefix: str = request.getfixturevalue("plain_python")
    with public_folder() as folder:
        workloads = Workloads(folder / "data")
        yield LocalRig(workloads, prefix)
        assert workloads.stop_all(0) == []


@asynccontextmanager
async def _kubernetes(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    folder: Path = request.getfixturevalue("tmp_path")
    shutil.copy(request.getfixturevalue("migrated_sqlite"), folder / "primehub.sqlite")
    database = Database(f"sqlite:///{folder / 'primehub.sqlite'}")
    try:
        async with on_cluster(database, folder) as there:
            yield KubernetesRig(there)
    finally:
        database.close()


RIGS = {"fake": _fake, "local": _local, "kubernetes": _kubernetes}
