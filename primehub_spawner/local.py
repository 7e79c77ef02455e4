"""Notebook servers as sandboxed processes of this machine, which outlive the hub."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlparse

from jupyterhub.spawner import Spawner, SpawnException
from traitlets import Bool, Instance, Integer, List, Unicode, default

import jupyter_primehub_ext
from primehub_services.domain.launch import LaunchPlan
from primehub_services.sandbox.errors import WorkloadError
from primehub_services.sandbox.spec import SandboxOptions, WorkloadStatus
from primehub_services.sandbox.workloads import Workloads

from .base import PrimeHubSpawnerMixin
from .server import KERNELS, LAST_WORDS, LOOK_EVERY, NOTEBOOK_MAIN, answers, disk_full, ended_text

T = TypeVar("T")
# the hub's own threads do other work, and what starts or ends slowly must not keep anybody from looking
STARTS: Executor = ThreadPoolExecutor(8, thread_name_prefix="start-server")
STOPS: Executor = ThreadPoolExecutor(4, thread_name_prefix="stop-server")
LOOKS: Executor = ThreadPoolExecutor(4, thread_name_prefix="look-at-server")
PORT_TRIES = 5
EXTENSION = Path(jupyter_primehub_ext.__file__).parent
_PORT_TAKEN = ("already in use", "EADDRINUSE")


class PrimeHubLocalSpawner(PrimeHubSpawnerMixin, Spawner):
    """One machine: a server is a workload of the sandbox, known by its start id and never by a pid."""

    data_dir = Unicode(help="The data folder.").tag(config=True)
    sandbox = Unicode("auto", help="As settings.local.sandbox.").tag(config=True)
    network = Unicode("auto", help="As settings.local.network.").tag(config=True)
    workload_uid = Integer(1000, help="As settings.local.workload_uid.").tag(config=True)
    allow_unsandboxed = Bool(False, help="As settings.local.allow_unsandboxed.").tag(config=True)
    host_path_roots = List(Unicode(), help="As settings.local.host_path_roots.").tag(config=True)
    # as domain/notebook_pods.py says
    grace = Integer(4, help="Seconds that a server has to save and end, as on a cluster.").tag(config=True)

    workloads = Instance(Workloads)

    @default("workloads")
    def _workloads(self) -> Workloads:
        options = SandboxOptions.model_validate(
            {
                "sandbox": self.sandbox,
                "network": self.network,
                "workload_uid": self.workload_uid,
                "host_path_roots": tuple(self.host_path_roots),
            }
        )
        return Workloads(Path(self.data_dir), options)

    def reserve(self) -> None:
        """The port."""
        self.port = free_port()

    async def launch(self, plan: LaunchPlan) -> str:
        """Start the server on the reserved port, or on another free one, and wait until it answers or ends."""
        for left in reversed(range(PORT_TRIES)):
            try:
                await self._run(plan)
                return f"http://127.0.0.1:{self.port}"
            except _PortTaken:
                if left == 0:
                    text = f"No free port was found on this machine in {PORT_TRIES} tries. Try again."
                    raise SpawnException(text, reason="port-taken", status_code=503) from None
                self.log.warning("Port %i was taken by somebody else; trying another for %s", self.port, self._log_name)
                await _in_thread(STARTS, self.workloads.remove, plan.start_id)
                self.reserve()
                self.keep_state()
        raise AssertionError

    async def halt(self, *, now: bool) -> None:
        """Ask the server to end and wait until it has; after the grace period the sandbox ends it."""
        if not self.start_id:
            return
        grace = 0 if now else self.grace
        await _in_thread(STOPS, self.workloads.stop, self.start_id, grace)
        deadline = time.monotonic() + grace + 10
        while not await self.gone(self.start_id):
            if time.monotonic() > deadline:
                msg = f"{self._log_name} has not ended {grace + 10} s after it was asked to"
                raise TimeoutError(msg)
            await asyncio.sleep(LOOK_EVERY)

    async def poll(self) -> int | None:
        """None while the server runs, else its exit code (0 where there never was one)."""
        if not self.start_id:
            return 0
        status = await self._status(self.start_id)
        if status is None:
            return 0
        if status.alive:
            return None
        return 1 if status.code is None else status.code

    async def gone(self, start_id: str) -> bool:
        """Whether the sandbox has nothing alive of this start."""
        status = await self._status(start_id)
        return status is None or not status.alive

    async def ending(self, start_id: str) -> tuple[int | None, str]:
        """What the sandbox wrote down at the end."""
        status = await self._status(start_id)
        return (None, "") if status is None else (status.code, status.reason)

    async def get_url(self) -> str:
        """Where the server is, also when the hub was restarted before it had noted that."""
        return f"http://127.0.0.1:{self.port}" if self.port else str(self.server.url)

    def get_state(self) -> dict[str, Any]:
        """The port beside what every spawner keeps."""
        state = super().get_state()
        if self.start_id and self.port:
            state["port"] = self.port
        return state

    def load_state(self, state: dict[str, Any]) -> None:
        """Take up what ``get_state`` kept."""
        super().load_state(state)
        self.port = state.get("port", 0)

    def clear_state(self) -> None:
        """Forget the start that has ended."""
        super().clear_state()
        self.port = 0

    def get_env(self) -> dict[str, str]:
        """The hub's variables for a server, and where PrimeHub's API is."""
        env: dict[str, str] = super().get_env()
        env["PRIMEHUB_API_URL"] = self.api_url
        return env

    async def _run(self, plan: LaunchPlan) -> None:
        ports = {urlparse(self.hub.api_url).port, urlparse(self.api_url).port}
        try:
            rendered = await _in_thread(
                STARTS,
                self.workloads.render,
                plan,
                argv=self._argv(plan),
                env={name: str(value) for name, value in self.get_env().items() if value is not None},
                port=self.port,
                forward_out=tuple(sorted(port for port in ports if port)),
                grace_s=self.grace,
                extension=EXTENSION,
                allow_unsandboxed=self.allow_unsandboxed or bool(self.user.admin),
            )
            for text in rendered.warnings:
                self.note(40, "creating", text)
            for left_out in rendered.left_out:
                if left_out not in plan.left_out:
                    self.note_without(40, left_out)
            await _in_thread(STARTS, self.workloads.start, rendered.spec)
        except WorkloadError as error:
            if error.code == "port-taken":
                raise _PortTaken from error
            raise SpawnException(str(error), reason=error.code, status_code=503) from error
        await self._until_it_answers(plan.start_id)

    def _argv(self, plan: LaunchPlan) -> list[str]:
        return [
            f"{plan.image_location}/bin/python",
            "-c",
            NOTEBOOK_MAIN,
            KERNELS,
            *self.get_args(),
        ]

    async def _until_it_answers(self, start_id: str) -> None:
        path = f"{self.server.base_url}api"
        deadline = time.monotonic() + self.http_timeout
        while not await answers("127.0.0.1", self.port, path):
            status = await self._status(start_id)
            if status is None or not status.alive:
                raise await self._ended_early(start_id, status)
            if time.monotonic() > deadline:
                text = f"The server did not answer in {self.http_timeout} s. Its log may say why."
                raise SpawnException(text, reason="timeout", status_code=504)
            await asyncio.sleep(LOOK_EVERY)

    async def _ended_early(self, start_id: str, status: WorkloadStatus | None) -> Exception:
        log = ""
        with contextlib.suppress(WorkloadError):
            chunk = await _in_thread(LOOKS, self.workloads.read_log, start_id, -LAST_WORDS)
            log = chunk.data.decode(errors="replace").strip()
        return ended_early(status, log)

    async def _status(self, key: str) -> WorkloadStatus | None:
        return await _in_thread(LOOKS, self.workloads.status, key)


async def _in_thread(threads: Executor, act: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    return await asyncio.get_running_loop().run_in_executor(threads, partial(act, *args, **kwargs))


class _PortTaken(Exception):
    """Somebody else took the port between our look and the server's start."""


def ended_early(status: WorkloadStatus | None, log: str) -> Exception:
    """Why a server ended before it answered, from the end of its log."""
    if any(words in log for words in _PORT_TAKEN):
        return _PortTaken()
    if full := disk_full(log):
        return SpawnException(full, reason="disk-full", status_code=500)
    how = "it is not there any more" if status is None else f"{status.reason or 'exit'}, code {status.code}"
    return SpawnException(ended_text(how, log), reason="exited", status_code=500)


def free_port() -> int:
    """A port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
