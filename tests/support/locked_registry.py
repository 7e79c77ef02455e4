"""A registry that asks for a password, on the loopback of every node: the tests' own one, behind a door.

Nodes ask their loopback in the clear, whatever their configuration; what listens there shares their network.
"""

from __future__ import annotations

import os
import random
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .cluster import REGISTRY, Namespace, foreign_image
from .parts import require

USER, PASSWORD = "ann", "pässword"
DOOR = """
import base64, http.client, http.server, shutil, sys

port, upstream, user, password = sys.argv[1:]
KEY = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

class Door(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.headers.get("Authorization") != KEY:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="tests"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        asked = http.client.HTTPConnection(upstream, timeout=60)
        asked.request(self.command, self.path, headers={"Accept": self.headers.get("Accept", "*/*")})
        answer = asked.getresponse()
        self.send_response(answer.status)
        for name in ("Content-Type", "Content-Length", "Docker-Content-Digest"):
            if value := answer.getheader(name):
                self.send_header(name, value)
        self.end_headers()
        shutil.copyfileobj(answer, self.wfile)

    do_HEAD = do_GET

http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Door).serve_forever()
"""


@dataclass(frozen=True)
class LockedRegistry:
    """The registry, as nodes call it."""

    host: str

    @property
    def image(self) -> str:
        """An image that is had with the password alone."""
        return f"{self.host}/{foreign_image().partition('/')[2]}"


@contextmanager
def locked_registry() -> Iterator[LockedRegistry]:
    """The registry, in a namespace of its own until the block ends."""
    upstream = os.environ.get(REGISTRY, "")
    require("cluster", upstream, f"{REGISTRY} names no registry, before which there could be a door")
    namespace = Namespace(f"primehub-test-{uuid.uuid4().hex[:10]}")
    port = random.randint(20000, 29999)  # of the nodes, where it cannot be asked which are free
    namespace.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace.name}})
    try:
        namespace.apply(make_door(port, upstream))
        namespace.kubectl("rollout", "status", "daemonset/door", "--timeout=50s")
        yield LockedRegistry(f"127.0.0.1:{port}")
    finally:
        namespace.kubectl("delete", "namespace", namespace.name, "--wait=false", check=False)


def make_door(port: int, upstream: str) -> dict[str, object]:
    """What stands before the registry, on each node. Pure."""
    container = {
        "name": "door",
        "image": foreign_image(),
        "command": ["python3", "-c", DOOR, str(port), upstream, USER, PASSWORD],
        "readinessProbe": {"tcpSocket": {"host": "127.0.0.1", "port": port}, "periodSeconds": 1},
    }
    pod = {"hostNetwork": True, "terminationGracePeriodSeconds": 0, "containers": [container]}
    labels = {"app": "door"}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "door"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def secret(host: str) -> dict[str, str]:
    """The body that keeps the password with the platform."""
    return {"name": "door", "kind": "pull", "registry": host, "username": USER, "value": PASSWORD}
