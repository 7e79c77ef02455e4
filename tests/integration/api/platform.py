"""A real hub that manages the real services; the browser reaches both as if behind the proxy."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from hub_config.secret_files import secret_file
from tests.integration.hub import harness
from tests.integration.hub.harness import Browser, Hub, free_port
from tests.support.waiting import wait_for_async

CONFIG = Path(__file__).parent / "hub_config_for_tests.py"
ROOT = "/services/primehub/api/v1"
PASSWORD = "correct horse battery"
PAGE = {"Sec-Fetch-Mode": "navigate"}


class Routed(httpx.AsyncHTTPTransport):
    """What the proxy does: paths below /services go to services or gateway, others to the hub."""

    def __init__(self, hub: int, services: int, gateway: int) -> None:
        super().__init__()
        self._ports = {"/services/primehub-gateway/": gateway, "/services/primehub": services, "/": hub}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send it to its port; the Host that the client used stays."""
        port = next(port for prefix, port in self._ports.items() if request.url.path.startswith(prefix))
        request.url = request.url.copy_with(port=port)
        return await super().handle_async_request(request)


class ApiHub(Hub):
    """The hub with services."""

    def __init__(self, data_dir: Path) -> None:
        self.services_port = free_port()
        environ = {"PRIMEHUB_SETTING__ENGINE": "fake"}
        super().__init__(data_dir, free_port(), self.services_port, environ)

    def _start(self) -> None:
        harness.CONFIG, kept = CONFIG, harness.CONFIG
        try:
            super()._start()
        finally:
            harness.CONFIG = kept

    async def healthy(self) -> bool:
        """Whether the services answer and reach the hub."""
        try:
            async with self.client("") as client:
                return (await client.get("/health")).json() == {"status": "ok"}
        except httpx.HTTPError:
            return False

    def client(self, token: str) -> httpx.AsyncClient:
        """The API as a token."""
        url = f"http://127.0.0.1:{self.services_port}{ROOT}"
        return httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {token}"} if token else {}, trust_env=False, timeout=30
        )

    def service_client(self, name: str) -> httpx.AsyncClient:
        """The API as one of the platform's own services, by its token's file."""
        return self.client(secret_file(self.data_dir / "secrets" / f"{name}.token"))


class Person(Browser):
    """A browser before the whole platform."""

    def __init__(self, hub: ApiHub) -> None:
        super().__init__(hub)
        self._mounts = {}
        self._transport = Routed(hub.port, hub.services_port, hub.gateway_port)
        self.follow_redirects = True

    async def open_portal(self, path: str = "") -> httpx.Response:
        """A page of the portal, signing in to it on the way."""
        return await self.get(f"/services/primehub/{path}", headers=PAGE)

    def xsrf(self) -> str:
        """What scripts of the portal read."""
        return next(c.value or "" for c in self.cookies.jar if c.name == "_xsrf" and c.path == "/services/primehub/")

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """As the portal's scripts do."""
        sent = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin", "X-XSRFToken": self.xsrf()} | headers
        return await self.request(method, f"{ROOT}{path}", json=body, headers=sent)


@asynccontextmanager
async def running_platform(data_dir: Path) -> AsyncIterator[ApiHub]:
    """The hub and its services, until the block ends."""
    hub = ApiHub(data_dir)
    try:
        await hub.start()
        await wait_for_async(hub.healthy, 120, what=f"the services are well (see {hub.log})")
        yield hub
    finally:
        hub.end()


async def first_admin(hub: ApiHub) -> Person:
    """The first administrator, who has used the link and is signed in to the portal."""
    token = (hub.data_dir / "run" / "first-sign-in").read_text()
    async with hub.service_client("authenticator") as client:
        used = await client.post("/invitations/redeem", json={"token": token, "password": PASSWORD})
        assert used.status_code == 200, used.text
    return await signed_in(hub, "admin")


async def signed_in(hub: ApiHub, name: str) -> Person:
    """Somebody in the portal."""
    person = Person(hub)
    await person.sign_in(name, PASSWORD)
    await person.open_portal()
    return person


async def new_person(hub: ApiHub, admin: Person, name: str, *groups: str) -> Person:
    """A new account in these groups, signed in to the portal."""
    made = await admin.ask("POST", "/users", {"name": name, "groups": list(groups)})
    assert made.status_code == 201, made.text
    async with hub.service_client("authenticator") as client:
        used = await client.post("/invitations/redeem", json={"token": made.json()["token"], "password": PASSWORD})
        assert used.status_code == 200, used.text
    return await signed_in(hub, name)


async def phase(person: Person, notebook: str, wanted: str) -> dict[str, Any]:
    """The notebook, once it is in that phase."""

    async def reached() -> dict[str, Any] | None:
        found: dict[str, Any] = (await person.ask("GET", f"/notebooks/{notebook}")).json()
        return found if found["phase"] == wanted else None

    found = await wait_for_async(reached, 120, what=f"the notebook is {wanted}")
    assert found is not None
    return found
