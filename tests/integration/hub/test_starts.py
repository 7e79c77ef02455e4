"""Starting, refusing, ending and finding again servers on a real hub."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.waiting import wait_for_async

from .fake_api import FakeApi, Person
from .harness import Browser, Hub, running_hub

pytestmark = pytest.mark.asyncio(loop_scope="session")
REFUSAL: dict[str, Any] = {
    "status": 409,
    "code": "refused",
    "detail": "This cannot start.",
    "decision": {
        "would_start": False,
        "reasons": [
            {
                "code": "quota",
                "field": "instance_type",
                "message": "1 core short: the group's quota is 2 cores, 2 cores in use, 1 core asked.",
                "help": "Stop one of the holders.",
                "holders": [
                    {"user": "<b>bo", "kind": "notebook", "name": "", "amount": "2 cores", "since": "2026-01-01T00:00Z"}
                ],
            }
        ],
    },
}


async def test_a_start_reports_its_steps_and_its_end(hub: Hub, api: FakeApi, person: str) -> None:
    await hub.api("POST", f"/users/{person}")
    server = await hub.start_server(person, group="g1", instance_type="cpu-1", image="base")
    start_id = server["user_options"]["start_id"]
    assert start_id in api.claims

    async def told_ready() -> bool:
        return "ready" in [event["event"] for event in api.events[start_id]]

    await wait_for_async(told_ready)
    assert api.events[start_id][-1]["url"] == f"/user/{person}/lab"
    progress = [e["progress"] for e in api.events[start_id]]
    assert progress == sorted(progress)
    await hub.stop_server(person)
    assert api.events[start_id][-1]["event"] == "stopped"
    assert start_id not in api.claims


async def test_a_claim_that_the_options_name_is_asked_for(hub: Hub, api: FakeApi, person: str) -> None:
    await hub.api("POST", f"/users/{person}")
    await hub.start_server(person, group="g1", start_id="made-before")
    assert api.claims["made-before"]["user_options"]["start_id"] == "made-before"
    await hub.stop_server(person)


async def test_a_refusal_says_why_with_numbers_and_holders_and_is_no_failure_of_the_hub(
    hub: Hub, api: FakeApi, person: str, browser: Browser
) -> None:
    await browser.sign_in(person, "a good password")
    api.refuse = REFUSAL
    response = await hub.api("POST", f"/users/{person}/server", {"user_options": {"group": "g1"}}, check=False)
    assert response.status_code == 409
    message = response.json()["message"]
    assert "1 core short: the group's quota is 2 cores" in message
    assert "<b>bo (notebook, 2 cores)" in message
    page = await browser.get(f"/hub/spawn/{person}")
    sent = await browser.post(
        f"/hub/spawn/{person}", params={"_xsrf": browser.cookies.get("_xsrf", path="/hub/")}, data={}
    )
    assert page.status_code == 200
    assert "&lt;b&gt;bo" in sent.text
    assert "<b>bo" not in sent.text
    metrics = (await hub.api("GET", "/../metrics", check=False)).text
    assert 'status="error"' not in "".join(
        line
        for line in metrics.splitlines()
        if "server_spawn_duration_seconds_count" in line and not line.endswith(" 0.0")
    )
    assert "consecutive spawns failed" not in hub.log.read_text()


@pytest.mark.parametrize("server", ["", "/named"])
async def test_a_link_starts_nothing_of_whoever_opens_it(
    hub: Hub, api: FakeApi, person: str, browser: Browser, server: str
) -> None:
    await browser.sign_in(person, "a good password")
    seen = len(api.seen)
    page = await browser.get(f"/hub/spawn/{person}{server}", params={"group": "g1", "image": "evil"})
    assert page.status_code == 403
    assert "A link does not start a notebook" in page.text
    assert await hub.server(person, server.strip("/")) is None
    assert len(api.seen) == seen, "nothing was claimed"


async def test_a_session_is_not_sent_along_by_forms_of_other_sites(
    hub: Hub, api: FakeApi, person: str, browser: Browser
) -> None:
    response = await browser.sign_in(person, "a good password")
    sent = [cookie for answer in [*response.history, response] for cookie in answer.headers.get_list("set-cookie")]
    assert any(cookie.startswith("jupyterhub-hub-login=") for cookie in sent)
    assert [cookie for cookie in sent if "samesite=lax" not in cookie.lower()] == []


async def test_a_refused_start_is_not_asked_for_again_by_the_servers_last_options(
    hub: Hub, api: FakeApi, person: str
) -> None:
    await hub.api("POST", f"/users/{person}")
    options = {"group": "g1", "start_id": "given-up"}
    api.refuse = REFUSAL
    response = await hub.api("POST", f"/users/{person}/server", {"user_options": options}, check=False)
    assert response.status_code == 409
    api.refuse = None

    await hub.api("POST", f"/users/{person}/server")

    assert api.seen[-1]["user_options"] == {"group": "g1"}
    await hub.stop_server(person)


@pytest.mark.parametrize(
    "options",
    [{"environment": {"KEY": "s3cret"}}, {"group": ["g1"]}, {"safe_mode": "yes"}, {"group": "g" * 64}, {"cmd": ["sh"]}],
)
async def test_options_that_are_not_known_are_refused_by_name_and_not_kept(
    hub: Hub, api: FakeApi, person: str, options: dict[str, Any]
) -> None:
    await hub.api("POST", f"/users/{person}")
    seen = len(api.seen)
    response = await hub.api("POST", f"/users/{person}/server", {"user_options": options}, check=False)
    assert response.status_code == 400
    assert f"user_options.{next(iter(options))}" in response.json()["message"]
    assert len(api.seen) == seen
    kept = (await hub.api("GET", f"/users/{person}?include_stopped_servers")).json()["servers"]
    assert all(server["user_options"] == {} for server in kept.values())


async def test_environment_values_are_given_to_the_server_and_kept_nowhere_in_the_hub(
    hub: Hub, api: FakeApi, person: str
) -> None:
    await hub.api("POST", f"/users/{person}")
    api.environment = {"SECRET_THING": "s3cret-value", "JUPYTERHUB_USER": "somebody-else"}
    server = await hub.start_server(person, group="g1")
    env = hub.environment_of(server["user_options"]["start_id"])
    assert env["SECRET_THING"] == "s3cret-value"
    assert env["JUPYTERHUB_USER"] == person
    assert "s3cret-value" not in json.dumps(server)
    assert b"s3cret-value" not in (hub.data_dir / "hub" / "jupyterhub.sqlite").read_bytes()
    assert "s3cret-value" not in hub.log.read_text()
    await hub.stop_server(person)


async def _scopes(hub: Hub, start_id: str) -> set[str]:
    token = hub.environment_of(start_id)["JUPYTERHUB_API_TOKEN"]
    return set((await hub.api("GET", "/user", token=token)).json()["scopes"])


async def test_a_second_start_in_another_group_has_a_token_for_that_group_alone(
    hub: Hub, api: FakeApi, person: str
) -> None:
    await hub.api("POST", f"/users/{person}")
    api.people[person].groups = ("g1", "g9")
    first = await hub.start_server(person, group="g1")
    scopes = await _scopes(hub, first["user_options"]["start_id"])
    assert "custom:primehub:notebook!group=g1" in scopes
    await hub.stop_server(person)
    second = await hub.start_server(person, group="g9")
    scopes = await _scopes(hub, second["user_options"]["start_id"])
    assert "custom:primehub:notebook!group=g9" in scopes
    assert f"custom:primehub:notebook!server={person}/" in scopes
    assert f"access:servers!server={person}/" in scopes
    assert not any("g1" in scope for scope in scopes)
    assert not any(scope.startswith(("tokens", "custom:primehub:read", "custom:primehub:write")) for scope in scopes)
    await hub.stop_server(person)


async def test_starts_beside_other_requests_lose_nothing_of_what_was_claimed(
    hub: Hub, api: FakeApi, person: str
) -> None:
    """The hub rolls back, at the end of any request, what another has not committed by then."""
    people = [f"{person}{i}" for i in range(8)]
    for name in people:
        api.people[name] = Person()
        await hub.api("POST", f"/users/{name}")
    before = hub.log.stat().st_size
    starting = asyncio.gather(*(hub.start_server(name, group="g1") for name in people))
    while not starting.done():
        await asyncio.gather(*(hub.api("GET", "/info") for _ in range(8)))
    for name, server in zip(people, starting.result(), strict=True):
        scopes = await _scopes(hub, server["user_options"]["start_id"])
        assert {"custom:primehub:notebook!group=g1", f"access:servers!server={name}/"} <= set(scopes)
    await asyncio.gather(*(hub.stop_server(name) for name in people))
    assert "Rolling back" not in hub.log.read_bytes()[before:].decode()


async def test_a_notebooks_token_mints_none_stops_nothing_and_ends_with_the_server(
    hub: Hub, api: FakeApi, person: str
) -> None:
    await hub.api("POST", f"/users/{person}")
    server = await hub.start_server(person, group="g1")
    token = hub.environment_of(server["user_options"]["start_id"])["JUPYTERHUB_API_TOKEN"]
    for method, path in (
        ("POST", f"/users/{person}/tokens"),
        ("DELETE", f"/users/{person}/server"),
        ("GET", "/users"),
        ("GET", "/groups"),
    ):
        response = await hub.api(method, path, token=token, check=False)
        assert response.status_code in (403, 404), path
    await hub.stop_server(person)
    assert (await hub.api("GET", "/user", token=token, check=False)).status_code == 403


async def test_a_server_that_dies_gives_its_claim_back_with_its_exit_code(hub: Hub, api: FakeApi, person: str) -> None:
    await hub.api("POST", f"/users/{person}")
    server = await hub.start_server(person, group="g1")
    start_id = server["user_options"]["start_id"]
    os.kill(int((hub.data_dir / "workloads" / start_id / "pid").read_text()), signal.SIGKILL)
    await wait_for_async(lambda: start_id not in api.claims)
    assert api.events[start_id][-1] == {"event": "stopped", "exit_code": 137, "reason": ""}


async def test_a_server_that_ends_while_it_starts_is_reported_with_its_last_words_and_released(
    hub: Hub, api: FakeApi, person: str
) -> None:
    await hub.api("POST", f"/users/{person}")
    api.dying_plans = True
    response = await hub.api("POST", f"/users/{person}/server", {"user_options": {"group": "g1"}}, check=False)
    assert response.status_code == 500
    assert "Error, code 3" in response.json()["message"]
    assert "No module named" in response.json()["message"]
    assert all(claim["user"] != person for claim in api.claims.values())


async def test_a_start_that_is_cancelled_gives_its_claim_back(hub: Hub, api: FakeApi, person: str) -> None:
    await hub.api("POST", f"/users/{person}")
    api.slow_plans = True
    response = await hub.api("POST", f"/users/{person}/server", {"user_options": {"group": "g1"}})
    assert response.status_code == 202
    start_id = next(key for key, claim in api.claims.items() if claim["user"] == person)

    async def cancelled() -> bool:
        answer = await hub.api("DELETE", f"/users/{person}/server", check=False)
        return answer.is_success and start_id not in api.claims

    await wait_for_async(cancelled, 30)


async def test_progress_reaches_the_hubs_own_page(hub: Hub, api: FakeApi, person: str, browser: Browser) -> None:
    await browser.sign_in(person, "a good password")
    api.slow_plans = True
    await hub.api("POST", f"/users/{person}/server", {"user_options": {"group": "g1"}})
    messages = []
    async with browser.stream("GET", f"/hub/api/users/{person}/server/progress") as response:
        async for line in response.aiter_lines():
            if line.startswith("data:"):
                messages.append(json.loads(line[5:])["message"])
            if any("Starting base with cpu-1 in G1" in message for message in messages):
                break
    assert messages


async def test_a_killed_hub_finds_its_servers_again(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as (hub, api):
        for name in ("ann", "bo", "cy"):
            api.people[name] = Person()
            await hub.api("POST", f"/users/{name}")
        ann = (await hub.start_server("ann", group="g1"))["user_options"]["start_id"]
        bo = (await hub.start_server("bo", group="g1"))["user_options"]["start_id"]
        token = hub.environment_of(ann)["JUPYTERHUB_API_TOKEN"]
        hub.kill()
        # one dies while the hub is away
        os.kill(int((tmp_path / "workloads" / bo / "pid").read_text()), signal.SIGKILL)
        await wait_for_async(lambda: (tmp_path / "workloads" / bo / "code").exists())
        await hub.start()

        async def found() -> bool:
            server = await hub.server("ann")
            return bool(server and server["ready"] and await hub.server("bo") is None)

        await wait_for_async(found, 20)
        assert ann in api.claims
        assert bo not in api.claims
        assert api.events[bo][-1]["event"] == "stopped"
        assert (await hub.api("GET", "/user", token=token)).json()["name"] == "ann"
        await hub.stop_server("ann")
        assert ann not in api.claims


async def test_a_hub_killed_in_the_middle_of_a_start_takes_the_server_up_or_gives_the_claim_back(
    tmp_path: Path,
) -> None:
    async with running_hub(tmp_path) as (hub, api):
        api.people["ann"] = Person()
        await hub.api("POST", "/users/ann")
        api.slow_plans = True
        asking = asyncio.ensure_future(hub.api("POST", "/users/ann/server", {"user_options": {}}, check=False))
        await wait_for_async(lambda: list(tmp_path.glob("workloads/*/pid")))
        hub.kill()
        await asyncio.wait([asking])
        start_id = next(iter(api.claims))
        await hub.start()
        # it never answers, so the hub cannot take it up: it must be ended, with nothing held
        pid = int((tmp_path / "workloads" / start_id / "pid").read_text())

        async def consistent() -> bool:
            alive = (tmp_path / "workloads" / start_id / "code").exists() is False
            server = await hub.server("ann")
            return (server is not None and alive) or (start_id not in api.claims and not alive)

        await wait_for_async(consistent, 40)
        assert pid


async def test_the_idle_culler_stops_what_the_api_says_and_nothing_while_it_is_away(tmp_path: Path) -> None:
    async with running_hub(tmp_path, TEST_CULLER="1") as (hub, api):
        for name in ("ann", "bo"):
            api.people[name] = Person()
            await hub.api("POST", f"/users/{name}")
            await hub.start_server(name, group="g1")
        await wait_for_async(lambda: {("ann", ""), ("bo", "")} <= set(api.asked_to_cull), 20)
        assert await hub.server("ann")
        assert await hub.server("bo")
        assert hub.process is not None
        children = psutil.Process(hub.process.pid).children()
        (culler,) = [p for p in children if "jupyterhub_idle_culler" in p.cmdline()]
        api.idle = {("ann", "")}

        async def culled() -> bool:
            return await hub.server("ann") is None

        await wait_for_async(culled, 20)
        assert await hub.server("bo")
        assert [claim["user"] for claim in api.claims.values()] == ["bo"]
        api.away, api.idle = True, {("bo", "")}
        told = "PrimeHub's API does not say whether to"
        await wait_for_async(lambda: told in hub.log.read_text(), 20)
        assert await hub.server("bo")
        hub.kill()
        await wait_for_async(lambda: not culler.is_running(), what="the culler ends with its hub")
