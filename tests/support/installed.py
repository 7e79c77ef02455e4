"""PrimeHub installed by its chart in a namespace of its own, for end-to-end tests."""

from __future__ import annotations

import base64
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
from .platform import ADMIN, GROUP, KIND, PASSWORD, Address, Platform
from .waiting import wait_for

NAME = "primehub"
READY = 300
"""Seconds after which an installation that is not ready is given up."""
PARTS = ("hub", "services", "gateway", "proxy")
NEXT = "primehub/test/next"
"""The image of `tests/images/next`: the platform's, with one revision of the database more, which makes a table: a second
time would fail, and end the process."""
START = "primehub.io/start"
LIVES = ("Pending", "Running")
"""Phases of a pod in which something of it runs, or soon will."""
CLAIMED = """
import json, sqlite3
ledger = sqlite3.connect("/var/lib/primehub/primehub.sqlite")
query = "SELECT c.id FROM claims c JOIN groups g ON g.id = c.group_id WHERE c.kind = 'notebook' AND ? IN ('', g.slug)"
print(json.dumps([start for start, in ledger.execute(query, ({group!r},))]))
"""
LINES = "for f in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$f; echo; done 2>/dev/null"
READ = """
import base64, glob, os
files = [path for path in glob.glob({pattern!r}, recursive=True) if os.path.isfile(path)]
print(base64.b64encode(b"".join(open(path, "rb").read() for path in files)).decode())
"""


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

        def reached() -> bool:
            if not self.connected:  # at first, and where the pod went away meanwhile
                self.disconnect()
                self._forward, self.port = self.forward(f"service/{NAME}-proxy", 80, self.port)
                self.url = f"http://127.0.0.1:{self.port}"
            return self.answers()

        wait_for(reached, READY, what="the API answers through the proxy")

    def forward(self, what: str, port: int, here: int = 0) -> tuple[subprocess.Popen[str], int]:
        """What forwards a port of this machine (``here``, or a free one) to one of a service or pod, and that port."""
        words = ["kubectl", "-n", self.namespace, "port-forward", what, f"{here}:{port}"]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert process.stdout is not None
        said = process.stdout.readline()
        found = re.search(r"127\.0\.0\.1:(\d+)", said)
        assert found, f"no port is forwarded: {said}"
        return process, int(found[1])

    @property
    def connected(self) -> bool:
        """Whether the port is still forwarded."""
        return self._forward is not None and self._forward.poll() is None

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

    def sign_in_link(self, user: str = ADMIN) -> str:
        """The one-time link that NOTES tell of."""
        command = ("exec", f"deploy/{NAME}-services", "--", "primehub", "sign-in-link", user)
        return self.kubectl(*command).strip().splitlines()[-1]

    def become_admin(self) -> str:
        """Use the one-time link, and make a token with all of the first administrator's rights."""
        self.redeem(self.sign_in_link().partition("#")[2], PASSWORD).close()
        self.admin_token = self.token(ADMIN, PASSWORD)
        return self.admin_token

    def image_source(self, made: str) -> dict[str, str]:
        """``made`` is a container image by the name that nodes pull it by."""
        return {"type": "container", "url": made}

    def claimed(self, group: str = "") -> set[str]:
        """See ``Platform``: from the ledger in the services' pod."""
        words = ("exec", f"deploy/{NAME}-services", "--", "python3", "-c", CLAIMED.format(group=group))
        return set(json.loads(self.kubectl(*words).strip().splitlines()[-1]))

    def alive(self, group: str = "") -> set[str]:
        """See ``Platform``: from the cluster's pods."""
        found = [pod["metadata"]["labels"] for pod in self._pods(f"{KIND}=notebook") if _lives(pod)]
        return {labels[START] for labels in found if group in ("", labels[GROUP])}

    def lives(self, start_id: str, marker: str) -> bool:
        """See ``Platform``: as long as its pod does, whatever process it is."""
        return any(_lives(pod) for pod in self._pods(f"{START}={start_id}"))

    def hub_process(self) -> str:
        """See ``Platform``: its container."""
        (pod,) = self.parts("hub")
        return str(pod["status"]["containerStatuses"][0]["containerID"])

    def private_folders(self) -> list[str]:
        """See ``Platform``: where its own pods have them, and where a pod has what it may ask of the cluster."""
        return ["/var/lib/primehub", "/etc/primehub", "/etc/primehub-keys", "/var/run/secrets/kubernetes.io"]

    def private_processes(self) -> list[int]:
        """See ``Platform``: those that every container numbers so are its own."""
        return []

    def keys(self) -> dict[str, str]:
        """See ``Platform``: from the Secret that the chart has made."""
        data = json.loads(self.kubectl("get", "secret", f"{NAME}-keys", "-o", "json"))["data"]
        return {name: base64.b64decode(value).decode() for name, value in data.items()}

    def logs(self) -> dict[str, bytes]:
        """See ``Platform``: of every container, what is kept in the services' pod, and all that the cluster tells of
        what is no Secret; a pod of a workload has in its description what it is given."""
        every, ours = ("--all-containers", "--tail=-1", "--ignore-errors"), f"app.kubernetes.io/instance={NAME}"
        whose = {"parts": ours, "workloads": "app.kubernetes.io/managed-by=primehub"}
        found = {name: self.kubectl("logs", "-l", labels, *every).encode() for name, labels in whose.items()}
        kinds = ("configmaps,deployments,events,services,persistentvolumeclaims,networkpolicies", "pods,replicasets")
        found["described"] = self.kubectl("get", kinds[0], "-o", "json").encode()
        found["described parts"] = self.kubectl("get", kinds[1], "-l", ours, "-o", "json").encode()
        return found | {"kept": self._read("services", "/var/lib/primehub/blobs/**")}

    def command_lines(self) -> set[str]:
        """See ``Platform``: of every pod's processes."""
        pods = [pod["metadata"]["name"] for pod in [*self.parts(), *self._pods(f"{KIND}=notebook")] if _lives(pod)]
        words = ["kubectl", "-n", self.namespace, "exec"]
        # one of a notebook may end meanwhile
        told = [subprocess.run([*words, p, "--", "sh", "-c", LINES], capture_output=True, text=True) for p in pods]
        return {line for each in told for line in each.stdout.splitlines()}

    def databases(self) -> dict[str, bytes]:
        """See ``Platform``: in the claims of their pods."""
        kept = {"hub": "/var/lib/primehub/hub/jupyterhub.sqlite*", "platform": "/var/lib/primehub/primehub.sqlite*"}
        parts = {"hub": "hub", "platform": "services"}
        return {name: self._read(parts[name], pattern) for name, pattern in kept.items()}

    def _read(self, part: str, pattern: str) -> bytes:
        """The files of a part's pod that fit, one behind the other."""
        words = ("exec", f"deploy/{NAME}-{part}", "--", "python3", "-c", READ.format(pattern=pattern))
        return base64.b64decode(self.kubectl(*words))

    def doors(self, start_id: str, port: int) -> dict[str, list[Address]]:
        """See ``Platform``: services and pods by their addresses. That they answer others is ``beside``'s to prove."""
        services = json.loads(self.kubectl("get", "services", "-o", "json"))["items"]
        ours = [s for s in services if s["metadata"]["labels"].get("app.kubernetes.io/instance") == NAME]
        found = {s["metadata"]["name"]: [(s["spec"]["clusterIP"], p["port"]) for p in s["spec"]["ports"]] for s in ours}
        (pod,) = self._pods(f"{START}={start_id}")
        return {
            **found,
            "a notebook": [(pod["status"]["podIP"], port)],
            "the cluster": [("kubernetes.default.svc", 443)],
        }

    open_doors = frozenset({f"{NAME}-hub", f"{NAME}-services"})

    def _pods(self, labels: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.kubectl("get", "pods", "-l", labels, "-o", "json"))["items"]
        return found

    def pod_of(self, kind: str, **more: str) -> dict[str, Any]:
        """The one pod of this kind, and of these other labels of ours."""
        ours = "".join(f",primehub.io/{name}={value}" for name, value in more.items())
        labels = f"app.kubernetes.io/managed-by=primehub,primehub.io/kind={kind}{ours}"
        (found,) = self._pods(labels)
        return found

    def to_the_next_version(self) -> None:
        """Upgrade every part."""
        self.upgrade({"images": self.values["images"] | {"hub": NEXT}})

    def parts(self, *names: str) -> list[dict[str, Any]]:
        """The pods of these parts of the platform, of all of them unless said."""
        labels = f"app.kubernetes.io/instance={NAME},app.kubernetes.io/component in ({','.join(names or PARTS)})"
        return self._pods(labels)

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


def _lives(pod: dict[str, Any]) -> bool:
    return pod["status"]["phase"] in LIVES


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
