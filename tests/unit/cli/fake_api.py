"""A platform's API with canned answers, over a real socket."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from primehub_services.client.base import API_PATH

NOW = "2026-11-01T12:00:00Z"


class FakeApi:
    """``answers[(method, path)]`` is ``(status, body)``, or a list of them, of which the last one stays.

    A body of bytes is sent as it is, everything else as JSON. A third part are headers.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.answers: dict[tuple[str, str], Any] = {}
        self.requests: list[dict[str, Any]] = []

    def answer(self, method: str, path: str) -> tuple[int, Any, dict[str, str]]:
        """The next canned answer."""
        found = self.answers.get((method, path))
        if found is None:
            return 404, {"detail": f"There is no thing {path!r} that you can see.", "code": "not-found"}, {}
        if isinstance(found, list):
            found = found.pop(0) if len(found) > 1 else found[0]
        status, body, *headers = found
        return status, body, headers[0] if headers else {}

    def sent(self, method: str, path: str) -> list[Any]:
        """The bodies sent there."""
        return [r["body"] for r in self.requests if (r["method"], r["path"]) == (method, path)]


def page(*items: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """A whole list in one page."""
    return 200, {"items": list(items), "total": len(items), "page": 1, "page_size": 200}


@contextmanager
def running() -> Iterator[FakeApi]:
    """A server on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            path = unquote(parts.path.removeprefix(API_PATH))
            request = {"method": self.command, "path": path, "body": body, "query": dict(parse_qsl(parts.query))}
            api.requests.append({**request, "token": self.headers.get("Authorization")})
            status, answer, headers = api.answer(self.command, path)
            text = b"" if status == 204 else answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    api = FakeApi(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
