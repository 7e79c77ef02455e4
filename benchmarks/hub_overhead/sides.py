"""Starting and stopping the two hubs that are compared."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.support.stores import populate
from primehub_services.cli.machine import node, proxy
from primehub_services.store.database import Database
from primehub_services.store.migrate import upgrade
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support.platform import free_port
from tests.support.waiting import wait_for_async

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
TOKEN = {"Authorization": "token benchmark-token"}
API_PATH = "/services/primehub/api/v1"
EVENTS = f"{API_PATH}/events"


class Side:
    """One running hub with its proxy."""

    def __init__(self, name: str, url: str, *, people: int, groups: int) -> None:
        self.name = name
        self.url = url
        self.people = people
        self.hub: psutil.Process | None = None
        self._groups = groups
        self.client = httpx.AsyncClient(
            base_url=url + "/hub/api",
            headers=TOKEN,
            timeout=120,
            trust_env=False,
            limits=httpx.Limits(max_connections=50),
        )

    def options(self, i: int) -> dict[str, Any]:
        """What person ``i`` asks for."""
        if self.name == "plain":
            return {}
        return {"group": f"group{i % self._groups}", "instance_type": "tiny", "image": "base"}

    async def token(self, i: int, *scopes: str) -> str:
        """A token of person ``i`` that may read, and what else is said."""
        body = {"note": "benchmark", "scopes": ["custom:primehub:read", "access:services!service=primehub", *scopes]}
        made = await self.client.post(f"/users/person{i}/tokens", json=body)
        made.raise_for_status()
        return str(made.json()["token"])

    def services(self) -> psutil.Process:
        """The services process, which the hub manages."""
        assert self.hub is not None
        found = (p for p in self.hub.children() if "primehub_services.app" in p.cmdline())
        return next(found)

    def cpu(self) -> dict[str, float]:
        """Seconds of CPU that the hub and, on PrimeHub's side, the services have used: what is left of a figure on a
        machine that is not quiet."""
        assert self.hub is not None
        parts = {"hub": self.hub} if self.name == "plain" else {"hub": self.hub, "services": self.services()}
        times = {part: process.cpu_times() for part, process in parts.items()}
        return {part: used.user + used.system for part, used in times.items()}

    async def spawn(self, i: int) -> None:
        """Start person ``i``'s server and wait until it is ready."""
        body = {"user_options": self.options(i)}
        answer = await self.client.post(f"/users/person{i}/server", json=body)
        if answer.status_code != 201:
            msg = f"{self.name}: {answer.status_code} {answer.text}"
            raise RuntimeError(msg)

    async def stop(self, i: int) -> None:
        """Stop it, and wait until it has stopped."""

        async def stopped() -> bool:
            return (await self.client.delete(f"/users/person{i}/server")).status_code != 202

        await wait_for_async(stopped, 30, what="the server has stopped")


