"""A cluster for tests: any that KUBECONFIG names. Every test has a namespace of its own, deleted at its end."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import shutil
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from .parts import require
from .waiting import wait_for, wait_for_async

REGISTRY, TAG = "PRIMEHUB_TEST_REGISTRY", "PRIMEHUB_TEST_TAG"
NO_IMAGES = f"neither {REGISTRY} nor {TAG} says which images it has: make images and make test-images make them (CONTRIBUTING.md)"
FAULTS = "PRIMEHUB_TEST_CLUSTER_FAULTS"
Fault = Callable[[str, str], None]
"""``kill`` or ``start``, and a component's name."""
Known = bool | datetime
"""Whether the cluster knows something; since when, where it says so by parts of a second."""
LEVEL = "restricted"
"""Of Pod Security, that every namespace of tests enforces."""


class Namespace:
    """A namespace, and what tests ask of it through kubectl."""

    def __init__(self, name: str) -> None:
        self.name = name

    def kubectl(self, *arguments: str, given: Any = None, check: bool = True) -> str:
        """What a command says; ``given`` is a manifest on its standard input."""
        done = subprocess.run(
            ["kubectl", "--namespace", self.name, *arguments],
            input=None if given is None else json.dumps(given),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0 or not check, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def apply(self, manifest: Any) -> None:
        """Make what a manifest says."""
        self.kubectl("apply", "-f", "-", given=manifest)

    def takes(self, manifest: Any) -> bool:
        """Whether the API server would make it; nothing is made."""
        words = ["kubectl", "--namespace", self.name, "create", "--dry-run=server", "-f", "-"]
        done = subprocess.run(words, input=json.dumps(manifest), capture_output=True, text=True, timeout=60)
        return done.returncode == 0

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        """An object, or None."""
        text = self.kubectl("get", kind, name, "--ignore-not-found", "-o", "json")
        found: dict[str, Any] | None = json.loads(text) if text.strip() else None
        return found

    def list(self, kind: str, labels: str = "") -> list[dict[str, Any]]:
        """All objects of a kind with these labels."""
        items: list[dict[str, Any]] = json.loads(self.kubectl("get", kind, "-l", labels, "-o", "json"))["items"]
        return items

    def warned_of(self, pod: str, text: str) -> Known:
        """Whether the cluster itself says this of a pod, as a warning or as its condition."""
        conditions = ((self.get("pod", pod) or {}).get("status") or {}).get("conditions") or ()
        return self.warned(pod, text) or any(text in str(condition.get("message")) for condition in conditions)

    def warned(self, begins: str, text: str) -> Known:
        """Whether the cluster itself has said this of something whose name begins so."""
        of_it = [e for e in self.list("events") if e["involvedObject"]["name"].startswith(begins)]
        found = [event for event in of_it if text in str(event.get("message"))]
        # by the microsecond, where it is the scheduler's
        moments = [datetime.fromisoformat(event["eventTime"]) for event in found if event.get("eventTime")]
        return min(moments) if moments else bool(found)


async def told_in_time(
    known: Callable[[], Known], told: Callable[[], Awaitable[object]], seconds: float = 2, *, patience: float = 60
) -> None:
    """Fails where people are told (``told``) later than this after the cluster knows it (``known``, which asks kubectl).

    When it knew is what it says itself, where it does. Its conditions and the events of all but the scheduler say that by the
    second, which is half of what is promised, and a claim that is bound and a quota that counts not at all: then it is when
    kubectl has said so, which gives us the time that one look takes.
    """

    async def seen(condition: Callable[[], Awaitable[object]]) -> tuple[float, float]:
        asked = 0.0

        async def ask() -> object:
            nonlocal asked
            asked = time.monotonic()
            return await condition()

        await wait_for_async(ask, patience, what="the cluster knows it, and it is told")
        return asked, time.monotonic()

    (_, cluster), (people, _) = await asyncio.gather(seen(lambda: asyncio.to_thread(known)), seen(told))
    # what is told of a fact may be there a moment later than the fact
    moment = await asyncio.to_thread(known)
    if isinstance(moment, datetime):
        cluster = time.monotonic() - (datetime.now(UTC) - moment).total_seconds()
    assert people - cluster < seconds, f"told {people - cluster:.1f} s after the cluster knew it"


def quota_of(**hard: str) -> dict[str, Any]:
    """The manifest of the quota ``team``: ``limits_memory="100Mi"``."""
    limits = {name.replace("_", "."): value for name, value in hard.items()}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "team"}, "spec": {"hard": limits}}


@contextmanager
def quota(namespace: Namespace, **hard: str) -> Iterator[None]:
    """A quota that an operator has set with kubectl."""
    namespace.apply(quota_of(**hard))
    try:
        yield
    finally:
        namespace.kubectl("delete", "quota", "team")


MAKER = "primehub.example.org/nobody"
"""Who makes the storage of ``class_of_nobody``: there is none of that name."""


