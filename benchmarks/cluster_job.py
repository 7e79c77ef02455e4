"""From a job's submit to the first line of its log on a cluster, beside a bare Job of the same image.

    .venv/bin/python -m benchmarks.cluster_job [--jobs 10]

Installs the chart in a namespace of its own; jobs alternate. The bare Job is made and its log read through the cluster's
API, as `kubectl create job` and `kubectl logs` do, but without the time that each kubectl takes to start. Both logs are
looked at as often. Wanted: at most 2 s more.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import httpx

from benchmarks.support.installation import RESTRICTED, Watch, cluster_api, installed, lab_of, since, table
from tests.support.installed import Installed, images
from tests.support.platform import Lab
from tests.support.waiting import wait_for

LOOK = 0.05
STEPS = ["accepted", "made", "scheduled", "helpers run", "runs", "first line"]
COMMAND = "echo the first line"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=10, help="of each side, after one that is not counted")
    options = parser.parse_args()
    sides: dict[str, list[dict[str, float]]] = {"PrimeHub": [], "bare Job": []}
    with installed() as platform, cluster_api() as api:
        watch = Watch(api, platform.namespace)
        lab = lab_of(platform)
        allow = {"podSelector": {"matchLabels": {"benchmark": "bare"}}, "ingress": [{}], "egress": [{}]}
        policy = {"metadata": {"name": "bare"}, "spec": allow}
        api.post(f"/apis/networking.k8s.io/v1/namespaces/{platform.namespace}/networkpolicies", json=policy)
        for number in range(options.jobs + 1):
            found = _ours(platform, lab, watch), _bare(api, platform.namespace, number, watch)
            print(
                "  ".join(f"{run['first line']:6.2f} s" for run in found), "" if number else "(not counted)", flush=True
            )
            for runs, run in zip(sides.values(), found, strict=True):
                runs += [run] if number else []
        watch.stop()
    table("From the submit, median", sides, STEPS)
    ours, bare = (median(run["first line"] for run in runs) for runs in sides.values())
    print(
        f"\n{ours:.2f} s beside {bare:.2f} s, {ours - bare:.2f} s more; at most 2: {'met' if ours - bare <= 2 else 'MISSED'}"
    )


def _ours(platform: Installed, lab: Lab, watch: Watch) -> dict[str, float]:
    headers = {"Authorization": f"token {lab.token}"}
    with httpx.Client(base_url=platform.api, headers=headers, trust_env=False, timeout=30) as api:
        began = time.monotonic()
        made = api.post("/jobs", json={**lab.launch, "command": COMMAND}).raise_for_status().json()
        accepted = time.monotonic()
        log = f"/jobs/{made['id']}/log"
        _soon(lambda: COMMAND.removeprefix("echo ") in api.get(log).json().get("text", ""))
        times = since(began, watch.newest(began), accepted=accepted, **{"first line": time.monotonic()})
        wait_for(lambda: api.get(f"/jobs/{made['id']}").json()["ended_at"], 90, what="the job has ended")
    return times


def _bare(api: httpx.Client, namespace: str, number: int, watch: Watch) -> dict[str, float]:
    given = images()["images"]
    container = {
        "name": "main",
        "image": f"{given['registry']}/primehub/notebook:{given['tag']}",
        "imagePullPolicy": "IfNotPresent",
        "securityContext": RESTRICTED,
        "command": ["sh", "-c", COMMAND],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}},
    }
    name = f"bare-{number}"
    template = {
        "metadata": {"labels": {"benchmark": "bare"}},
        "spec": {
            "containers": [container],
            "restartPolicy": "Never",
            "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        },
    }
    job = {"metadata": {"name": name}, "spec": {"template": template, "backoffLimit": 0}}
    began = time.monotonic()
    api.post(f"/apis/batch/v1/namespaces/{namespace}/jobs", json=job).raise_for_status()
    accepted = time.monotonic()
    pods = f"/api/v1/namespaces/{namespace}/pods"

    def said() -> bool:
        found = api.get(pods, params={"labelSelector": f"job-name={name}"}).json()["items"]
        if not found:
            return False
        log = api.get(f"{pods}/{found[0]['metadata']['name']}/log")
        return log.status_code == 200 and COMMAND.removeprefix("echo ") in log.text

    _soon(said)
    return since(began, watch.newest(began), accepted=accepted, **{"first line": time.monotonic()})


def _soon(look: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 120
    while not look():
        assert time.monotonic() < deadline, "nothing is said"
        time.sleep(LOOK)


if __name__ == "__main__":
    main()