@contextmanager
def _process(command: list[str], environ: Mapping[str, str], folder: Path, log: str) -> Any:
    with (folder / log).open("ab") as output:
        process = subprocess.Popen(
            command, env=environ, cwd=folder, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@asynccontextmanager
async def both(*, people: int, groups: int, streams: int) -> AsyncIterator[tuple[Side, Side]]:
    """A plain hub and PrimeHub's, each with all people known and, on PrimeHub's, clients on the event stream."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        environ = _with_stub(stack, folder)
        sides = []
        for name, begin in (("plain", _plain), ("primehub", _primehub)):
            side_folder = folder / name
            side_folder.mkdir()
            side = await begin(stack, side_folder, environ, people, groups)
            stack.push_async_callback(side.client.aclose)
            sides.append(side)
        for i in range(streams):
            stack.callback((await _listen(sides[1], i)).cancel)
        yield sides[0], sides[1]


@asynccontextmanager
async def primehub(
    *, people: int, groups: int, fill: Callable[[UnitOfWork], None] | None = None
) -> AsyncIterator[Side]:
    """PrimeHub's side alone. ``fill`` puts more into its store before it starts."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        side = await _primehub(stack, folder, _with_stub(stack, folder), people, groups, fill)
        stack.push_async_callback(side.client.aclose)
        yield side


def _with_stub(stack: AsyncExitStack, folder: Path) -> dict[str, str]:
    stub = free_port()
    environ = {**os.environ, "PYTHONPATH": str(REPOSITORY), "BENCHMARK_STUB": f"http://127.0.0.1:{stub}"}
    stack.enter_context(_process([sys.executable, str(HERE / "stub.py"), str(stub)], environ, folder, "stub.log"))
    return environ


def _proxy(stack: AsyncExitStack, folder: Path, hub: int, environ: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    found = node.find()
    script = proxy.install(found, folder, print)
    port, api = free_port(), free_port()
    command = [
        str(found.node),
        str(script),
        "--ip=127.0.0.1",
        f"--port={port}",
        "--api-ip=127.0.0.1",
        f"--api-port={api}",
    ]
    command += [f"--default-target=http://127.0.0.1:{hub}", f"--error-target=http://127.0.0.1:{hub}/hub/error"]
    stack.enter_context(_process(command, {**environ, "CONFIGPROXY_AUTH_TOKEN": "benchmark"}, folder, "proxy.log"))
    return f"http://127.0.0.1:{port}", {"BENCHMARK_PROXY_API": f"http://127.0.0.1:{api}"}


async def _hub(stack: AsyncExitStack, config: str, folder: Path, environ: Mapping[str, str], side: Side) -> None:
    command = [sys.executable, "-m", "jupyterhub", "-f", str(HERE / config)]
    process = stack.enter_context(_process(command, environ, folder, "hub.log"))
    side.hub = psutil.Process(process.pid)

    async def answers() -> bool:
        if process.poll() is not None:
            raise RuntimeError((folder / "hub.log").read_text()[-3000:])
        try:
            return (await side.client.get("/users", params={"limit": 1})).status_code == 200
        except httpx.HTTPError:
            return False

    await wait_for_async(answers, 90, what=f"{side.name} answers")


async def _plain(stack: AsyncExitStack, folder: Path, environ: dict[str, str], people: int, groups: int) -> Side:
    hub = free_port()
    url, more = _proxy(stack, folder, hub, environ)
    side = Side("plain", url, people=people, groups=groups)
    environ = {**environ, **more, "BENCHMARK_HUB_PORT": str(hub), "BENCHMARK_URL": url}
    await _hub(stack, "plain_config.py", folder, environ, side)
    for first in range(0, people, 200):
        names = [f"person{i}" for i in range(first, min(first + 200, people))]
        (await side.client.post("/users", json={"usernames": names})).raise_for_status()
    return side


async def _primehub(
    stack: AsyncExitStack,
    folder: Path,
    environ: dict[str, str],
    people: int,
    groups: int,
    fill: Callable[[UnitOfWork], None] | None = None,
) -> Side:
    hub, services = free_port(), free_port()
    url, more = _proxy(stack, folder, hub, environ)
    side = Side("primehub", url, people=people, groups=groups)
    store = f"sqlite:///{folder / 'primehub.sqlite'}"
    upgrade(store)
    database = Database(store)
    database.write_now(populate, people=people, groups=groups)
    if fill is not None:
        database.write_now(fill)
    database.close()
    prefix = "PRIMEHUB_SETTING__"
    environ = {
        **environ, **more,
        f"{prefix}DATA_DIR": str(folder), f"{prefix}ENGINE": "fake", f"{prefix}HUB_PORT": str(hub),
        f"{prefix}SERVICES_PORT": str(services), f"{prefix}PROXY_API_PORT": more["BENCHMARK_PROXY_API"].rsplit(":", 1)[1],
        f"{prefix}PORT": url.rsplit(":", 1)[1],
    }  # fmt: skip
    await _hub(stack, "primehub_config.py", folder, environ, side)

    async def projected() -> bool:
        headers = {"Accept": "application/jupyterhub-pagination+json"}
        answer = await side.client.get("/users", params={"limit": 1}, headers=headers)
        return answer.status_code == 200 and answer.json()["_pagination"]["total"] >= people

    async def reached() -> bool:
        # the hub gives the proxy its services' routes last
        async with httpx.AsyncClient(base_url=side.url, trust_env=False) as client:
            return (await client.get(f"{API_PATH}/version")).status_code == 200

    await wait_for_async(projected, 600, what="all people are known to the hub")
    await wait_for_async(reached, 120, what="the services are behind the proxy")
    return side


async def _listen(side: Side, i: int) -> asyncio.Task[None]:
    """A client on the event stream, as person ``i``."""
    headers = {"Authorization": f"token {await side.token(i)}"}
    open_ = asyncio.Event()

    async def read(opened: Callable[[], None]) -> None:
        async with (
            httpx.AsyncClient(base_url=side.url, headers=headers, timeout=3600, trust_env=False) as client,
            client.stream("GET", EVENTS) as stream,
        ):
            stream.raise_for_status()
            opened()
            async for _ in stream.aiter_raw():
                pass

    task = asyncio.create_task(read(open_.set))
    waiting = asyncio.create_task(open_.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        task.result()
    return task
