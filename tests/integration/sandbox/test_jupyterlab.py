"""JupyterLab from an environment that the platform made, in a sandbox."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import httpx
import pytest
from tornado.websocket import websocket_connect

from primehub_services.domain.units import GIB
from tests.support.sandbox import Machine, free_port
from tests.support.waiting import wait_for_async

pytestmark = pytest.mark.sandbox


async def test_jupyterlab_runs_code_in_an_environment_that_was_built(isolated: Machine, base_environment: str) -> None:
    machine = Machine(isolated.workloads, base_environment)
    port, token = free_port(), uuid.uuid4().hex
    argv = (
        f"{base_environment}/bin/jupyter-lab",
        "--no-browser",
        f"--port={port}",
        "--ip=127.0.0.1",
        "--KernelManager.transport=ipc",
    )
    machine.start("lab", *argv, port=port, env={"JUPYTER_TOKEN": token}, memory=2 * GIB)
    headers = {"Authorization": f"token {token}"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as client:

        async def answers() -> bool:
            try:
                return (await client.get("/api/status")).status_code == 200
            except httpx.TransportError:
                return False

        await wait_for_async(answers, 60, what="JupyterLab answers")
        assert (await client.get("/lab")).status_code == 200
        kernel = (await client.post("/api/kernels", json={"name": "python3"})).json()
        result = await execute(port, kernel["id"], token, "import os; print(os.getcwd(), 6 * 7)")
    assert result == "/home/jovyan 42\n"
    machine.workloads.stop("lab", 20)
    status = machine.ended("lab")
    assert (status.code, status.reason) == (0, "Stopped")


async def execute(port: int, kernel: str, token: str, code: str) -> str:
    """What a kernel prints for ``code``."""
    socket = await websocket_connect(f"ws://127.0.0.1:{port}/api/kernels/{kernel}/channels?token={token}")
    header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "username": "", "session": "s", "version": "5"}
    content: dict[str, Any] = {"code": code, "silent": False}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
    await socket.write_message(json.dumps(message))
    printed = ""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        received = await socket.read_message()
        assert received is not None, "the kernel's connection was closed"
        answer = json.loads(received)
        if answer["parent_header"].get("msg_id") != header["msg_id"]:
            continue
        if answer["msg_type"] == "stream":
            printed += answer["content"]["text"]
        if answer["msg_type"] == "execute_reply":
            break
    socket.close()
    return printed
