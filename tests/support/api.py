"""The real API over a real store, with the hub's part taken by the test: who a token is, and what the hub answers."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from primehub_services.api.application import make_application
from primehub_services.api.auth import Identity
from primehub_services.api.context import ApiContext
from primehub_services.api.events import ChangeFeed, Streams
from primehub_services.api.limits import RateLimit
from primehub_services.api.metrics import Metrics
from primehub_services.api.replies import Part
from primehub_services.blobs import (
    AttemptFiles,
    FolderArtifactStore,
    FolderLogStore,
    FolderSnapshotStore,
    FolderUsageStore,
    WorkloadLogs,
)
from primehub_services.domain.claims import MachineCapacity
from primehub_services.domain.identity import Actor
from primehub_services.domain.permissions import Scope
from primehub_services.hub import HubClient
from primehub_services.operations.sign_in import SignIn, SignInPolicy
from primehub_services.operations.volumes import local_policy
from primehub_services.store.crypto import Keyring
from primehub_services.store.database import Database
from tests.support.identity import cheap_passwords

PREFIX = "/services/primehub/"
ROOT = f"{PREFIX}api/v1"
HUB = "http://hub/hub/api"


@dataclass
class Tokens:
    """An authenticator whose tokens the test gives out: the hub's model of each."""

    hub_auth: None = None
    models: dict[str, dict[str, Any]] = field(default_factory=dict)

    def give(self, actor: Actor, token: str | None = None, group: str = "") -> str:
        """A token as this actor; ``group`` is the slug for a notebook's."""
        if actor.service is not None:
            name, kind, scopes = actor.service, "service", list(actor.scopes)
        else:
            assert actor.account is not None
            name, kind, scopes = actor.account.name, "user", list(actor.scopes)
        if actor.is_notebook:
            scopes = [f"{Scope.NOTEBOOK}!group={group}", f"{Scope.NOTEBOOK}!server={actor.notebook_server}"]
        token = token or f"token-of-{name}-{len(self.models)}"
        self.models[token] = {"kind": kind, "name": name, "scopes": [str(s) for s in scopes]}
        return token

    async def identify(self, handler: Any) -> Identity | None:
        """As the hub would; ``session`` instead of ``token`` is the portal's."""
        kind, _, token = handler.request.headers.get("Authorization", "").partition(" ")
        model = self.models.get(token)
        return Identity(model, token, session=kind == "session") if model is not None else None


Answer = Callable[[httpx.Request], httpx.Response]


@dataclass
class HubStub:
    """What the hub answers; requests are kept. Everything is fine unless the test says otherwise."""

    tokens: Tokens
    answers: dict[str, Answer] = field(default_factory=dict)
    """By ``METHOD /path``."""
    requests: list[tuple[str, str, Any]] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/hub/api")
        body = json.loads(request.content) if request.content else None
        self.requests.append((request.method, path, body))
        answer = self.answers.get(f"{request.method} {path}")
        if answer is not None:
            return answer(request)
        if path == "/user":
            model = self.tokens.models.get(request.headers["Authorization"].partition(" ")[2])
            return httpx.Response(200, json=model) if model else httpx.Response(403, json={"message": "no"})
        if path == "/primehub/tokens":
            return httpx.Response(200, json={"good": [token in self.tokens.models for token in body["tokens"]]})
        if path == "/":
            return httpx.Response(200, json={"version": "6.1.1"})
        if request.method == "POST" and path.endswith(("/server", "/tokens")):
            made = {"id": "a7", "token": "made-by-the-hub", "note": (body or {}).get("note", ""), "scopes": []}
            return httpx.Response(201, json=made | (body or {}))
        if request.method == "GET" and path.endswith("/tokens"):
            return httpx.Response(200, json={"api_tokens": []})
        return httpx.Response(204)


@dataclass
class Api:
    """A running API."""

    url: str
    context: ApiContext
    tokens: Tokens
    hub: HubStub

    def client(self, token: str | None = None, **headers: str) -> httpx.AsyncClient:
        """A client of the API's root, as a token."""
        if token:
            headers["Authorization"] = f"token {token}"
        return httpx.AsyncClient(base_url=f"{self.url}{ROOT}", headers=headers, timeout=20, trust_env=False)


@asynccontextmanager
async def running_api(
    database: Database,
    folder: Path,
    *,
    capacity: MachineCapacity | None = None,
    address: str = "127.0.0.1",
    **changes: Any,
) -> AsyncIterator[Api]:
    """The API on a free port of ``address``, until the block ends."""
    tokens = Tokens()
    stub = HubStub(tokens)
    hub = HubClient(HUB, "service-token", transport=httpx.MockTransport(stub))
    feed = ChangeFeed(database, poll=0.2)
    streams = Streams(database, hub, feed)
    logs, artifacts = FolderLogStore(folder / "blobs"), FolderArtifactStore(folder / "blobs")

    async def of_machine() -> MachineCapacity:
        return capacity or MachineCapacity()

    async def probe() -> tuple[Part, ...]:
        return ()

    values: dict[str, Any] = {
        "database": database,
        "hub": hub,
        "authenticator": tokens,
        "keyring": Keyring.load_or_create(folder / "encryption.key"),
        "sign_in": SignIn(database, SignInPolicy(), cheap_passwords()),
        "logs": WorkloadLogs(logs),
        "blobs": artifacts,
        "files": AttemptFiles(artifacts),
        "usage": FolderUsageStore(folder / "blobs"),
        "snapshots": FolderSnapshotStore(folder / "blobs"),
        "capacity": of_machine,
        "volume_policy": local_policy((), folder),
        "feed": feed,
        "streams": streams,
        "metrics": Metrics(),
        "cookie_secret": b"secret",
        "prefix": PREFIX,
        "static": folder / "static",
        "engine": "fake",
        "started_at": datetime.now(UTC),
        "probe": probe,
        "login_limit": RateLimit(tries=1000, seconds=60),
    }
    context = ApiContext(**(values | changes))
    await feed.start()
    tasks = [asyncio.create_task(feed.run()), asyncio.create_task(streams.run())]
    server = HTTPServer(make_application(context), xheaders=True)
    sockets = bind_sockets(0, address)
    server.add_sockets(sockets)
    try:
        yield Api(f"http://{address}:{sockets[0].getsockname()[1]}", context, tokens, stub)
    finally:
        streams.close()
        server.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(TimeoutError):  # as the services do: a client that went in the middle holds up no end
            await asyncio.wait_for(server.close_all_connections(), 5)
        await hub.close()
        context.sign_in.close()


def problem(response: httpx.Response) -> Mapping[str, Any]:
    """The problem of an answer, which must be a proper one."""
    assert response.headers["Content-Type"] == "application/problem+json", response.text
    body: dict[str, Any] = response.json()
    assert body["status"] == response.status_code
    assert body["request_id"] == response.headers["X-Request-Id"]
    assert body["detail"]
    return body
