"""A real Keycloak, and a real hub that sends people to it."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from primehub_services.domain.handshake import InvitationJoin, ProviderRefusal, ProviderSignIn, TokenInspection
from primehub_services.domain.identity import Actor
from primehub_services.domain.permissions import Scope
from primehub_services.domain.problems import Problem
from primehub_services.operations import provider_sign_in, sign_in
from primehub_services.store.database import Database
from tests.integration.hub.fake_api import FakeApi
from tests.integration.hub.harness import Hub, free_port, running_hub
from tests.support import factories
from tests.support.keycloak import CLIENT, Keycloak, running_keycloak


@pytest.fixture(scope="session")
def hub_port() -> int:
    """Where the hub will be: the provider must know beforehand."""
    return free_port()


@pytest.fixture(scope="session")
def keycloak(tmp_path_factory: pytest.TempPathFactory, hub_port: int) -> Iterator[Keycloak]:
    """Keycloak with everything in memory."""
    with running_keycloak(tmp_path_factory.mktemp("keycloak"), f"http://127.0.0.1:{hub_port}") as found:
        yield found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def store(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> AsyncIterator[Database]:
    """PrimeHub's own data, behind the fake API: the provider's groups, and nobody but those who sign in."""
    path = tmp_path_factory.mktemp("store") / "primehub.sqlite"
    shutil.copy(migrated_sqlite, path)
    opened = Database(f"sqlite:///{path}")
    for name in ("research", "vision"):
        await opened.write(lambda uow, name=name: factories.group(uow, name).slug)
    yield opened
    opened.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def hub(
    tmp_path_factory: pytest.TempPathFactory, keycloak: Keycloak, hub_port: int, store: Database
) -> AsyncIterator[Hub]:
    """A hub with local accounts and the provider, over the real operations; each test signs in people of its own."""
    setting = {"PRIMEHUB_SETTING__ACCOUNTS__OIDC": _oidc(keycloak)}
    async with running_hub(tmp_path_factory.mktemp("hub") / "data", port=hub_port, **setting) as (running, api):
        api.accounts = _operations(store, api)
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def hub_without_passwords(tmp_path: Path, keycloak: Keycloak, store: Database) -> AsyncIterator[Hub]:
    """A hub to which the provider is the only way in."""
    setting = {"PRIMEHUB_SETTING__ACCOUNTS__OIDC": _oidc(keycloak, admin_groups=["root"])}
    setting["PRIMEHUB_SETTING__ACCOUNTS__LOCAL"] = "no"
    async with running_hub(tmp_path / "data", **setting) as (running, api):
        keycloak.send_back_to(running.url)
        api.accounts = _operations(store, api)
        yield running


def _oidc(keycloak: Keycloak, **more: Any) -> str:
    oidc = {"issuer": keycloak.issuer, **CLIENT}
    return json.dumps(oidc | {"name": "the lab's Keycloak", "ask_every": 1} | more)


def _operations(store: Database, api: FakeApi) -> Any:
    actor = Actor(service="primehub-authenticator", scopes=frozenset({Scope.ACCOUNTS}))

    async def answer(path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        try:
            if path == "/accounts/provider-sign-in":
                request = ProviderSignIn.model_validate(body)
                state = await store.write(provider_sign_in.provider_sign_in, actor, request)
            elif path == "/accounts/provider-refusal":
                await store.write(provider_sign_in.provider_refusal, actor, ProviderRefusal.model_validate(body))
                return 204, {}
            elif path == "/invitations/inspect":
                view = await store.read(sign_in.inspect, actor, TokenInspection.model_validate(body))
                return 200, view.model_dump(mode="json")
            elif path == "/invitations/join":
                state = await store.write(sign_in.join, actor, InvitationJoin.model_validate(body))
            else:
                state = await store.read(lambda uow: provider_sign_in.state_of(uow, path.removeprefix("/accounts/")))
        except Problem as problem:
            return problem.status, {"status": problem.status, "code": problem.code, "detail": problem.detail}
        return 200, state.model_dump(mode="json")

    return answer
