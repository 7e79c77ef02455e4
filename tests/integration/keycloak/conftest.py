"""A real Keycloak, and a real hub that sends people to it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
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
from tests.support.parts import require
from tests.support.waiting import wait_for

FETCH = Path(__file__).parents[2] / "keycloak" / "fetch"
REALM = FETCH.with_name("realm.json")
HEAP = "-Xms64m -Xmx512m -XX:TieredStopAtLevel=1"


@dataclass
class Keycloak:
    """A running Keycloak with the realm of the tests."""

    url: str
    admin_password: str

    @property
    def issuer(self) -> str:
        """Of the tests' realm."""
        return f"{self.url}/realms/research-lab"

    def admin(self, method: str, path: str, **kwargs: Any) -> Any:
        """A call of its administration API on the realm."""
        with httpx.Client(trust_env=False, timeout=30) as client:
            form = {"grant_type": "password", "client_id": "admin-cli"}
            form |= {"username": "admin", "password": self.admin_password}
            answer = client.post(f"{self.url}/realms/master/protocol/openid-connect/token", data=form)
            headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
            url = f"{self.url}/admin/realms/research-lab{path}"
            response = client.request(method, url, headers=headers, **kwargs)
            assert response.is_success, response.text
            return response.json() if response.content else None

    def user_id(self, username: str) -> str:
        """The subject of a user."""
        found: str = self.admin("GET", "/users", params={"username": username, "exact": "true"})[0]["id"]
        return found

    def leave(self, username: str, group: str) -> None:
        """Take a user out of a group."""
        groups = self.admin("GET", f"/users/{self.user_id(username)}/groups")
        (group_id,) = [g["id"] for g in groups if g["name"] == group]
        self.admin("DELETE", f"/users/{self.user_id(username)}/groups/{group_id}")

    def change(self, username: str, **fields: Any) -> None:
        """Change a user's record."""
        self.admin("PUT", f"/users/{self.user_id(username)}", json=fields)

    def make_user(self, username: str, password: str) -> str:
        """A new user, with a subject of its own."""
        user = {"username": username, "enabled": True, "emailVerified": True, "email": f"{username}@example.org"}
        user |= {"firstName": "New", "lastName": "Person"}
        credentials = [{"type": "password", "value": password, "temporary": False}]
        self.admin("POST", "/users", json=user | {"credentials": credentials})
        return self.user_id(username)


@pytest.fixture(scope="session")
def hub_port() -> int:
    """Where the hub will be: the provider must know beforehand."""
    return free_port()


@pytest.fixture(scope="session")
def keycloak(tmp_path_factory: pytest.TempPathFactory, hub_port: int) -> Iterator[Keycloak]:
    """Keycloak with everything in memory."""
    require("keycloak", shutil.which("java") and shutil.which("mvn"), "a JDK and Maven are needed on PATH")
    fetched = subprocess.run([FETCH], stdout=subprocess.PIPE, text=True, check=False)
    require("keycloak", fetched.returncode == 0, f"{FETCH} failed")
    folder = tmp_path_factory.mktemp("keycloak")
    home = folder / "home"
    shutil.copytree(fetched.stdout.strip(), home, symlinks=True, copy_function=os.link)
    (home / "data" / "import").mkdir(parents=True)
    realm = REALM.read_text().replace("HUB_URL", f"http://127.0.0.1:{hub_port}")
    (home / "data" / "import" / "realm.json").write_text(realm)
    found = Keycloak(f"http://127.0.0.1:{free_port()}", "admin-of-the-tests")
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                home / "bin" / "kc.sh", "start", "--optimized", "--import-realm", "--http-enabled=true", "--hostname-strict=false",
                f"--http-port={found.url.rpartition(':')[2]}", "--http-host=127.0.0.1",
            ],
            env={
                **os.environ, "JAVA_OPTS_KC_HEAP": HEAP,
                "KC_BOOTSTRAP_ADMIN_USERNAME": "admin", "KC_BOOTSTRAP_ADMIN_PASSWORD": found.admin_password,
            },
            stdout=output, stderr=output,
        )  # fmt: skip

    def answers() -> bool:
        assert process.poll() is None, log.read_text()[-3000:]
        try:
            url = f"{found.issuer}/.well-known/openid-configuration"
            return httpx.get(url, trust_env=False, timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    try:
        wait_for(answers, 150, what=f"Keycloak answers (see {log})")
        yield found
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest_asyncio.fixture(loop_scope="session")
async def store(tmp_path: Path, migrated_sqlite: Path) -> AsyncIterator[Database]:
    """PrimeHub's own data, behind the fake API."""
    shutil.copy(migrated_sqlite, tmp_path / "primehub.sqlite")
    opened = Database(f"sqlite:///{tmp_path / 'primehub.sqlite'}")
    yield opened
    opened.close()


@pytest_asyncio.fixture(loop_scope="session")
async def hub(tmp_path: Path, keycloak: Keycloak, hub_port: int, store: Database) -> AsyncIterator[Hub]:
    """A hub with local accounts and the provider, over the real operations."""
    setting = {"PRIMEHUB_SETTING__ACCOUNTS__OIDC": _oidc(keycloak)}
    async with running_hub(tmp_path / "data", port=hub_port, **setting) as (running, api):
        api.accounts = _operations(store, api)
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def hub_without_passwords(
    tmp_path: Path, keycloak: Keycloak, hub_port: int, store: Database
) -> AsyncIterator[Hub]:
    """A hub to which the provider is the only way in."""
    setting = {"PRIMEHUB_SETTING__ACCOUNTS__OIDC": _oidc(keycloak, admin_groups=["root"])}
    setting["PRIMEHUB_SETTING__ACCOUNTS__LOCAL"] = "no"
    async with running_hub(tmp_path / "data", port=hub_port, **setting) as (running, api):
        api.accounts = _operations(store, api)
        yield running


def _oidc(keycloak: Keycloak, **more: Any) -> str:
    oidc = {"issuer": keycloak.issuer, "client_id": "primehub", "client_secret": "client-secret-for-tests"}
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
