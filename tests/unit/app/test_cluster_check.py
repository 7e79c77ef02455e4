"""What ``helm test`` leaves behind when it is ended in its middle."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

TOKEN = {"id": "a1", "token": "secret"}


class Recorder(ThreadingHTTPServer):
    """Answers like a platform whose notebook never gets ready, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.asked: list[tuple[str, str, Any]] = []
        self.waiting = threading.Event()


class Answer(BaseHTTPRequestHandler):
    """One request."""

    server: Recorder

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        path = self.path.removeprefix("/services/primehub/api/v1")
        self.server.asked.append((self.command, path, body))
        image = {"slug": "base", "phase": "READY", "all_groups": True}
        notebook = {"id": "n1", "phase": "STARTING", "reason": "", "events": []}
        answers: dict[tuple[str, str], Any] = {
            ("POST", "/accounts/provider-sign-in"): {"name": "helm-test"},
            ("POST", "/hub/api/users/helm-test/tokens"): TOKEN,
            ("GET", "/images"): {"items": [image]},
            ("POST", "/notebooks"): notebook,
            ("GET", "/notebooks/n1"): notebook,
            ("GET", "/services/primehub-gateway/healthz"): {"table": "current"},
        }
        text = json.dumps(answers.get((self.command, path), {"slug": "helm-test"})).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
        if self.command == "GET" and path == "/notebooks/n1":
            self.server.waiting.set()

    do_GET = do_POST = do_PUT = do_DELETE = _answer

    def log_message(self, *_: Any) -> None:
        """Nothing: the test's own output is what counts."""


@pytest.fixture
def platform() -> Iterator[Recorder]:
    """It answers until the test ends."""
    with Recorder() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_check_that_is_ended_in_its_middle_leaves_no_administrator_and_no_token(platform: Recorder) -> None:
    environment = {
        **os.environ,
        "PRIMEHUB_CHECK_URL": f"http://127.0.0.1:{platform.server_port}",
        "PRIMEHUB_CHECK_AUTHENTICATOR_TOKEN": "a",
        "PRIMEHUB_CHECK_SERVICES_TOKEN": "b",
    }
    with subprocess.Popen([sys.executable, "-m", "primehub_services.cluster_check"], env=environment) as check:
        try:
            assert platform.waiting.wait(60), "it waits for its notebook"
        finally:
            check.terminate()
        assert check.wait(30) == 143
    ends = [(method, path) for method, path, _ in platform.asked if method == "DELETE"]
    assert ("DELETE", f"/hub/api/users/helm-test/tokens/{TOKEN['id']}") in ends
    assert ("DELETE", "/notebooks/n1") in ends
    method, path, body = platform.asked[-1]
    assert (method, path) == ("POST", "/accounts/provider-sign-in")
    assert body["platform_admin"] is False
