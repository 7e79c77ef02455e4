"""An installation whose services are two pods over one PostgreSQL."""

from __future__ import annotations

import itertools
import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
import sqlalchemy as sa

from primehub_services.store import leader
from primehub_services.store.database import Database

from . import databases
from .cluster import LEVEL, own_address
from .installed import NAME, Installed, images, installation
from .platform import API_PATH, free_port, like_a_persons
from .relay import Relay, relay
from .waiting import wait_for

PODS = 2
SERVICES_PORT = 8092
SECRET = "the-database"
SELECTOR = f"app.kubernetes.io/instance={NAME},app.kubernetes.io/component=services"
ROOT = "/services/primehub"


class Several:
    """The release, the way to its database, and a way to each of its pods."""

    def __init__(self, installed: Installed, way: Relay, database: Database, git_port: int) -> None:
        self.installed = installed
        self.way = way
        self.git_port = git_port
        """A port of this machine that pods reach which fetch repositories, as they reach the database's by no policy."""
        self._database = database
        self._ports: dict[str, tuple[subprocess.Popen[str], int]] = {}

    def pods(self) -> dict[str, str]:
        """The services' pods that are ready and not being ended, and their addresses."""
        found = json.loads(self.installed.kubectl("get", "pods", "-l", SELECTOR, "-o", "json"))["items"]
        return {
            pod["metadata"]["name"]: pod["status"]["podIP"]
            for pod in found
            if "deletionTimestamp" not in pod["metadata"]
            and any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", ()))
        }

    def all_ready(self) -> list[str]:
        """Their names, once there are as many as wanted."""
        wait_for(lambda: len(self.pods()) == PODS, 120, what="as many pods of the services as wanted are ready")
        return sorted(self.pods())

    def port(self, pod: str) -> int:
        """A port of this machine that leads to this pod alone."""
        if pod not in self._ports:
            self._ports[pod] = self.installed.forward(f"pod/{pod}", SERVICES_PORT)
        return self._ports[pod][1]

    def client(self, pod: str, token: str = "") -> httpx.Client:
        """The API of one pod."""
        headers = {"Authorization": f"token {token or self.installed.admin_token}"}
        url = f"http://127.0.0.1:{self.port(pod)}{API_PATH}"
        return httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=10)

    def leader(self) -> str:
        """The name of the pod that leads, as the database has it; empty where nobody does."""
        found = self._database.read_now(leader.leadership)
        return found.holder if found is not None and found.held else ""

    def revision(self) -> str:
        """The revision of the database."""
        with self._database.engine.connect() as connection:
            return str(connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one())

    def browser(self) -> httpx.Client:
        """A browser each of whose requests for the services comes to another pod than the one before."""
        browser = self.installed.browser()
        browser._mounts = {}
        browser._transport = _EachInTurn(self.installed.port, [self.port(pod) for pod in self.all_ready()])
        return like_a_persons(browser)

    def close(self) -> None:
        """Let all ports go."""
        for process, _ in self._ports.values():
            process.kill()
            process.wait()


class _EachInTurn(httpx.HTTPTransport):
    """What a Service does, but never twice the same: requests below /services to the next pod; others to the proxy."""

    def __init__(self, proxy: int, ports: list[int]) -> None:
        super().__init__()
        self._proxy = proxy
        self._ports = itertools.cycle(ports)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send it to its port; the Host that the client used stays."""
        port = next(self._ports) if request.url.path.startswith(ROOT) else self._proxy
        request.url = request.url.copy_with(port=port)
        return super().handle_request(request)


def _values(address: str, port: int, git_port: int) -> Mapping[str, Any]:
    to_database, to_git = (
        {"to": [{"ipBlock": {"cidr": f"{address}/32"}}], "ports": [{"protocol": "TCP", "port": number}]}
        for number in (port, git_port)
    )
    return {
        **images(),
        "services": {"replicas": PODS, "storage": {"accessMode": "ReadWriteMany", "size": "1Gi"}},
        "secretSettings": {"database_url": {"name": SECRET, "key": "url"}},
        "networkPolicies": {"platform": {"extraEgress": [to_database]}, "git": {"extraEgress": [to_git]}},
    }


@contextmanager
def several() -> Iterator[Several]:
    """It, installed in a namespace that enforces what pods may be, with its administrator signed in."""
    with databases.postgres_database(databases.postgres_server()) as url:
        there, address, git_port = sa.make_url(url), own_address(), free_port()
        with (
            relay(address, (there.host or "127.0.0.1", there.port or 5432)) as way,
            installation(_values(address, way.port, git_port)) as installed,
        ):
            given = there.set(host=address, port=way.port).render_as_string(hide_password=False)
            _prepared_namespace(installed, given)
            installed.install()
            installed.become_admin()
            database = Database(url)
            found = Several(installed, way, database, git_port)
            try:
                yield found
            finally:
                found.close()
                database.close()


def _prepared_namespace(installed: Installed, url: str) -> None:
    labels = {"pod-security.kubernetes.io/enforce": LEVEL}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": installed.namespace, "labels": labels}}
    installed.run("kubectl", "apply", "-f", "-", given=json.dumps(namespace))
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": SECRET}, "stringData": {"url": url}}
    installed.kubectl("apply", "-f", "-", given=json.dumps(secret))
