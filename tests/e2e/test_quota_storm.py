"""Two hundred people, one quota: exactly as many notebooks as fit, and a clear refusal for everybody else."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.support import crowd, databases
from tests.support.crowd import token_of
from tests.support.light_notebook import light_environment
from tests.support.platform import STARTS_IN, Platform, running_platform
from tests.support.storm import Storm, as_many_run_as_the_quota_holds, gather, settled
from tests.support.waiting import wait_for

__all__ = ["light_environment"]
pytestmark = [pytest.mark.e2e, pytest.mark.sandbox, pytest.mark.asyncio(loop_scope="module")]

PEOPLE = 200


@pytest.fixture(scope="module", params=("sqlite", pytest.param("postgres", marks=pytest.mark.postgres)))
def platform(request: pytest.FixtureRequest, light_environment: str) -> Iterator[Platform]:
    """A platform on either store."""
    with ExitStack() as stack:
        environ = {"PRIMEHUB_SETTING__LOCAL__BASE_ENVIRONMENT": light_environment}
        if request.param == "postgres":
            url = stack.enter_context(databases.postgres_database(databases.postgres_server()))
            environ["PRIMEHUB_SETTING__DATABASE_URL"] = url
        yield stack.enter_context(running_platform(environ))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def storm(platform: Platform) -> Storm:
    """Everybody, and something small to start."""
    image = platform.call("GET", "/images")["items"][0]["slug"]
    wait_for(lambda: platform.call("GET", f"/images/{image}")["phase"] == "READY", STARTS_IN, what="the image is ready")
    return await gather(platform, image, PEOPLE)


@pytest_asyncio.fixture(loop_scope="module")
async def over(storm: Storm) -> AsyncIterator[None]:
    """Nothing is held after the test."""
    async with storm.over():
        yield


@pytest.mark.parametrize("quota", [10, 20])
async def test_two_hundred_starts_at_once_give_as_many_notebooks_as_the_quota_holds(storm: Storm, quota: int) -> None:
    await as_many_run_as_the_quota_holds(storm, quota)


@pytest.mark.usefixtures("over")
async def test_starts_past_the_portal_are_held_by_the_same_quota(storm: Storm) -> None:
    quota, some = 3, dict(list(storm.tokens.items())[:20])
    storm.set_quota(quota)
    async with crowd.client(storm.platform) as http:

        async def start(name: str, token: str) -> httpx.Response:
            body = {"user_options": storm.launch()}
            return await http.post(f"/hub/api/users/{name}/server", json=body, headers=token_of(token))

        answers = await crowd.all_at_once(some, start)
    granted = {n["user"] for n in (await settled(storm, quota)).values()}
    assert len(granted) == quota
    # a hub that has no answer within 2 s says 202, whatever becomes of the start
    told = {name: answer for name, answer in answers.items() if answer.status_code == 409}
    assert {a.status_code for name, a in answers.items() if name not in told} <= {201, 202}
    assert not granted & told.keys()
    for answer in told.values():
        assert str(quota) in answer.json()["message"], answer.text
        assert any(name in answer.json()["message"] for name in granted), answer.text


@pytest.mark.usefixtures("over")
async def test_a_person_cannot_get_more_by_asking_again_and_again(storm: Storm) -> None:
    """Named servers, double clicks and another way in: the same person, the same quota, at the same moment."""
    storm.set_quota(2)
    name, token = next(iter(storm.tokens.items()))
    async with crowd.client(storm.platform) as http:

        async def start(number: str, _: str) -> httpx.Response:
            server = f"s{int(number) % 4}"
            if int(number) % 2:
                body: dict[str, Any] = {"user_options": storm.launch()}
                return await http.post(f"/hub/api/users/{name}/servers/{server}", json=body, headers=token_of(token))
            body = {**storm.launch(), "server_name": server}
            return await http.post(f"{storm.platform.api}/notebooks", json=body, headers=token_of(token))

        answers = await crowd.all_at_once({str(number): "" for number in range(12)}, start)
    assert all(a.status_code < 500 for a in answers.values()), [json.loads(a.text) for a in answers.values()]
    await settled(storm, 2)
