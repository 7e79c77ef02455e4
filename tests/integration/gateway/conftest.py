"""A gateway over the real API and a real store, in front of a real server."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from tornado.netutil import bind_sockets

from primehub_services.client.base import ApiClient
from primehub_services.client.routes import RoutesClient
from primehub_services.domain.routes import Access, Route
from primehub_services.gateway.__main__ import Config, composed
from primehub_services.gateway.application import follow, make_application, make_server
from primehub_services.gateway.base import Context
from primehub_services.gateway.sign_in import cookie_secret
from primehub_services.gateway.upstream import Upstreams
from primehub_services.operations import routes
from primehub_services.store.database import Database
from tests.support import factories
from tests.support.api import ROOT, Api, running_api
from tests.support.factories import Cast

from .workload import Workload, running_workload

PREFIX = "/services/primehub-gateway"
TOKEN = "the-gateways-own"
SOON = 0.2


@dataclass
class World:
    """All parts, and what is deployed."""

    api: Api
    cast: Cast
    workload: Workload
    folder: Path
    deployed: list[Route] = field(default_factory=list)
    gateway: str = ""
    context: Any = None

    def deploy(self, prefix: str = "/research/iris/", **changes: Any) -> Route:
        """Put a route into the table; who polls it finds it."""
        given = {"id": prefix.strip("/").replace("/", "-"), "prefix": prefix, "target": self.workload.url}
        route = Route.model_validate({**given, "group": "research", "access": Access.GROUP, **changes})
        self.deployed[:] = [*(r for r in self.deployed if r.prefix != prefix), route]
        return route

    async def told(self) -> None:
        """The gateway has asked the API."""
        await self.context.table.ask()

    def token(self, who: str) -> str:
        """One of somebody of the cast."""
        actor = self.cast.everyone()[who]
        return self.api.tokens.give(actor, group="research")

    def client(self, who: str | None = None, **headers: str) -> httpx.AsyncClient:
        """The gateway, as somebody."""
        if who is not None:
            headers["Authorization"] = f"Bearer {self.token(who)}"
        return httpx.AsyncClient(base_url=self.gateway + PREFIX, headers=headers, trust_env=False, timeout=20)


async def gateway(
    stack: AsyncExitStack, url: str, file: Path, *, recheck: float = SOON, **limits: float
) -> tuple[str, Context]:
    """Start a gateway that asks the API at ``url``; its own address. It does not poll: tests say when it asks."""
    config = Config(url="", api=url, hub_api="http://hub/hub/api", token=TOKEN, state=file, metrics_token="numbers")
    api = await stack.enter_async_context(ApiClient(url, TOKEN, timeout=5))
    http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
    context = composed(config, RoutesClient(api), http, recheck=recheck)
    if limits:
        object.__setattr__(context, "upstreams", Upstreams(**limits))  # type: ignore[arg-type]
    context.table.load()
    server = make_server(make_application(context, cookie_secret(TOKEN)))
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    following = asyncio.create_task(follow(context))
    stack.callback(following.cancel)
    stack.push_async_callback(server.close_all_connections)
    stack.callback(server.stop)
    return f"http://127.0.0.1:{sockets[0].getsockname()[1]}", context


@pytest.fixture
async def world(migrated_sqlite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """The usual people, one deployed server, and a gateway that was told."""
    shutil.copy(migrated_sqlite, tmp_path / "primehub.sqlite")
    database = Database(f"sqlite:///{tmp_path / 'primehub.sqlite'}")
    cast = database.write_now(factories.cast)
    async with AsyncExitStack() as stack:
        stack.callback(database.close)
        api = await stack.enter_async_context(running_api(database, tmp_path))
        workload = await stack.enter_async_context(running_workload())
        found = World(api, cast, workload, tmp_path)
        # nothing can be deployed yet: the tests take the place of what will be
        monkeypatch.setattr(routes, "SOURCES", (lambda _uow: found.deployed,))
        api.tokens.give(cast.gateway, TOKEN)
        file = tmp_path / "routes.json"
        found.gateway, found.context = await gateway(stack, f"{api.url}{ROOT}", file)
        found.deploy()
        await found.told()
        yield found
