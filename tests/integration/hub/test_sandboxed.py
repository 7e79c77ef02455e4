"""JupyterLab in a real sandbox, started, used, found again and stopped by a real hub."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from primehub_services.sandbox.workloads import Workloads
from tests.support.environment import base_environment
from tests.support.sandbox import plain_python, public_folder
from tests.support.waiting import wait_for_async

from .fake_api import FakeApi, Person
from .harness import Hub, running_hub

__all__ = ["base_environment", "plain_python"]
pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.sandbox]


@pytest_asyncio.fixture(loop_scope="session")
async def sandboxed(base_environment: str) -> AsyncIterator[tuple[Hub, FakeApi]]:
    """A hub whose workloads really are sandboxed."""
    with public_folder() as folder:
        setting = {"PRIMEHUB_SETTING__LOCAL__ALLOW_UNSANDBOXED": "true"}
        async with running_hub(folder, TEST_WORKLOADS="real", **setting) as (hub, api):
            api.prefix = base_environment
            api.people["ann"] = Person()
            await hub.api("POST", "/users/ann")
            yield hub, api
            Workloads(folder).stop_all(2)


async def _notebook(hub: Hub, port: int, token: str, method: str, path: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        headers = {"Authorization": f"token {token}"}
        return await client.request(method, f"http://127.0.0.1:{port}/user/ann{path}", headers=headers)


async def test_a_notebook_starts_runs_a_kernel_over_ipc_survives_the_hub_and_stops(
    sandboxed: tuple[Hub, FakeApi],
) -> None:
    hub, api = sandboxed
    server = await hub.start_server("ann", group="g1")
    port, start_id = server["state"]["port"], server["state"]["start_id"]
    token = (await hub.api("POST", "/users/ann/tokens", {})).json()["token"]

    lab = await _notebook(hub, port, token, "GET", "/lab")
    assert lab.status_code == 200
    assert "JupyterLab" in lab.text
    kernel = (await _notebook(hub, port, token, "POST", "/api/kernels")).json()["id"]

    async def idle() -> bool:
        answer = await _notebook(hub, port, token, "GET", f"/api/kernels/{kernel}")
        return answer.json()["execution_state"] in ("idle", "starting")

    await wait_for_async(idle, 30)
    command = (hub.data_dir / "workloads" / start_id / "spec.json").read_text()
    assert "--KernelManager.transport=ipc" in command

    hub.kill()
    await hub.start()

    async def found() -> bool:
        model = await hub.server("ann")
        return bool(model and model["ready"])

    await wait_for_async(found, 20)
    assert (await _notebook(hub, port, token, "GET", f"/api/kernels/{kernel}")).status_code == 200
    assert start_id in api.claims

    await hub.stop_server("ann")
    assert start_id not in api.claims
    stopped = api.events[start_id][-1]
    assert (stopped["event"], stopped["reason"]) == ("stopped", "Stopped")


async def test_an_image_without_jupyterhub_says_so(sandboxed: tuple[Hub, FakeApi], plain_python: str) -> None:
    hub, api = sandboxed
    api.prefix = plain_python
    response = await hub.api("POST", "/users/ann/server", {"user_options": {"group": "g1"}}, check=False)
    assert response.status_code == 500
    assert re.search(r"No module named .?jupyterhub", response.json()["message"])
    assert not api.claims
