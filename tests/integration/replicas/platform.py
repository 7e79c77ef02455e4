"""A real hub with two processes of the services, and browsers that reach now the one and now the other."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import psutil

from tests.integration.api import platform as api
from tests.integration.api.platform import ApiHub, Person
from tests.integration.hub.harness import free_port
from tests.support.waiting import wait_for_async

CONFIG = Path(__file__).parent / "hub_config_for_tests.py"


class Balanced(httpx.AsyncHTTPTransport):
    """What a Service does: each request below /services goes to the next process; others to the hub."""

    def __init__(self, hub: int, services: list[int]) -> None:
        super().__init__()
        self._hub = hub
        self._services = itertools.cycle(services)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send it to its port; the Host that the client used stays."""
        ours = request.url.path.startswith("/services/primehub")
        request.url = request.url.copy_with(port=next(self._services) if ours else self._hub)
        return await super().handle_async_request(request)


class Pair(ApiHub):
    """The hub, the services that it manages, and another process of them."""

    def __init__(self, data_dir: Path, database_url: str) -> None:
        super().__init__(data_dir)
        self._environ["PRIMEHUB_SETTING__DATABASE_URL"] = database_url
        self.other_port = free_port()
        self.other: subprocess.Popen[bytes] | None = None

    def _start(self) -> None:
        api.CONFIG, kept = CONFIG, api.CONFIG
        try:
            super()._start()
        finally:
            api.CONFIG = kept

    async def start_other(self) -> None:
        """A second process, which differs from the first in nothing but its port."""
        self._start_other()
        await wait_for_async(self._other_answers, 120, what="the other process answers")

    def _start_other(self) -> None:
        assert self.process is not None
        (first,) = (p for p in psutil.Process(self.process.pid).children() if "primehub_services.app" in p.cmdline())
        environ = first.environ() | {"JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{self.other_port}/services/primehub/"}
        with (self.data_dir / "other.log").open("wb") as log:
            self.other = subprocess.Popen(first.cmdline(), env=environ, stdout=log, stderr=log)

    async def _other_answers(self) -> bool:
        try:
            async with self.clients("")[1] as client:
                return (await client.get("/health")).is_success
        except httpx.HTTPError:
            return False

    def clients(self, token: str) -> list[httpx.AsyncClient]:
        """The API of each process, as a token."""
        first = self.client(token)
        second = self.client(token)
        second.base_url = second.base_url.copy_with(port=self.other_port)
        return [first, second]

    def end(self) -> None:
        """End all of it."""
        if self.other is not None:
            self.other.kill()
            self.other.wait()
        super().end()


class Anybody(Person):
    """A browser whose every request comes to another process than the one before."""

    def __init__(self, hub: Pair) -> None:
        super().__init__(hub)
        self._transport = Balanced(hub.port, [hub.services_port, hub.other_port])


@asynccontextmanager
async def running_pair(data_dir: Path, database_url: str) -> AsyncIterator[Pair]:
    """The hub and both processes, until the block ends."""
    hub = Pair(data_dir, database_url)
    try:
        await hub.start()
        await wait_for_async(hub.healthy, 120, what=f"the services are well (see {hub.log})")
        await hub.start_other()
        yield hub
    finally:
        hub.end()


def first_link(hub: Pair) -> str:
    """The first administrator's link, as soon as the one that leads has made it; else nothing."""
    path = hub.data_dir / "run" / "first-sign-in"
    return path.read_text() if path.exists() else ""
