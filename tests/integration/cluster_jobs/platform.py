"""A real hub and the real services process on this machine, whose jobs run on a real cluster."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.integration.api.platform import ROOT, ApiHub, Person, first_admin, new_person
from tests.integration.hub import harness
from tests.integration.hub.harness import free_port
from tests.support.cluster import (
    Namespace,
    cluster_image,
    foreign_image,
    own_address,
    own_namespace,
    require_cluster,
)
from tests.support.git_ssh import known_host, new_key
from tests.support.waiting import wait_for_async

CONFIG = Path(__file__).parent / "hub_config_for_tests.py"
IN_TIME = 150.0
UID = 4711
"""Of jobs: one that no image knows."""
OVER = ("SUCCEEDED", "FAILED", "CANCELLED")


class ClusterHub(ApiHub):
    """The hub with services that use a cluster."""

    def __init__(self, data_dir: Path, namespace: str) -> None:
        super().__init__(data_dir)
        given = {
            "NAMESPACE": namespace,
            "API_URL": f"http://{own_address()}:{self.services_port}{ROOT}",
            # as little as an image may be given
            "RUN_AS_USER": str(UID),
            "READ_ONLY_ROOT": "true",
            "SIDECAR_IMAGE": cluster_image("sidecar"),
            "GIT_IMAGE": cluster_image("git"),
        }
        self._environ |= {f"PRIMEHUB_SETTING__KUBERNETES__{name}": value for name, value in given.items()}
        self.git_key, self.git_port = new_key(), free_port()
        """Of the one git server that is trusted over ssh, at this machine's address."""
        trusted = [known_host(self.git_key, own_address(), self.git_port)]
        self._environ["PRIMEHUB_SETTING__GIT__KNOWN_HOSTS"] = json.dumps(trusted)
        self.authority = data_dir / "authority.pem"
        """What git trusts, where a test puts it there."""
        self._environ["GIT_SSL_CAINFO"] = str(self.authority)

    def _start(self) -> None:
        harness.CONFIG, kept = CONFIG, harness.CONFIG
        try:
            super(ApiHub, self)._start()
        finally:
            harness.CONFIG = kept


@dataclass
class Bench:
    """What tests of jobs work with."""

    hub: ClusterHub
    namespace: Namespace
    admin: Person
    person: Person

    async def size(self, name: str, **limits: Any) -> None:
        """An instance type for everybody."""
        body = {"name": name, "cpu_limit": "1", "memory_limit": "256Mi", "cpu_request": "0.01"} | limits
        made = await self.admin.ask("POST", "/instance-types", body)
        assert made.status_code == 201, made.text

    async def image(self, name: str, url: str) -> None:
        """A container image for everybody."""
        made = await self.admin.ask("POST", "/images", {"name": name, "source": {"type": "container", "url": url}})
        assert made.status_code == 201, made.text

    async def submit(self, command: str, **changes: Any) -> str:
        """A job of the person's; its id."""
        body = {"group": "research", "instance_type": "tiny", "image": "plain", "command": command} | changes
        made = await self.person.ask("POST", "/jobs", body)
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    async def job(self, job: str) -> dict[str, Any]:
        """It as it is now."""
        found: dict[str, Any] = (await self.look(f"/jobs/{job}")).json()
        return found

    async def look(self, path: str) -> httpx.Response:
        """What the API answers the person, as soon as it does: a test may have killed it."""

        async def answered() -> httpx.Response | None:
            with contextlib.suppress(httpx.TransportError):
                found = await self.person.ask("GET", path)
                return found if found.status_code == 200 else None
            return None

        found = await wait_for_async(answered, IN_TIME, what=f"{path} is answered")
        assert found is not None
        return found

    async def until(self, job: str, *phases: str) -> dict[str, Any]:
        """The job, once it is in one of these phases."""

        async def reached() -> dict[str, Any] | None:
            found = await self.job(job)
            return found if found["phase"] in phases else None

        found = await wait_for_async(reached, IN_TIME, what=f"{job} is {' or '.join(phases)}")
        assert found is not None
        return found

    async def says(self, job: str, text: str) -> dict[str, Any]:
        """The job, once its message has this text."""

        async def told() -> dict[str, Any] | None:
            found = await self.job(job)
            return found if text in found["message"] else None

        found = await wait_for_async(told, IN_TIME, what=f"{job} says {text!r}")
        assert found is not None
        return found

    async def end_all(self) -> None:
        """Cancel what waits or runs of the person, and wait for its end."""
        found = (await self.look("/jobs?group=research&page_size=200")).json()["items"]
        going = [job["id"] for job in found if job["phase"] not in OVER]
        for job in going:
            await self.person.ask("POST", f"/jobs/{job}/cancel")
        for job in going:
            await self.until(job, *OVER)

    async def log(self, job: str) -> str:
        """Its output so far."""
        return str((await self.look(f"/jobs/{job}/log?offset=0&limit=100000")).json()["text"])

    async def prints(self, job: str, text: str) -> None:
        """Wait until its output has this text."""

        async def printed() -> bool:
            return text in await self.log(job)

        await wait_for_async(printed, IN_TIME, what=f"{job} prints {text!r}")

    async def dropped(self) -> None:
        """Wait until nothing of any job is left in the cluster."""

        async def empty() -> bool:
            kinds = ("jobs", "pods", "secrets")
            return not any(self.namespace.list(kind, "primehub.io/kind=job") for kind in kinds)

        await wait_for_async(empty, IN_TIME, what="the namespace is empty")


@asynccontextmanager
async def running_bench(data_dir: Path) -> AsyncIterator[Bench]:
    """Hub, services and namespace, until the block ends."""
    require_cluster()
    image = foreign_image()
    with own_namespace() as namespace:
        hub = ClusterHub(data_dir, namespace.name)
        try:
            await hub.start()
            await wait_for_async(hub.healthy, 60, what=f"the services are well (see {hub.log})")
            admin = await first_admin(hub)
            bench = Bench(hub, namespace, admin, await new_person(hub, admin, "p_on_cluster", "research"))
            await bench.size("tiny")
            await bench.image("plain", image)
            yield bench
        finally:
            hub.end()
            namespace.kubectl("delete", "pods", "--all", "--grace-period=1", "--wait=false", check=False)
