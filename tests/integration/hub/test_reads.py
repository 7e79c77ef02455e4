"""What PrimeHub's services read of a real hub: servers and tokens, at little cost, and for nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from hub_config.secret_files import secret_file
from primehub_services.hub import HubClient
from tests.support.waiting import wait_for_async

from .fake_api import FakeApi
from .harness import Hub

pytestmark = pytest.mark.asyncio(loop_scope="session")
SERVICE = "primehub-token"


@pytest.fixture
async def services(hub: Hub) -> AsyncIterator[HubClient]:
    client = HubClient(f"{hub.url}/hub/api", SERVICE)
    yield client
    await client.close()


async def test_servers_are_those_of_the_hubs_own_list(hub: Hub, api: FakeApi, person: str, services: HubClient) -> None:
    await hub.api("POST", f"/users/{person}")
    await hub.start_server(person, group="g1")

    (found,) = [server for server in await services.servers() if server.user == person]

    assert (found.name, found.ready, found.pending, found.url) == ("", True, None, f"/user/{person}/")
    assert found.last_activity is not None
    listed = (await hub.api("GET", "/users?state=active", token=SERVICE)).json()
    assert {server.user for server in await services.servers()} == {user["name"] for user in listed}
    await hub.stop_server(person)
    assert all(server.user != person for server in await services.servers())


async def test_prometheus_reads_the_hubs_numbers_with_its_token_and_nothing_else(hub: Hub) -> None:
    token = secret_file(hub.data_dir / "secrets" / "metrics.token")
    async with httpx.AsyncClient(trust_env=False, headers={"Authorization": f"Bearer {token}"}) as prometheus:
        assert "jupyterhub_" in (await prometheus.get(f"{hub.url}/hub/metrics")).text
        assert (await prometheus.get(f"{hub.url}/hub/api/users")).status_code == 403
    async with httpx.AsyncClient(trust_env=False) as stranger:
        assert (await stranger.get(f"{hub.url}/hub/metrics")).status_code == 403


async def test_a_server_that_is_starting_is_among_them(
    hub: Hub, api: FakeApi, person: str, services: HubClient
) -> None:
    await hub.api("POST", f"/users/{person}")
    api.slow_plans = True
    await hub.api("POST", f"/users/{person}/server", {"user_options": {"group": "g1"}})

    (found,) = [server for server in await services.servers() if server.user == person]

    assert (found.ready, found.pending) == (False, "spawn")


async def test_a_token_is_good_until_it_is_revoked(hub: Hub, api: FakeApi, person: str, services: HubClient) -> None:
    await hub.api("POST", f"/users/{person}")
    kept, revoked = [(await hub.api("POST", f"/users/{person}/tokens", {})).json() for _ in range(2)]
    asked = {kept["token"], revoked["token"], kept["token"][:-1] + "?", "nonsense", ""}
    assert await services.good_tokens(asked) == {kept["token"], revoked["token"]}

    await hub.api("DELETE", f"/users/{person}/tokens/{revoked['id']}")
    # which takes the other's number in the database
    another = (await hub.api("POST", f"/users/{person}/tokens", {})).json()

    assert await services.good_tokens(asked) == {kept["token"]}
    assert await services.good_tokens({another["token"]}) == {another["token"]}


async def test_an_expired_token_is_not_good(hub: Hub, api: FakeApi, person: str, services: HubClient) -> None:
    await hub.api("POST", f"/users/{person}")
    token = (await hub.api("POST", f"/users/{person}/tokens", {"expires_in": 1})).json()["token"]

    async def expired() -> bool:
        return not await services.good_tokens({token})

    await wait_for_async(expired)


@pytest.mark.parametrize(
    ("method", "path", "body"), [("GET", "/primehub/servers", None), ("POST", "/primehub/tokens", {"tokens": []})]
)
async def test_nobody_else_reads_them(
    hub: Hub, api: FakeApi, person: str, method: str, path: str, body: dict[str, list[str]] | None
) -> None:
    await hub.api("POST", f"/users/{person}")
    persons = (await hub.api("POST", f"/users/{person}/tokens", {})).json()["token"]
    spawners = secret_file(hub.data_dir / "secrets" / "spawner.token")
    # the culler may see servers anyway, in the hub's own list
    cullers = ["primehub-idle-culler-token"] if method == "POST" else []
    for token in (persons, spawners, "nobodys", *cullers):
        assert (await hub.api(method, path, body, token=token, check=False)).status_code == 403, token
    assert (await hub.api(method, path, body, token=SERVICE)).status_code == 200


@pytest.mark.parametrize("body", [None, [], {}, {"tokens": "x"}, {"tokens": [1]}, {"tokens": ["x"] * 1001}])
async def test_a_question_that_is_none_is_refused_by_its_field(hub: Hub, api: FakeApi, body: object) -> None:
    response = await hub.api("POST", "/primehub/tokens", body, token=SERVICE, check=False)
    assert response.status_code == 400
    assert "tokens: must be a list" in response.json()["message"]
