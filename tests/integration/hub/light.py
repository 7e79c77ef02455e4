"""Workloads and a proxy that cost nothing: for tests of the hub's side that are not about a sandbox or a proxy."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from jupyterhub.proxy import Proxy

from primehub_services.domain.launch import LaunchPlan
from primehub_services.sandbox.layout import Layout
from primehub_services.sandbox.spec import (
    LogChunk,
    Rendered,
    SandboxOptions,
    SandboxSpec,
    WorkloadState,
    WorkloadStatus,
)

SERVER = """
import http.server, os, signal, sys
mood = os.environ["MOOD"]
if mood == "dying":
    print("ModuleNotFoundError: No module named '<jupyterhub>'", flush=True)
    sys.exit(3)
if mood == "slow":
    signal.pause()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"{}")
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


class LightWorkloads:
    """What ``sandbox.Workloads`` promises, by plain processes of one folder each."""

    def __init__(self, data_dir: Path) -> None:
        self.layout = Layout(data_dir)
        self.options = SandboxOptions()

    def render(self, plan: LaunchPlan, *, env: dict[str, str], port: int, **_: Any) -> Rendered:
        """The variables alone."""
        env = {**plan.environment, **env, "PORT": str(port)}
        return Rendered(spec=SandboxSpec(key=plan.start_id, argv=("server",), env=env, uid=1000, gid=1000))

    def start(self, spec: SandboxSpec) -> None:
        """Start a server that answers everything."""
        folder = self.layout.workload(spec.key)
        folder.mkdir(parents=True)
        (folder / "env.json").write_text(json.dumps(spec.env))
        command = [sys.executable, "-c", SERVER]
        script = 'trap "" HUP; "$@" & echo $! > pid; wait $!; echo $? > code.new; mv code.new code'
        with (folder / "log").open("wb") as log:
            subprocess.Popen(
                ["sh", "-c", script, "sh", *command],
                cwd=folder, env=spec.env | {"PATH": os.environ["PATH"]},
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def status(self, key: str) -> WorkloadStatus | None:
        """By the files that the process's shell leaves."""
        folder = self.layout.workload(key)
        if not folder.exists():
            return None
        if (folder / "code").exists():
            code = int((folder / "code").read_text())
            return WorkloadStatus(key=key, state=WorkloadState.EXITED, code=code, reason="Error" if code == 3 else "")
        return WorkloadStatus(key=key, state=WorkloadState.RUNNING)

    def stop(self, key: str, grace_s: float | None = None) -> None:
        """End it at once."""
        pid = self.layout.workload(key) / "pid"
        if pid.exists() and pid.read_text().strip():
            try:
                os.kill(int(pid.read_text()), signal.SIGKILL)
            except ProcessLookupError:
                return

    def remove(self, key: str) -> None:
        """Forget it."""

    def read_log(self, key: str, offset: int = 0, limit: int = 65536) -> LogChunk:
        """All of it."""
        data = (self.layout.workload(key) / "log").read_bytes()
        return LogChunk(data=data, start=0, next_offset=len(data), size=len(data))


class NoProxy(Proxy):
    """Keeps routes in memory: the tests speak to the hub and the servers themselves."""

    should_start = False

    async def add_route(self, routespec: str, target: str, data: dict[str, Any]) -> None:
        """Note a route."""
        routes()[routespec] = {"routespec": routespec, "target": target, "data": data}

    async def delete_route(self, routespec: str) -> None:
        """Drop a route."""
        routes().pop(routespec, None)

    async def get_all_routes(self) -> dict[str, Any]:
        """Every route."""
        return dict(routes())


_ROUTES: dict[str, Any] = {}


def routes() -> dict[str, Any]:
    """The routes of this process."""
    return _ROUTES
