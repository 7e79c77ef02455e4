"""From the click to JupyterLab on a cluster, beside a plain JupyterHub with KubeSpawner and the same image.

    .venv/bin/python -m benchmarks.cluster_notebook [--starts 5]

Installs the chart, and a plain hub with its proxy in one pod beside it, in a namespace of its own; starts alternate. The
image is on the node and the home claim is there, on both sides. Wanted: at most 1.1 times the plain one, plus one second.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

import httpx

from benchmarks.support.installation import RESTRICTED, Watch, cluster_api, installed, lab_of, since, table
from tests.support.installed import Installed, images
from tests.support.platform import Lab
from tests.support.waiting import wait_for

TOKEN = "the-benchmarks-own"
LOOK = 0.05
"""Seconds between two looks, on both sides."""
STEPS = ["made", "scheduled", "runs", "ready", "page"]
PLAIN = f"""
import os
c = get_config()
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
c.JupyterHub.hub_ip = "0.0.0.0"
c.JupyterHub.hub_connect_ip = os.environ["POD_IP"]
c.JupyterHub.bind_url = "http://0.0.0.0:8000/"
c.JupyterHub.db_url = "sqlite:////tmp/hub.sqlite"
c.JupyterHub.tornado_settings = {{"slow_spawn_timeout": 0}}
c.JupyterHub.cookie_secret_file = "/tmp/cookie_secret"
c.ConfigurableHTTPProxy.pid_file = "/tmp/proxy.pid"
c.JupyterHub.services = [{{"name": "bench", "admin": True, "api_token": "{TOKEN}"}}]
c.JupyterHub.load_roles = [{{"name": "bench", "services": ["bench"],
                            "scopes": ["admin:users", "admin:servers", "access:servers"]}}]
c.KubeSpawner.image = os.environ["NOTEBOOK_IMAGE"]
c.KubeSpawner.image_pull_policy = "IfNotPresent"
c.KubeSpawner.cpu_guarantee, c.KubeSpawner.cpu_limit = 0.1, 1
c.KubeSpawner.mem_guarantee, c.KubeSpawner.mem_limit = "128M", "1G"
c.KubeSpawner.storage_pvc_ensure = True
c.KubeSpawner.pvc_name_template = "plain-{{username}}"
c.KubeSpawner.storage_capacity = "1Gi"
c.KubeSpawner.volumes = [{{"name": "home", "persistentVolumeClaim": {{"claimName": "plain-{{username}}"}}}}]
c.KubeSpawner.volume_mounts = [{{"name": "home", "mountPath": "/home/jovyan"}}]
c.KubeSpawner.extra_labels = {{"benchmark": "plain"}}
c.KubeSpawner.pod_security_context = {{"fsGroup": 100, "seccompProfile": {{"type": "RuntimeDefault"}}}}
c.KubeSpawner.container_security_context = {RESTRICTED}
c.KubeSpawner.default_url = "/lab"
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=5, help="of each side, after one that is not counted")
    options = parser.parse_args()
    sides: dict[str, list[dict[str, float]]] = {"PrimeHub": [], "plain KubeSpawner": []}
    with installed() as platform, cluster_api() as api, _plain(platform) as plain:
        watch = Watch(api, platform.namespace)
        lab = lab_of(platform)
        for number in range(options.starts + 1):
            found = _ours(platform, lab, watch), _theirs(plain, watch)
            print("  ".join(f"{run['page']:6.2f} s" for run in found), "" if number else "(not counted)", flush=True)
            for runs, run in zip(sides.values(), found, strict=True):
                runs += [run] if number else []
        watch.stop()
    table("From the click, median", sides, STEPS)
    ours, theirs = (median(run["page"] for run in runs) for runs in sides.values())
    wanted = theirs * 1.1 + 1
    print(f"\n{ours:.2f} s beside {theirs:.2f} s; at most {wanted:.2f} s: {'met' if ours <= wanted else 'MISSED'}")


