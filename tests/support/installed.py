"""PrimeHub installed by its chart in a namespace of its own, for end-to-end tests."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from .chart import CHART
from .cluster import LEVEL, cluster_image
from .platform import PASSWORD, Platform
from .waiting import wait_for

NAME = "primehub"
READY = 300
"""Seconds after which an installation that is not ready is given up."""
PARTS = ("hub", "services", "gateway", "proxy")
NEXT = "primehub/test/next"
"""The image of `tests/images/next`: the platform's, with one revision of the database more, which makes a table: a second
time would fail, and end the process."""


def images() -> dict[str, Any]:
    """The values of the chart that say where ``make images`` put what it made. Skips where nothing says so."""
    name, _, tag = cluster_image("hub").rpartition(":")
    return {"images": {"registry": name.removesuffix("primehub/hub").rstrip("/"), "tag": tag}}


class Installed(Platform):
    """A release in a namespace, seen through a port of this machine."""

    def __init__(self, namespace: str, values: Mapping[str, Any]) -> None:
        super().__init__(Path(tempfile.mkdtemp(prefix="primehub-chart-")) / "data", 0)
        self.namespace = namespace
        self.values = dict(values)
        self.took = 0.0
        """Seconds that `helm install --wait` needed."""
        self._forward: subprocess.Popen[str] | None = None

    def run(self, *words: str, given: str | None = None, seconds: float = READY) -> str:
        """A command's output. Fails where the command does."""
        done = subprocess.run(words, input=given, capture_output=True, text=True, timeout=seconds, check=False)
        assert done.returncode == 0, f"{' '.join(words)}: {done.stdout}{done.stderr}\n{self.state_of_pods()}"
        return done.stdout

    def kubectl(self, *words: str, given: str | None = None) -> str:
        """kubectl in the namespace."""
        return self.run("kubectl", "--namespace", self.namespace, *words, given=given)

    def helm(self, *words: str, more: Mapping[str, Any] | None = None) -> str:
        """helm in the namespace, with the values of this installation and ``more`` of them."""
        given = yaml.safe_dump(self.values | dict(more or {}))
        return self.run("helm", "--namespace", self.namespace, *words, "--values", "-", given=given)

    def install(self, more: Mapping[str, Any] | None = None) -> None:
        """Install it, with ``more`` values, where Pod Security is enforced, and wait until every part is ready."""
        labels = {"pod-security.kubernetes.io/enforce": LEVEL}
        metadata = {"name": self.namespace, "labels": labels}
        self.kubectl(
            "apply", "-f", "-", given=json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        )
        began = time.monotonic()
        self.helm("install", NAME, str(CHART), "--create-namespace", "--wait", "--timeout", f"{READY}s", more=more)
        self.took = time.monotonic() - began
        self.connect()

    def upgrade(self, more: Mapping[str, Any]) -> None:
        """Change values, and wait until every part is ready with them."""
        self.values |= dict(more)
        self.helm("upgrade", NAME, str(CHART), "--wait", "--timeout", f"{READY}s")
        self.connect()

    def connect(self) -> None:
        """Make the proxy reachable from this machine, anew where it was replaced."""
        self.disconnect()
        self._forward, self.port = self.forward(f"service/{NAME}-proxy", 80, self.port)
        self.url = f"http://127.0.0.1:{self.port}"
        wait_for(self.answers, READY, what="the API answers through the proxy")

    def forward(self, what: str, port: int, here: int = 0) -> tuple[subprocess.Popen[str], int]:
        """What forwards a port of this machine (``here``, or a free one) to one of a service or pod, and that port."""
        words = ["kubectl", "-n", self.namespace, "port-forward", what, f"{here}:{port}"]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert process.stdout is not None
        said = process.stdout.readline()
        found = re.search(r"127\.0\.0\.1:(\d+)", said)
        assert found, f"no port is forwarded: {said}"
        return process, int(found[1])

    def disconnect(self) -> None:
        """Let the port go."""
        if self._forward is not None:
            self._forward.kill()
            self._forward.wait()
            self._forward = None

    def answers(self) -> bool:
        """Whether the API answers, through the proxy."""
        try:
            return httpx.get(f"{self.api}/health", trust_env=False, timeout=10).json() == {"status": "ok"}
        except (httpx.HTTPError, ValueError):
            return False

    def sign_in_link(self) -> str:
        """The one-time link that NOTES tell of."""
        command = ("exec", f"deploy/{NAME}-services", "--", "primehub", "sign-in-link")
        return self.kubectl(*command).strip().splitlines()[-1]

    def become_admin(self) -> str:
        """Use the one-time link, and make a token with all of the first administrator's rights."""
        self.redeem(self.sign_in_link().partition("#")[2], PASSWORD).close()
        self.admin_token = self.token("admin", PASSWORD)
        return self.admin_token

    def pod_of(self, kind: str, **more: str) -> dict[str, Any]:
        """The one pod of this kind, and of these other labels of ours."""
        ours = "".join(f",primehub.io/{name}={value}" for name, value in more.items())
        labels = f"app.kubernetes.io/managed-by=primehub,primehub.io/kind={kind}{ours}"
        (found,) = json.loads(self.kubectl("get", "pods", "-l", labels, "-o", "json"))["items"]
        assert isinstance(found, dict)
        return found

    def to_the_next_version(self) -> None:
        """Upgrade every part."""
        self.upgrade({"images": self.values["images"] | {"hub": NEXT}})

    def parts(self, *names: str) -> list[dict[str, Any]]:
        """The pods of these parts of the platform, of all of them unless said."""
        labels = f"app.kubernetes.io/instance={NAME},app.kubernetes.io/component in ({','.join(names or PARTS)})"
        found: list[dict[str, Any]] = json.loads(self.kubectl("get", "pods", "-l", labels, "-o", "json"))["items"]
        return found

    def inside(self, pod: dict[str, Any], code: str) -> Any:
        """What Python prints, as JSON, in a workload's container."""
        container = pod["spec"]["containers"][0]["name"]
        words = ("exec", pod["metadata"]["name"], "-c", container, "--", "python3", "-c", code)
        return json.loads(self.kubectl(*words).strip().splitlines()[-1])

    def hub_log(self, lines: int = 60) -> str:
        """The end of the hub's log and the services', for a failure's message."""
        words = ["kubectl", "-n", self.namespace, "logs", f"--tail={lines}"]
        logs = [subprocess.run([*words, f"deploy/{NAME}-{p}"], capture_output=True, text=True) for p in PARTS]
        return "\n".join(log.stdout + log.stderr for log in logs)

    def state_of_pods(self) -> str:
        """What the cluster says of the pods, for a failure's message."""
        words = ["kubectl", "-n", self.namespace]
        told = [
            subprocess.run([*words, *more], capture_output=True, text=True) for more in (["get", "pods"], ["events"])
        ]
        return "\n".join(t.stdout[-4000:] for t in told)


def restarts(pods: list[dict[str, Any]]) -> list[int]:
    """How often the container of each pod has ended and begun anew."""
    return [pod["status"]["containerStatuses"][0]["restartCount"] for pod in pods]


def are_next(pods: list[dict[str, Any]]) -> bool:
    """Whether all of them are of the next version."""
    return all(f"/{NEXT}:" in f"/{pod['spec']['containers'][0]['image']}" for pod in pods)


@contextmanager
def installation(values: Mapping[str, Any]) -> Iterator[Installed]:
    """A namespace for one installation, which the block makes; deleted at the end."""
    namespace = f"primehub-e2e-{uuid.uuid4().hex[:8]}"
    installed = Installed(namespace, values)
    try:
        yield installed
    finally:
        installed.disconnect()
        subprocess.run(["kubectl", "delete", "namespace", namespace, "--wait=false", "--ignore-not-found"], check=False)
