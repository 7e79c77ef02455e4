"""A notebook by the API, with the real hub and the real spawner; and its own token."""

from __future__ import annotations

import pytest

from tests.support.waiting import wait_for_async

from .platform import ApiHub, Person, phase

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _start(person: Person) -> str:
    options = (await person.ask("GET", "/groups/research/launch-options")).json()
    request = {
        "group": "research",
        "instance_type": options["instance_types"][0]["slug"],
        "image": options["images"][0]["slug"],
    }
    assert (await person.ask("POST", "/groups/research/launch-checks", request)).json()["would_start"]
    started = await person.ask("POST", "/notebooks", request)
    assert started.status_code == 202, started.text
    notebook: str = started.json()["id"]
    return notebook


async def test_a_notebook_starts_runs_and_gives_its_quota_back(person: Person, name: str) -> None:
    notebook = await _start(person)
    running = await phase(person, notebook, "RUNNING")
    assert running["url"].startswith(f"/user/{name}/")
    used = (await person.ask("GET", "/groups/research/usage")).json()
    assert [line["id"] for line in used["holders"] if line["user"] == name] == [notebook]
    again = await person.ask("POST", "/notebooks", {k: running[k] for k in ("group", "instance_type", "image")})
    assert again.status_code == 409
    assert again.json()["decision"]["reasons"][0]["code"] == "already-running"

    assert (await person.ask("DELETE", f"/notebooks/{notebook}")).status_code == 202
    stopped = await phase(person, notebook, "STOPPED")
    assert name in stopped["reason"]
    used = (await person.ask("GET", "/groups/research/usage")).json()
    assert not [line for line in used["holders"] if line["user"] == name]


async def test_a_notebooks_token_is_for_its_group_and_its_server_alone(
    platform: ApiHub, person: Person, admin: Person, name: str
) -> None:
    await admin.ask("POST", "/groups", {"name": f"g-{name}"})
    await admin.ask("PUT", f"/groups/g-{name}/members/{name}", {})
    notebook = await _start(person)
    await phase(person, notebook, "RUNNING")
    token = platform.environment_of(notebook)["JUPYTERHUB_API_TOKEN"]
    async with platform.client(token) as inside:
        assert [g["group"] for g in (await inside.get("/me")).json()["groups"]] == ["research"]
        assert (await inside.get("/groups/research")).status_code == 200
        assert (await inside.get(f"/groups/g-{name}")).status_code == 404
        assert (await inside.get(f"/notebooks/{notebook}")).json()["phase"] == "RUNNING"
        kept = await inside.post(f"/notebooks/{notebook}/keep", json={})
        assert kept.status_code == 200, kept.text
        assert kept.json()["keep_until"]
        assert (await inside.delete(f"/notebooks/{notebook}")).status_code == 403
        body = {"note": "n", "scopes": ["custom:primehub:read"], "expires_in": 3600}
        assert (await inside.post("/me/tokens", json=body)).status_code == 403
        await person.ask("DELETE", f"/notebooks/{notebook}")
        await phase(person, notebook, "STOPPED")

        async def dead() -> bool:
            return (await inside.get("/me")).status_code == 401

        await wait_for_async(dead, 10, what="the token is dead after the stop")


async def test_a_launch_of_what_is_not_there_names_the_field(person: Person) -> None:
    request = {"group": "research", "instance_type": "nothing", "image": "base"}
    answer = await person.ask("POST", "/notebooks", request)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "instance_type"