@contextmanager
def class_of_nobody(namespace: Namespace) -> Iterator[str]:
    """The name of a class whose storage is made where the first pod goes, by somebody who is not there."""
    metadata = {"name": namespace.name}
    made = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": metadata, "provisioner": MAKER}
    namespace.apply(made | {"volumeBindingMode": "WaitForFirstConsumer"})
    try:
        yield namespace.name
    finally:
        namespace.kubectl("delete", "storageclass", namespace.name)


def claim_of(name: str, mode: str = "ReadWriteMany", storage_class: str | None = None) -> dict[str, Any]:
    """The manifest of a claim that an operator makes."""
    spec: dict[str, Any] = {"accessModes": [mode], "resources": {"requests": {"storage": "10Mi"}}}
    if storage_class is not None:
        spec["storageClassName"] = storage_class
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}


def require_cluster() -> None:
    """Go on where there is a cluster and what talks to it."""
    require("cluster", shutil.which("kubectl"), "kubectl is not on PATH")
    done = subprocess.run(
        ["kubectl", "get", "--raw", "/readyz"], capture_output=True, text=True, timeout=30, check=False
    )
    require("cluster", done.returncode == 0, f"KUBECONFIG names no cluster that answers: {done.stderr.strip()[:300]}")


@contextmanager
def own_namespace() -> Iterator[Namespace]:
    """A namespace that enforces what the chart asks of one, with nothing in it."""
    found = Namespace(f"primehub-test-{uuid.uuid4().hex[:10]}")
    labels = {"pod-security.kubernetes.io/enforce": LEVEL}
    found.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": found.name, "labels": labels}})
    try:
        yield found
    finally:
        found.kubectl("delete", "namespace", found.name, "--wait=false", check=False)


def cluster_image(name: str) -> str:
    """An image that the cluster can pull, as `make images` and `make test-images` name it."""
    registry, tag = os.environ.get(REGISTRY, ""), os.environ.get(TAG, "")
    require("cluster", registry or tag, NO_IMAGES)
    return f"{registry}/primehub/{name}:{tag or 'ci'}".removeprefix("/")


def foreign_image() -> str:
    """An image of notebooks and jobs that has nothing of ours in it."""
    return cluster_image("test/foreign")


def own_address() -> str:
    """The address by which pods reach this machine: that of the way from here to a node."""
    text = subprocess.run(
        ["kubectl", "get", "nodes", "-o", "json"], capture_output=True, text=True, timeout=30, check=True
    ).stdout
    # a node that nobody is behind, as tests make one, has none
    addresses = [a for node in json.loads(text)["items"] for a in node["status"].get("addresses", ())]
    node = next(address["address"] for address in addresses if address["type"] == "InternalIP")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((node, 9))  # sends nothing
        return str(probe.getsockname()[0])


@contextmanager
def a_node_that_answers() -> Iterator[str]:
    """A node beside the others that says all the time that it is well, as a kubelet does; nothing is placed on it."""
    name, leases = f"primehub-test-{uuid.uuid4().hex[:8]}", Namespace("kube-node-lease")
    taints = [{"key": "primehub-test", "effect": effect} for effect in ("NoSchedule", "NoExecute")]
    leases.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": {"taints": taints}})
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "a test says so"}
    patch = json.dumps({"status": {"conditions": [ready]}})
    over = threading.Event()

    def beat() -> None:
        metadata = {"name": name, "namespace": leases.name}
        while not over.is_set():
            spec = {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": f"{datetime.now(UTC):%FT%T.%fZ}"}
            manifest = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
            with suppress(AssertionError, subprocess.TimeoutExpired):  # the next one will do
                leases.apply(manifest)
            over.wait(5)

    leases.kubectl("patch", "node", name, "--subresource=status", "--type=merge", "-p", patch)
    beating = threading.Thread(target=beat, daemon=True)
    beating.start()
    try:
        yield name
    finally:
        over.set()
        beating.join()
        leases.kubectl("delete", "node", name, "--wait=false", check=False)
        leases.kubectl("delete", "lease", name, "--wait=false", check=False)


def _listens() -> bool:
    """Whether something takes connections at the address of the cluster's API."""
    config = json.loads(Namespace("default").kubectl("config", "view", "--minify", "-o", "json"))
    server = urlsplit(config["clusters"][0]["cluster"]["server"])
    try:
        with socket.create_connection((server.hostname or "", server.port or 443), timeout=2):
            return True
    except OSError:
        return False


@contextmanager
def faults() -> Iterator[Fault]:
    """Kills components of the cluster and starts them; what was killed is started again in the end."""
    command = shlex.split(os.environ.get(FAULTS, ""))
    require("cluster", command, f"{FAULTS} names no command that kills and starts components")
    killed: list[str] = []

    def act(what: str, component: str) -> None:
        anew = (what, component) == ("start", "apiserver")
        if anew:
            # a large process that was killed holds its address until its memory is given back
            wait_for(lambda: not _listens(), 30, what="the killed API server is gone")
        subprocess.run([*command, what, component], check=True, capture_output=True, timeout=120)
        killed.append(component) if what == "kill" else killed.remove(component)
        if anew:
            wait_for(_listens, 60, what="the API server is there again")

    try:
        yield act
    finally:
        for component in list(killed):
            act("start", component)
