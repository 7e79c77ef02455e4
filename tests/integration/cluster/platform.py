"""A real hub and the real services on this machine, whose notebooks are pods of a real cluster."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from hub_config.secret_files import secret_file
from tests.integration.hub import harness
from tests.integration.hub.harness import REPOSITORY, Hub, free_port
from tests.support.cluster import Namespace, foreign_image, own_address
from tests.support.platform import COMMAND, clean_environment
from tests.support.waiting import wait_for_async

CONFIG = Path(__file__).parent / "hub_config_for_tests.py"
ROOT = "/services/primehub/api/v1"
PASSWORD = "correct horse battery"
UID = 4711
"""Of notebooks: one that no image knows."""
START_S = 180
"""Seconds that a start may take here, the image's first pull included."""


class ClusterPlatform(Hub):
    """The hub, the services beside it, and a namespace."""

    def __init__(self, data_dir: Path, namespace: Namespace) -> None:
        address, port, services_port = own_address(), free_port(), free_port()
        self.namespace = namespace
        self.services_port = services_port
        settings = {
            "ENGINE": "kubernetes",
            "KUBERNETES__NAMESPACE": namespace.name,
            "KUBERNETES__API_URL": f"http://{address}:{services_port}{ROOT}",
            "KUBERNETES__HUB_URL": f"http://{address}:{port}",
            "KUBERNETES__PROXY_API_URL": "http://127.0.0.1:9",
            # as little as an image may be given
            "KUBERNETES__RUN_AS_USER": str(UID),
            "KUBERNETES__READ_ONLY_ROOT": "true",
            "KUBERNETES__SIDECAR_IMAGE": "127.0.0.1:1/sidecar:none",
        }
        environ = {f"PRIMEHUB_SETTING__{name}": value for name, value in settings.items()}
        super().__init__(data_dir, port, services_port, {**environ, "TEST_HUB_PORT": str(port)})
        self._services: subprocess.Popen[bytes] | None = None
        self._tokens: dict[str, str] = {}

    def _start(self) -> None:
        harness.CONFIG, kept = CONFIG, harness.CONFIG
        try:
            super()._start()
        finally:
            harness.CONFIG = kept

    def start_services(self) -> None:
        """Start the services' process."""
        token = secret_file(self.data_dir / "secrets" / "services.token")
        environ = self._environ | {
            "JUPYTERHUB_API_TOKEN": token,
            "JUPYTERHUB_API_URL": f"{self.url}/hub/api",
            "JUPYTERHUB_BASE_URL": "/",
            "JUPYTERHUB_CLIENT_ID": "service-primehub",
            "JUPYTERHUB_SERVICE_NAME": "primehub",
            "JUPYTERHUB_SERVICE_PREFIX": "/services/primehub/",
            "JUPYTERHUB_SERVICE_URL": f"http://0.0.0.0:{self.services_port}",
        }
        with (self.data_dir / "services.log").open("ab") as log:
            self._services = subprocess.Popen(
                [sys.executable, "-m", "primehub_services.app"],
                cwd=REPOSITORY, env=environ, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def end_services(self) -> None:
        """End it."""
        if self._services is not None and self._services.poll() is None:
            self._services.terminate()
            self._services.wait(20)

    async def healthy(self) -> bool:
        """Whether the services answer and reach the hub."""
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
                answer = await client.get(f"http://127.0.0.1:{self.services_port}{ROOT}/health")
            return bool(answer.json() == {"status": "ok"})
        except httpx.HTTPError:
            return False

    async def ask(self, who: str, method: str, path: str, body: Any = None, *, status: int = 0) -> Any:
        """The API's answer to a person; of this status, or of any good one."""
        if who not in self._tokens:
            made = await self.api("POST", f"/users/{who}/tokens", {"note": "test"})
            self._tokens[who] = made.json()["token"]
        answer = await self._request(self._tokens[who], method, path, body)
        assert answer.status_code == status if status else answer.is_success, f"{answer.status_code}: {answer.text}"
        return answer.json() if answer.content else None

    async def _request(self, token: str, method: str, path: str, body: Any = None) -> httpx.Response:
        url = f"http://127.0.0.1:{self.services_port}{ROOT}{path}"
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            return await client.request(method, url, json=body, headers={"Authorization": f"Bearer {token}"})

    async def log_of(self, who: str, notebook: str) -> str:
        """The whole log of a notebook, as the API gives it."""
        await self.ask(who, "GET", f"/notebooks/{notebook}")
        answer = await self._request(self._tokens[who], "GET", f"/notebooks/{notebook}/log?tail=10000")
        return answer.text

    async def command(self, who: str, *words: str) -> str:
        """What the ``primehub`` command says to a person."""
        await self.ask(who, "GET", "/me")
        environ = clean_environment(
            PRIMEHUB_API_ENDPOINT=f"http://127.0.0.1:{self.services_port}{ROOT}",
            PRIMEHUB_API_TOKEN=self._tokens[who],
            HOME=str(self.data_dir),
        )
        process = await asyncio.create_subprocess_exec(*COMMAND, *words, env=environ, stdout=PIPE, stderr=PIPE)
        said, trouble = await process.communicate()
        assert process.returncode == 0, trouble.decode()
        return said.decode()

    async def prepare(self) -> None:
        """An administrator, an instance type, one that no node has, and images."""
        link = (self.data_dir / "run" / "first-sign-in").read_text()
        authenticator = secret_file(self.data_dir / "secrets" / "authenticator.token")
        used = await self._request(authenticator, "POST", "/invitations/redeem", {"token": link, "password": PASSWORD})
        assert used.status_code == 200, used.text
        await self.api("POST", "/users/admin", check=False)
        sizes = {
            "tiny": {"cpu_limit": 2, "cpu_request": 0.5, "memory_limit": "512Mi", "memory_request": "128Mi"},
            "nowhere": {"cpu_limit": 1, "memory_limit": "512Mi", "node_selector": {"no-node": "has-this"}},
        }
        for name, size in sizes.items():
            await self.ask("admin", "POST", "/instance-types", {"name": name, **size})
        for name, url in {"notebook": foreign_image(), "absent": "127.0.0.1:1/none:1"}.items():
            source = {"type": "container", "url": url}
            await self.ask("admin", "POST", "/images", {"name": name, "source": source})

    async def person(self, name: str, group: str = "research") -> str:
        """A new account in the group."""
        made = await self.ask("admin", "POST", "/users", {"name": name, "groups": [group]})
        authenticator = secret_file(self.data_dir / "secrets" / "authenticator.token")
        body = {"token": made["token"], "password": PASSWORD}
        assert (await self._request(authenticator, "POST", "/invitations/redeem", body)).status_code == 200
        await self.api("POST", f"/users/{name}", check=False)
        return name

    async def begin(self, who: str, *, image: str = "notebook", size: str = "tiny", **more: Any) -> str:
        """Ask for a notebook in the group research; its id."""
        request = {"group": "research", "image": image, "instance_type": size, **more}
        started = await self.ask(who, "POST", "/notebooks", request)
        return str(started["id"])

    async def refused(self, who: str) -> str:
        """What a person is told whose notebook does not start."""
        request = {"group": "research", "image": "notebook", "instance_type": "tiny"}
        await self.ask(who, "GET", "/me")
        answer = await self._request(self._tokens[who], "POST", "/notebooks", request)
        if answer.status_code == 202:  # told later
            return str((await self.phase(who, answer.json()["id"], "FAILED"))["reason"])
        assert answer.status_code in (409, 503), answer.text
        return str(answer.json()["detail"])

    async def phase(self, who: str, notebook: str, wanted: str) -> dict[str, Any]:
        """The notebook, once it is in that phase."""

        async def reached() -> dict[str, Any] | None:
            found: dict[str, Any] = await self.ask(who, "GET", f"/notebooks/{notebook}")
            assert wanted == "FAILED" or found["phase"] != "FAILED", found
            return found if found["phase"] == wanted else None

        found = await wait_for_async(reached, START_S, what=f"the notebook is {wanted} (see {self.log})")
        assert found is not None
        return found

    async def end_notebooks(self) -> None:
        """Stop every notebook that runs or starts, and wait until none is left."""
        asked: set[str] = set()

        async def over() -> bool:
            left = await self.ask("admin", "GET", "/notebooks?active=true&page_size=200")
            going = {notebook["id"] for notebook in left["items"]}
            for notebook in going - asked:
                await self.ask("admin", "DELETE", f"/notebooks/{notebook}")
            asked.update(going)
            return not going

        await wait_for_async(over, START_S, what="no notebook is left")

    def pod(self, notebook: str) -> dict[str, Any] | None:
        """The pod of a notebook."""
        found = self.namespace.list("pods", f"primehub.io/start={notebook}")
        return found[0] if found else None


@asynccontextmanager
async def running_platform(data_dir: Path, namespace: Namespace) -> AsyncIterator[ClusterPlatform]:
    """The hub and its services, until the block ends."""
    platform = ClusterPlatform(data_dir, namespace)
    os.makedirs(data_dir / "run", exist_ok=True)
    try:
        platform.start_services()
        await platform.start()
        await wait_for_async(platform.healthy, 120, what=f"the services are well (see {data_dir / 'services.log'})")
        await platform.prepare()
        yield platform
    finally:
        platform.end()
        platform.end_services()
