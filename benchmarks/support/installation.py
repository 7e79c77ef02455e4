"""PrimeHub installed on a cluster for a benchmark, and the cluster seen from here: its API, and pods as they change."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from tests.support.installed import Installed, images, installation
from tests.support.platform import Lab

SIZE = {"cpu_limit": 1, "memory_limit": "1Gi", "cpu_request": 0.1, "memory_request": "128Mi"}
"""Of a workload, here and of what it is compared with."""
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsGroup": 100,
    "runAsNonRoot": True,
    "runAsUser": 1000,
}
"""How a container runs that is compared with ours, which pass the namespace's Pod Security."""
Pod = dict[str, Any]


@contextmanager
def installed(values: Mapping[str, Any] | None = None) -> Iterator[Installed]:
    """A release in a namespace of its own, its administrator signed in; gone with the block."""
    with installation({**images(), **(values or {})}) as found:
        found.install()
        found.become_admin()
        yield found


def lab_of(platform: Installed, size: Mapping[str, Any] | None = None) -> Lab:
    """A member of a group, an instance type, and the image that the first start offers."""
    group = str(platform.call("POST", "/groups", {"name": "measured", "user_quota": {"cpu": 100}})["slug"])
    made = platform.call("POST", "/instance-types", {"name": "measured", **SIZE, **(size or {})})
    (image,) = platform.call("GET", "/images")["items"]
    return Lab(group, made["slug"], image["slug"], "ann", platform.add_person("ann", group))


@contextmanager
def cluster_api() -> Iterator[httpx.Client]:
    """The cluster's own API, as whoever KUBECONFIG names: without the start of a kubectl in each figure."""
    words = ["kubectl", "proxy", "--port=0"]
    proxy = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert proxy.stdout is not None
        found = re.search(r"127\.0\.0\.1:(\d+)", proxy.stdout.readline())
        assert found, "kubectl proxy does not say where it listens"
        with httpx.Client(base_url=f"http://127.0.0.1:{found[1]}", trust_env=False, timeout=30) as client:
            yield client
    finally:
        proxy.kill()
        proxy.wait()


class Watch:
    """When each step of a namespace's pods was first seen, in this machine's time: the cluster's own has whole seconds."""

    def __init__(self, api: httpx.Client, namespace: str) -> None:
        self.steps: dict[str, dict[str, float]] = {}
        self._api = api
        self._path = f"/api/v1/namespaces/{namespace}/pods"
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """No more of it."""
        self._ended.set()

    def newest(self, since: float) -> dict[str, float]:
        """The steps of the pod that was made last, after ``since``."""
        made = [steps for steps in self.steps.values() if steps["made"] >= since]
        return max(made, key=lambda steps: steps["made"], default={})

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                with self._api.stream("GET", self._path, params={"watch": "true"}, timeout=None) as answer:
                    for line in answer.iter_lines():
                        self._take(json.loads(line)["object"])
            except httpx.HTTPError:
                time.sleep(0.1)
            except RuntimeError:  # the client is closed
                return

    def _take(self, pod: Pod) -> None:
        now = time.monotonic()
        steps = self.steps.setdefault(pod["metadata"]["uid"], {"made": now})
        for name in _reached(pod):
            steps.setdefault(name, now)


def _reached(pod: Pod) -> Iterator[str]:
    status = pod.get("status") or {}
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "True":
            yield "scheduled"
    states = [("helpers run", s) for s in status.get("initContainerStatuses") or ()]
    states += [("runs", s) for s in status.get("containerStatuses") or ()]
    for name, container in states:
        if {"running", "terminated"} & (container.get("state") or {}).keys():
            yield name


def table(title: str, sides: Mapping[str, list[dict[str, float]]], steps: list[str]) -> None:
    """Print the median moment of each step, and what each took after the one before; a step that a side has not is empty."""
    print(f"\n{title}\n{'':<28}" + "".join(f"{side:>24}" for side in sides))
    before = dict.fromkeys(sides, 0.0)
    for step in steps:
        line = f"{step:<28}"
        for side, runs in sides.items():
            values = sorted(run[step] for run in runs if step in run)
            if not values:
                line += f"{'':>24}"
                continue
            middle = values[len(values) // 2]
            line += f"{middle:>12.2f} s (+{middle - before[side]:5.2f})"
            before[side] = middle
        print(line)


def since(began: float, steps: Mapping[str, float], **more: float) -> dict[str, float]:
    """Moments as seconds after ``began``."""
    return {name: at - began for name, at in {**steps, **more}.items()}
