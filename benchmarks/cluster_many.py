"""A thousand jobs on a cluster: what the services take of a core while they run, and what they ask the cluster.

    .venv/bin/python -m benchmarks.cluster_many [--jobs 1000] [--seconds 60]

Installs the chart in a namespace of its own, makes a node that is none, on which the scheduler puts the jobs' pods, and
does what a kubelet and the jobs' sidecars would: keeps the node alive, says that the pods run, asks for their permits.
Wanted: under 5 % of a core at rest, and no list call per workload. The lists are counted by the cluster's API server, for
everybody in the cluster: run it where nobody else works.
"""

from __future__ import annotations

import argparse
import base64
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import httpx

from benchmarks.support.installation import cluster_api, installed, lab_of
from tests.support.installed import Installed
from tests.support.platform import Lab

TINY = {"cpu_limit": 0.001, "memory_limit": "1Mi", "cpu_request": 0.001, "memory_request": "1Mi"}
NODE, LABEL = "benchmark-none", "primehub-benchmark"
MERGE = {"Content-Type": "application/merge-patch+json"}
STRATEGIC = {"Content-Type": "application/strategic-merge-patch+json"}
BEAT = 5.0
TICKS = 100
"""Of a CPU's second, as Linux counts in /proc."""
AT_ONCE = 8
Json = dict[str, Any]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=60, help="of rest that are measured")
    options = parser.parse_args()
    with installed() as platform, cluster_api() as api, _node(api, platform.namespace, options.jobs + 100):
        print(f"{'':<24}{'CPU of the services':>22}{'LIST calls in the cluster':>28}")
        _rest(platform, api, options.seconds, "no job")
        lab = lab_of(
            platform, {**TINY, "node_selector": {LABEL: "true"}, "tolerations": [{"key": LABEL, "operator": "Exists"}]}
        )
        began = time.monotonic()
        # what no node takes within three minutes is given back
        with _kubelet(platform, api):
            _submit(platform, lab, options.jobs)
            print(f"submitted after {time.monotonic() - began:.0f} s", flush=True)
            _until_running(platform, lab, options.jobs)
            print(f"all run after {time.monotonic() - began:.0f} s", flush=True)
        time.sleep(20)  # what their start set off
        share, lists = _rest(platform, api, options.seconds, f"{options.jobs} jobs run")
    print(
        f"\nunder 5 %: {'met' if share < 5 else 'MISSED'}; no list per workload: {'met' if lists < 250 else 'MISSED'}"
    )


def _rest(platform: Installed, api: httpx.Client, seconds: int, what: str) -> tuple[float, int]:
    """The services' share of a core in percent, and the lists of anything by anybody, in this time."""
    used, lists, began = _cpu(platform), _lists(api), time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - began
    share = 100 * (_cpu(platform) - used) / took
    counted = _lists(api) - lists
    print(f"{what:<24}{share:>20.1f} %{counted:>20} in {took:.0f} s", flush=True)
    return share, counted


def _cpu(platform: Installed) -> float:
    """Seconds that the services' process has used."""
    words = ("exec", "deploy/primehub-services", "-c", "services", "--", "cat", "/proc/1/stat")
    fields = platform.kubectl(*words).rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _lists(api: httpx.Client) -> int:
    found = re.findall(
        r'^apiserver_request_total\{[^}]*verb="LIST"[^}]*\} (\S+)', api.get("/metrics").text, re.MULTILINE
    )
    return int(sum(map(float, found)))


def _submit(platform: Installed, lab: Lab, count: int) -> None:
    headers = {"Authorization": f"token {lab.token}"}
    with httpx.Client(base_url=platform.api, headers=headers, trust_env=False, timeout=60) as api:
        for _ in range(count):
            api.post("/jobs", json={**lab.launch, "command": "sleep 100000"}).raise_for_status()


def _until_running(platform: Installed, lab: Lab, count: int) -> None:
    deadline, seen = time.monotonic() + 1200, -1
    while seen < count:
        assert time.monotonic() < deadline, f"{seen} of {count} run"
        time.sleep(2)
        found = platform.call("GET", f"/jobs?group={lab.group}&phase=RUNNING&page_size=1", token=lab.token)
        if found["total"] // 100 != seen // 100:
            print(f"{found['total']} run", flush=True)
        seen = found["total"]


