"""JupyterLab from an environment that the platform made, in a sandbox."""

from __future__ import annotations

import json
import time
import uuid
import zipfile
from typing import Any

import httpx
import pytest
from tornado.websocket import websocket_connect

from primehub_services.domain.launch import Mount, MountKind
from primehub_services.domain.units import GIB
from tests.support.sandbox import Machine, free_port, make_plan
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
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as client:

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


@pytest.fixture
def lab(isolated: Machine, base_environment: str) -> Lab:
    """JupyterLab on a port of its own."""
    return Lab(Machine(isolated.workloads, base_environment))


class Lab:
    """Starts JupyterLab as a person with a home folder, in safe mode or not."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def mounts(self, key: str, *, safe_mode: bool) -> tuple[Mount, ...]:
        if not safe_mode:
            return make_plan(key).mounts
        scratch = Mount(kind=MountKind.SCRATCH, slug="home", path="/home/jovyan")
        home = Mount(kind=MountKind.HOME, slug="ann", path="/home/jovyan/user")
        return (scratch, home, make_plan(key).mounts[1])

    async def serves(self, key: str, *, safe_mode: bool) -> bool:
        """Whether it answers, or ends before it does."""
        port = free_port()
        argv = (f"{self.machine.prefix}/bin/jupyter-lab", "--no-browser", f"--port={port}", "--ip=127.0.0.1")
        mounts = self.mounts(key, safe_mode=safe_mode)
        self.machine.start(key, *argv, port=port, env={"JUPYTER_TOKEN": "t"}, memory=2 * GIB, mounts=mounts)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", params={"token": "t"}) as client:

            async def settled() -> str:
                status = self.machine.workloads.status(key)
                assert status is not None
                if not status.alive:
                    return "ended"
                try:
                    return "answers" if (await client.get("/api/status")).status_code == 200 else ""
                except httpx.TransportError:
                    return ""

            return await wait_for_async(settled, 60, what="JupyterLab answers or ends") == "answers"


async def test_safe_mode_starts_what_a_persons_own_files_keep_from_starting(lab: Lab) -> None:
    mess = "mkdir -p ~/.jupyter; echo 'raise SystemExit(3)' > ~/.jupyter/jupyter_server_config.py; echo mine > ~/work"
    lab.machine.run("mess", mess)
    assert not await lab.serves("plain", safe_mode=False)
    assert await lab.serves("safe", safe_mode=True)
    _, output = lab.machine.run("look", "cat ~/user/work; ls -a ~", mounts=lab.mounts("look", safe_mode=True))
    assert output.splitlines()[0] == "mine"
    assert ".jupyter" not in output


async def test_packages_that_people_install_are_found_and_keep_no_jupyterlab_from_starting(lab: Lab) -> None:
    install = (
        "site=$(python -m site --user-site); printf 'raise SystemExit(3)' > $site/tornado.py;"
        " printf 'ANSWER = 42' > $site/mine.py; python -c 'import mine; print(mine.ANSWER)'"
    )
    _, output = lab.machine.run("install", install)
    assert output == "42\n"
    assert await lab.serves("plain", safe_mode=False)


def test_pip_installs_beside_the_environment(lab: Lab) -> None:
    files = {
        "hello.py": "WORD = 'hello'\n",
        "hello-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: hello\nVersion: 1.0\n",
        "hello-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "hello-1.0.dist-info/RECORD": "",
    }
    lab.machine.run("home", "true")
    wheel = lab.machine.workloads.layout.home("ann") / "hello-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    wheel.chmod(0o644)
    script = "python -m pip install --no-index ~/hello-1.0-py3-none-any.whl && python -c 'import hello; print(hello)'"
    status, output = lab.machine.run("install", script)
    assert status.code == 0, output
    assert "/home/jovyan/.local/lib/" in output.splitlines()[-1]