def _ours(platform: Installed, lab: Lab, watch: Watch) -> dict[str, float]:
    began = time.monotonic()
    made = platform.call("POST", "/notebooks", lab.launch, token=lab.token, status=202)
    path = f"/notebooks/{made['id']}"

    def running() -> Any:
        now = platform.call("GET", path, token=lab.token)
        assert now["phase"] in ("STARTING", "RUNNING"), now
        return now["phase"] == "RUNNING" and now

    found = _soon(running)
    ready = time.monotonic()
    with httpx.Client(headers={"Authorization": f"token {lab.token}"}, trust_env=False) as browser:
        _page(browser, platform.url + found["url"])
    times = since(began, watch.newest(began), ready=ready, page=time.monotonic())
    platform.call("DELETE", path, token=lab.token)
    stopped = lambda: platform.call("GET", path, token=lab.token)["phase"] == "STOPPED"  # noqa: E731
    wait_for(stopped, 60, what="the notebook has ended")
    return times


def _theirs(hub: httpx.Client, watch: Watch) -> dict[str, float]:
    began = time.monotonic()
    hub.post("/hub/api/users/ann/server").raise_for_status()
    server = lambda: hub.get("/hub/api/users/ann").json()["servers"].get("")  # noqa: E731
    _soon(lambda: (server() or {}).get("ready"))
    ready = time.monotonic()
    _page(hub, "/user/ann/lab")
    times = since(began, watch.newest(began), ready=ready, page=time.monotonic())
    hub.delete("/hub/api/users/ann/server").raise_for_status()
    wait_for(lambda: server() is None, 60, what="the plain server has ended")
    return times


def _soon(look: Any) -> Any:
    deadline = time.monotonic() + 120
    while not (found := look()):
        assert time.monotonic() < deadline, "it does not start"
        time.sleep(LOOK)
    return found


def _page(browser: httpx.Client, url: str) -> None:
    def shown() -> bool:
        answer = browser.get(url, follow_redirects=True)
        return answer.status_code == 200 and "jupyter-config-data" in answer.text

    _soon(shown)


@contextmanager
def _plain(platform: Installed) -> Iterator[httpx.Client]:
    """A plain hub and its proxy, reached from here."""
    given = images()["images"]
    image = {name: f"{given['registry']}/primehub/{name}:{given['tag']}" for name in ("hub", "notebook")}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "plain-hub", "labels": {"benchmark": "plain"}},
        "spec": {
            "serviceAccountName": "primehub-hub",  # which may make notebooks
            "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "hub",
                    "image": image["hub"],
                    "command": ["sh", "-c", 'printf "%s" "$CONFIG" >/tmp/c.py; exec jupyterhub -f /tmp/c.py'],
                    "workingDir": "/tmp",
                    "securityContext": RESTRICTED,
                    # before it listens, the first look would end the port's forwarding
                    "readinessProbe": {"httpGet": {"path": "/hub/health", "port": 8000}, "periodSeconds": 1},
                    "env": [
                        {"name": "CONFIG", "value": PLAIN},
                        {"name": "HOME", "value": "/tmp"},
                        {"name": "NOTEBOOK_IMAGE", "value": image["notebook"]},
                        {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
                    ],
                }
            ],
        },
    }
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "plain"},
        "spec": {"podSelector": {"matchLabels": {"benchmark": "plain"}}, "ingress": [{}], "egress": [{}]},
    }
    platform.kubectl("apply", "-f", "-", given="\n---\n".join(json.dumps(m) for m in (policy, pod)))
    platform.kubectl("wait", "pod/plain-hub", "--for=condition=Ready", "--timeout=120s")
    words = ["kubectl", "-n", platform.namespace, "port-forward", "pod/plain-hub", ":8000"]
    forward = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert forward.stdout is not None
        port = forward.stdout.readline().partition("127.0.0.1:")[2].split()[0]
        headers = {"Authorization": f"token {TOKEN}"}
        url = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=60) as hub:
            wait_for(lambda: _answers(hub), 120, what="the plain hub answers")
            hub.post("/hub/api/users/ann")
            yield hub
    finally:
        forward.kill()
        forward.wait()


def _answers(hub: httpx.Client) -> bool:
    try:
        return hub.get("/hub/api/users").status_code == 200
    except httpx.HTTPError:
        return False


if __name__ == "__main__":
    main()