@contextmanager
def _node(api: httpx.Client, namespace: str, pods: int) -> Iterator[None]:
    """A node that nobody serves but us, until the block ends."""
    amounts = {"cpu": "1000", "memory": "1000Gi", "pods": str(pods), "ephemeral-storage": "1000Gi"}
    ready = {"type": "Ready", "status": "True", "reason": "Benchmark", "message": "It is none."}
    status = {"capacity": amounts, "allocatable": amounts, "conditions": [ready]}
    taints = [{"key": LABEL, "effect": "NoSchedule"}]
    metadata = {"name": NODE, "labels": {LABEL: "true", "kubernetes.io/hostname": NODE}}
    api.delete(f"/api/v1/nodes/{NODE}")
    api.post("/api/v1/nodes", json={"metadata": metadata, "spec": {"taints": taints}}).raise_for_status()
    ended = Event()

    def beat() -> None:
        leases = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
        api.post(leases, json={"metadata": {"name": NODE}, "spec": {"holderIdentity": NODE}})
        while not ended.is_set():
            now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            ready.update(lastHeartbeatTime=now)
            api.patch(f"/api/v1/nodes/{NODE}/status", json={"status": status}, headers=STRATEGIC)
            spec = {"renewTime": now.replace("Z", ".000000Z"), "leaseDurationSeconds": 40}
            api.patch(f"{leases}/{NODE}", json={"spec": spec}, headers=MERGE)
            ended.wait(BEAT)

    beating = Thread(target=beat, daemon=True)
    beating.start()
    try:
        yield
    finally:
        ended.set()
        beating.join()
        options = {"gracePeriodSeconds": 0, "propagationPolicy": "Background"}
        api.request("DELETE", f"/apis/batch/v1/namespaces/{namespace}/jobs", json=options)
        api.request("DELETE", f"/api/v1/namespaces/{namespace}/pods", params={"fieldSelector": f"spec.nodeName={NODE}"},
                    json={"gracePeriodSeconds": 0})  # fmt: skip
        api.delete(f"/api/v1/nodes/{NODE}")


@contextmanager
def _kubelet(platform: Installed, api: httpx.Client) -> Iterator[None]:
    """Lets what was put on the node run, until the block ends."""
    ended = Event()

    def work() -> None:
        done: set[str] = set()
        with ThreadPoolExecutor(AT_ONCE) as threads:
            while not ended.is_set():
                path = f"/api/v1/namespaces/{platform.namespace}/pods"
                found = api.get(path, params={"fieldSelector": f"spec.nodeName={NODE}"}).json()["items"]
                new = [pod for pod in found if pod["metadata"]["uid"] not in done]
                list(threads.map(lambda pod: _run(platform, api, pod), new))
                done |= {pod["metadata"]["uid"] for pod in new}
                ended.wait(1)

    working = Thread(target=work, daemon=True)
    working.start()
    try:
        yield
    finally:
        ended.set()
        working.join()


def _run(platform: Installed, api: httpx.Client, pod: Json) -> None:
    """Ask for the pod's permit as its sidecar would, and say that it runs as its kubelet would."""
    (sidecar,) = [c for c in pod["spec"]["initContainers"] if c.get("restartPolicy") == "Always"]
    given = {e["name"]: e for e in sidecar["env"]}
    key, secret = given["PRIMEHUB_WORKLOAD"]["value"], given["PRIMEHUB_WORKLOAD_TOKEN"]["valueFrom"]["secretKeyRef"]
    kept = api.get(f"/api/v1/namespaces/{platform.namespace}/secrets/{secret['name']}").json()["data"][secret["key"]]
    uid = pod["metadata"]["uid"]
    headers = {"Authorization": f"Bearer {base64.b64decode(kept).decode()}", "PrimeHub-Pod": uid}
    answer = httpx.post(
        f"{platform.api}/workloads/{key}/permit", json={"pod": uid}, headers=headers, trust_env=False, timeout=60
    )
    answer.raise_for_status()
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())

    def running(container: Json) -> Json:
        state = {"running": {"startedAt": now}}
        told = {"ready": True, "started": True, "restartCount": 0, "imageID": "none", "state": state}
        return {"name": container["name"], "image": container["image"], **told}

    conditions = ("Initialized", "ContainersReady", "Ready")
    status = {
        "phase": "Running",
        "startTime": now,
        "conditions": [{"type": name, "status": "True", "lastTransitionTime": now} for name in conditions],
        "initContainerStatuses": [running(c) for c in pod["spec"]["initContainers"]],
        "containerStatuses": [running(c) for c in pod["spec"]["containers"]],
    }
    path = f"/api/v1/namespaces/{platform.namespace}/pods/{pod['metadata']['name']}/status"
    api.patch(path, json={"status": status}, headers=STRATEGIC).raise_for_status()


if __name__ == "__main__":
    main()
