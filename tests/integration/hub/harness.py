"""A real JupyterHub in a process of its own, and the fake API beside it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from hub_config.secret_files import secret_file
from tests.support.waiting import wait_for_async

from .fake_api import FakeApi

REPOSITORY = Path(__file__).parents[3]
CONFIG = Path(__file__).parent / "hub_config_for_tests.py"


def free_port() -> int:
    """A port that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Hub:
    """One hub over one data folder; it can be killed and started again."""

    def __init__(self, data_dir: Path, port: int, services_port: int, environ: dict[str, str]) -> None:
        self.data_dir = data_dir
        self.port = port
        self.url = f"http://127.0.0.1:{self.port}"
        self.gateway_port = free_port()
        self._environ = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("JUPYTERHUB_", "PRIMEHUB_"))},
            "PYTHONPATH": str(REPOSITORY),
            "PRIMEHUB_SETTING__DATA_DIR": str(data_dir),
            "PRIMEHUB_SETTING__HUB_PORT": str(self.port),
            "PRIMEHUB_SETTING__SERVICES_PORT": str(services_port),
            "PRIMEHUB_SETTING__GATEWAY_PORT": str(self.gateway_port),
            "PRIMEHUB_SETTING__POLL_INTERVAL": "1",
            **environ,
        }
        self.process: subprocess.Popen[bytes] | None = None
        self.log = data_dir / "hub.log"

    async def start(self) -> None:
        """Start and wait until it answers."""
        self._start()
        await wait_for_async(self._answers, 120, what=f"the hub answers (see {self.log})")

    def _start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "hub_config", "-f", str(CONFIG)],
                cwd=self.data_dir, env=self._environ, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    async def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()[-3000:]
        try:
            return (await self.api("GET", "/users", check=False)).status_code == 200
        except httpx.HTTPError:
            return False

    def kill(self) -> None:
        """As a crash would: it writes nothing more."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """End it and everything that it started."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()
        for pid in self.data_dir.glob("workloads/*/pid"):
            if (text := pid.read_text().strip()) and not (pid.parent / "code").exists():
                os.kill(int(text), signal.SIGKILL)

    async def api(
        self, method: str, path: str, body: Any = None, *, token: str = "tester-token", check: bool = True
    ) -> httpx.Response:
        """A call of the hub's REST API."""
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            headers = {"Authorization": f"token {token}"}
            response = await client.request(method, f"{self.url}/hub/api{path}", json=body, headers=headers)
        if check:
            assert response.is_success, response.text
        return response

    async def server(self, user: str, name: str = "") -> dict[str, Any] | None:
        """The hub's model of one server."""
        model = (await self.api("GET", f"/users/{user}")).json()
        found: dict[str, Any] | None = model["servers"].get(name)
        return found

    async def start_server(self, user: str, **options: Any) -> dict[str, Any]:
        """Start the default server and wait until it is ready."""
        await self.api("POST", f"/users/{user}/server", {"user_options": options})

        async def ready() -> dict[str, Any] | None:
            model = await self.server(user)
            return model if model and model["ready"] else None

        model = await wait_for_async(ready, 120, what="the server is ready")
        assert model is not None
        return model

    async def stop_server(self, user: str) -> None:
        """Stop the default server and wait until it is gone."""
        await self.api("DELETE", f"/users/{user}/server")

        async def gone() -> bool:
            return await self.server(user) is None

        await wait_for_async(gone, 120, what="the server is gone")

    def environment_of(self, start_id: str) -> dict[str, str]:
        """What the workload was given."""
        found: dict[str, str] = json.loads((self.data_dir / "workloads" / start_id / "env.json").read_text())
        return found


class Browser(httpx.AsyncClient):
    """A browser without scripts: keeps cookies, and sends forms with the XSRF token of their page."""

    def __init__(self, hub: Hub) -> None:
        super().__init__(base_url=hub.url, trust_env=False, timeout=30, headers={"Sec-Fetch-Mode": "navigate"})
        self.event_hooks = {"request": [], "response": [self._loopback_is_secure]}

    async def _loopback_is_secure(self, _response: httpx.Response) -> None:
        """As in browsers: cookies for secure connections are sent to this machine without TLS too."""
        for cookie in self.cookies.jar:
            cookie.secure = False

    async def send_form(self, path: str, data: dict[str, str], *, page: httpx.Response | None = None) -> httpx.Response:
        """Open the page, fill the form, send it."""
        page = page or await self.get(path)
        return await self.post(path, data={**data, "_xsrf": xsrf_of(page.text)})

    async def sign_in(self, username: str, password: str) -> httpx.Response:
        """Through the sign-in page."""
        return await self.send_form("/hub/login", {"username": username, "password": password})

    async def signed_in_as(self) -> str | None:
        """Whose session this is; None without one."""
        response = await self.get("/hub/token")
        found = re.search(r'user: "([^"]+)"', response.text)
        return found[1] if found and response.status_code == 200 else None


def xsrf_of(html: str) -> str:
    """The token of the form in a page."""
    found = re.search(r'name="_xsrf"\s+value="([^"]+)"', html)
    assert found, html[:2000]
    return found[1]


@asynccontextmanager
async def running_hub(data_dir: Path, *, port: int | None = None, **environ: str) -> AsyncIterator[tuple[Hub, FakeApi]]:
    """A hub and its fake API, both ended at the end."""
    services_port = free_port()
    secrets = data_dir / "secrets"
    fake = FakeApi(secret_file(secrets / "spawner.token"), secret_file(secrets / "authenticator.token"))
    server = fake.listen(services_port)
    hub = Hub(data_dir, port or free_port(), services_port, environ)
    try:
        await hub.start()
        yield hub, fake
    finally:
        hub.end()
        server.stop()
