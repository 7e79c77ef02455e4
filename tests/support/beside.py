"""A pod beside the platform's, as an operator may have one, that answers everybody and asks whom it likes.

What a notebook does not reach proves nothing by itself: nobody may be there. This pod is, and reaches what may be reached.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise
from typing import Any

from .cluster import own_address
from .installed import Installed
from .parts import require

Address = tuple[str, int]
NAME = "beside"
DATABASE = 5432
"""The port at which it listens: one that the platform's pods may ask, as a database's."""
LIKE_METADATA = "169.254.169.99"
"""Beside the address of a cloud's metadata (which a machine in a cloud needs), and closed by the same rule."""
LIKE_INTERNET = "203.0.113.99"
"""An address that is of no network inside: one of those that are kept for documentation."""
# `.ci/run` reads both here, and gives them to the machine before any test

LISTENS = f"""
import socketserver
socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("", {DATABASE}), socketserver.BaseRequestHandler).serve_forever()
"""
ASKS = """
import json, socket
from concurrent.futures import ThreadPoolExecutor

def reached(address):
    try:
        socket.create_connection(address, 3).close()
        return True
    except OSError:
        return False

addresses = [tuple(address) for address in json.loads({addresses!r})]
print(json.dumps(list(ThreadPoolExecutor(16).map(reached, addresses))))
"""

ASKS_BY_SHELL = """
for address in {addresses}; do
  (timeout 3 bash -c "exec 3<>/dev/tcp/${{address%:*}}/${{address##*:}}" 2>/dev/null && echo "$address") &
done
wait
"""

WATCHES = """
import time, urllib.request

while True:
    try:
        urllib.request.urlopen({url!r}, timeout=2).read()
        print(time.monotonic(), flush=True)
    except OSError:
        pass
    time.sleep(0.2)
"""


def asks(addresses: Sequence[Address]) -> str:
    """Python that prints, as JSON, which of these it reaches, in their order."""
    return ASKS.format(addresses=json.dumps(list(addresses)))


def asks_by_shell(addresses: Sequence[Address]) -> str:
    """Bash that prints which of these it reaches, ``host:port`` a line, in any order."""
    return ASKS_BY_SHELL.format(addresses=" ".join(f"{host}:{port}" for host, port in addresses))


class Beside:
    """The pod, in the namespace of an installation."""

    def __init__(self, installed: Installed) -> None:
        self.installed = installed
        self.pod = f"pod/{NAME}"

    def start(self) -> None:
        """Make it, with a policy that opens it to everybody and lets it out, and wait until it listens."""
        given = self.installed.values["images"]
        registry = f"{given['registry']}/" if given["registry"] else ""
        manifests = make_beside(f"{registry}primehub/hub:{given['tag']}")
        self.installed.kubectl("apply", "-f", "-", given=json.dumps(manifests))
        self.installed.kubectl("wait", self.pod, "--for=condition=Ready", "--timeout=120s")

    @property
    def address(self) -> Address:
        """Where it listens."""
        pod = json.loads(self.installed.kubectl("get", self.pod, "-o", "json"))
        return str(pod["status"]["podIP"]), DATABASE

    def reaches(self, addresses: Sequence[Address], of: str = "") -> list[bool]:
        """Which of these it reaches; ``of`` is another pod or deployment to ask in its place."""
        words = ("exec", of or self.pod, "--", "python3", "-c", asks(addresses))
        told: list[bool] = json.loads(self.installed.kubectl(*words).strip().splitlines()[-1])
        return told

    @contextmanager
    def watching(self, url: str) -> Iterator[list[float]]:
        """Ask this address all the time; after the block, the list has the seconds between each two good answers."""
        words = ["kubectl", "-n", self.installed.namespace, "exec", self.pod, "--", "python3", "-c"]
        asking = subprocess.Popen([*words, WATCHES.format(url=url)], stdout=subprocess.PIPE, text=True)
        pauses: list[float] = []
        try:
            yield pauses
        finally:
            asking.kill()
            told, _ = asking.communicate()
            pauses += [after - before for before, after in pairwise(float(line) for line in told.split())]


def make_beside(image: str) -> dict[str, Any]:
    """The pod and its policy. Pure."""
    labels = {"app": NAME}
    security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {
        "name": "python",
        "image": image,
        "command": ["python3", "-c", LISTENS],
        "readinessProbe": {"tcpSocket": {"port": DATABASE}, "periodSeconds": 1},
        "securityContext": security,
    }
    pod = {
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
        "terminationGracePeriodSeconds": 0,
        "containers": [container],
    }
    opened = {"podSelector": {"matchLabels": labels}, "policyTypes": ["Ingress", "Egress"]} | {
        "ingress": [{}],
        "egress": [{}],
    }
    metadata = {"name": NAME, "labels": labels}
    policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": opened}
    return {
        "apiVersion": "v1",
        "kind": "List",
        "items": [{"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod}, policy],
    }


@contextmanager
def listening_at(address: str) -> Iterator[list[Address]]:
    """Something that listens at an address that is nobody's, on a machine that is the node itself; else nothing, and the test
    is skipped once the block has passed: what is not there, nobody reaches.

    The machine has it no longer than the block, unless it had it before: beside browsers it should, as they drop what they
    load whenever an address comes or goes.
    """
    if reason := not_on_a_node():
        yield []
        require("node", False, f"nothing listened at {address}, though all else was tried: {reason}")
        return
    words = ("address", "add", f"{address}/32", "dev", "lo")
    added = subprocess.run(["ip", *words], capture_output=True, check=False).returncode == 0
    try:
        with socket.create_server((address, 0)) as server:
            yield [(address, server.getsockname()[1])]
    finally:
        if added:
            subprocess.run(["ip", *words[:1], "delete", *words[2:]], check=False)


def not_on_a_node() -> str:
    """Why a test cannot do here what takes root on a node of the cluster: a clause; empty where it can."""
    if os.geteuid() != 0:
        return "the tests do not run as root"
    return "" if _is_node() else "this machine is no node of the cluster"


def _is_node() -> bool:
    """Whether what nodes are reached by from here is an address of a node."""
    nodes = subprocess.run(["kubectl", "get", "nodes", "-o", "json"], capture_output=True, text=True, check=True).stdout
    addresses = [a["address"] for node in json.loads(nodes)["items"] for a in node["status"].get("addresses", ())]
    with suppress(OSError):
        return own_address() in addresses
    return False
