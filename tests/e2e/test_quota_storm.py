"""Two hundred people, one quota: exactly as many notebooks as fit, and a clear refusal for everybody else."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.support import crowd, databases
from tests.support.crowd import token_of
from tests.support.light_notebook import light_environment
from tests.support.platform import Platform, running_platform
from tests.support.waiting import wait_for, wait_for_async

__all__ = ["light_environment"]
pytestmark = [pytest.mark.e2e, pytest.mark.sandbox, pytest.mark.asyncio(loop_scope="module")]

PEOPLE = 200
GROUP, TYPE = "storm", "drop"
DROP = {"name": TYPE, "cpu_limit": 1, "memory_limit": "256Mi", "cpu_request": 0.001, "memory_request": "1Mi"}


@dataclass(frozen=True)
class Storm:
    """A platform and everybody who is about to start a notebook on it."""

    platform: Platform
    image: str
    tokens: dict[str, str]

    def launch(self) -> dict[str, str]:
        """What everybody asks for."""
        return {"group": GROUP, "instance_type": TYPE, "image": self.image}

    def set_quota(self, cpu: int) -> None:
        """How many notebooks fit into the group."""
        version = self.platform.call("GET", f"/groups/{GROUP}")["version"]
        self.platform.call("PATCH", f"/groups/{GROUP}", {"version": version, "group_quota": {"cpu": cpu}})

    def running(self, name: str) -> Any:
        """Everybody's notebooks that have not ended, in a phase."""
        found = self.platform.call("GET", "/notebooks?active=true&page_size=200")["items"]
        return {n["id"]: n for n in found if n["phase"] == name}

    async def end_all(self) -> None:
        """Stop what runs and wait until nothing is held."""
        async with crowd.client(self.platform) as http:
            for start_id in crowd.claimed(self.platform):
                url = f"{self.platform.api}/notebooks/{start_id}"
                await http.delete(url, headers=token_of(self.platform.admin_token))

        def over() -> bool:
            return not (crowd.claimed(self.platform) or crowd.alive(self.platform) or crowd.servers(self.platform))

        await wait_for_async(over, 60, what="everything has ended")


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
    platform.call("POST", "/groups", {"name": GROUP, "user_quota": {"cpu": 2}, "group_quota": {"cpu": 2}})
    platform.call("POST", "/instance-types", DROP)
    image = platform.call("GET", "/images")["items"][0]["slug"]
    wait_for(lambda: platform.call("GET", f"/images/{image}")["phase"] == "READY", 60, what="the image is ready")
    tokens = await crowd.add_people(platform, [f"p{number:03}" for number in range(PEOPLE)], GROUP)
    return Storm(platform, image, tokens)


async def settled(storm: Storm, quota: int) -> dict[str, Any]:
    """The notebooks that run once nothing is on its way any more: as many as fit, by every account of them."""

    def all_ready() -> bool:
        ready = crowd.ready(storm.platform)
        return not storm.running("STARTING") and len(ready) >= quota and ready == crowd.servers(storm.platform).keys()

    await wait_for_async(all_ready, 60, what="every granted start has become ready")
    running: dict[str, Any] = storm.running("RUNNING")
    assert len(running) == quota
    assert crowd.claimed(storm.platform) == running.keys()
    assert crowd.alive(storm.platform) == running.keys()
    assert crowd.ready(storm.platform) == crowd.servers(storm.platform).keys() == running.keys()
    return running


@pytest.mark.parametrize("quota", [10, 20])
async def test_two_hundred_starts_at_once_give_as_many_notebooks_as_the_quota_holds(storm: Storm, quota: int) -> None:
    storm.set_quota(quota)
    hub = storm.platform.state()["hub_pid"]
    async with crowd.client(storm.platform) as http:

        async def start(name: str, token: str) -> httpx.Response:
            return await http.post(f"{storm.platform.api}/notebooks", json=storm.launch(), headers=token_of(token))

        answers = await crowd.all_at_once(storm.tokens, start)
    codes = Counter(a.status_code for a in answers.values())
    assert codes == {202: quota, 409: PEOPLE - quota}, {a.status_code: a.text for a in answers.values()}
    granted = {name for name, answer in answers.items() if answer.status_code == 202}
    running = await settled(storm, quota)
    assert {n["user"] for n in running.values()} == granted

    for answer in answers.values():
        if answer.status_code == 409:
            check_refusal(answer, quota, granted)
    usage = storm.platform.call("GET", f"/groups/{GROUP}/usage")
    assert {line["id"] for line in usage["holders"]} == running.keys()
    assert storm.platform.state()["hub_pid"] == hub, "refusals are no failures of the hub"
    await storm.end_all()


def check_refusal(answer: httpx.Response, quota: int, granted: set[str]) -> None:
    """It says which budget is short, by the numbers, who holds it, and what would help."""
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    problem = answer.json()
    assert str(quota) in problem["detail"]
    decision = problem["decision"]
    assert decision["would_start"] is False
    assert decision["never"] is False
    (reason,) = decision["reasons"]
    assert (reason["code"], reason["budget"], reason["resource"]) == ("quota", "group", "cpu")
    full = f"{quota} cores"
    assert {k: reason[k] for k in ("limit", "used", "asked")} == {"limit": full, "used": full, "asked": "1 core"}
    assert reason["help"]
    holders = {holder["user"] for holder in reason["holders"]}
    assert holders
    assert holders <= granted


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
    await storm.end_all()


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
    await storm.end_all()
