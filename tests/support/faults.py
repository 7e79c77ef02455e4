"""Faults on a running platform: which process a person would end, and at which moment of a notebook's life."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum

import httpx
import psutil

from . import crowd
from .platform import Platform
from .waiting import wait_for

MARK = "PRIMEHUB_WORKLOAD_KEY"


class Victim(StrEnum):
    """What is killed."""

    SERVICES = "services"
    HUB = "hub"
    NOTEBOOK = "notebook"
    SUPERVISOR = "supervisor"


def services_of(platform: Platform) -> psutil.Process | None:
    """The process of the API and the controllers."""
    return next((p for p in platform.processes() if "primehub_services.app" in _words(p)), None)


def kill(platform: Platform, victim: Victim, start_id: str) -> Callable[[], bool]:
    """``kill -9``; what is returned says whether something else is in its place, or nothing is needed there."""
    if victim is Victim.HUB:
        hub = platform.state()["hub_pid"]
        os.kill(hub, signal.SIGKILL)
        return lambda: platform.state().get("hub_pid") not in (hub, None) and well(platform)
    if victim is Victim.SERVICES:
        services = services_of(platform)
        assert services is not None
        services.kill()
        return lambda: services_of(platform) not in (services, None) and well(platform)
    process = notebook_process(start_id) if victim is Victim.NOTEBOOK else supervisor_process(platform, start_id)
    process.kill()
    return lambda: True


def well(platform: Platform) -> bool:
    """Whether the services answer, and reach the hub."""
    try:
        answer = httpx.get(f"{platform.api}/health", trust_env=False, timeout=5)
        return answer.status_code == 200 and answer.json()["status"] != "failed"
    except (httpx.HTTPError, ValueError):
        return False


def notebook_process(start_id: str) -> psutil.Process:
    """The notebook itself, inside its sandbox."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == start_id and "jupyterhub.singleuser" in " ".join(_words(process)):
                found.append(process)
    assert found, f"nothing runs of {start_id}"
    # wrappers have its command in theirs, and are its ancestors
    return max(found, key=lambda p: len(p.parents()))


def supervisor_process(platform: Platform, start_id: str) -> psutil.Process:
    """The process that stays with the workload."""
    folder = str(platform.data / "workloads" / start_id)
    found = [p for p in psutil.process_iter() if folder in _words(p) and "supervisor" in " ".join(_words(p))]
    assert found, f"nothing supervises {start_id}"
    return found[0]


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except (psutil.Error, OSError):
        return []


@contextmanager
def held_up(pid: int) -> Iterator[None]:
    """A process that does nothing meanwhile, though it is there."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def accounts_agree(platform: Platform) -> bool:
    """Whether ledger, sandbox, hub and what people see name the same notebooks, none of them on its way."""
    items = platform.call("GET", "/notebooks?active=true&page_size=200")["items"]
    seen = {n["id"] for n in items if n["phase"] == "RUNNING"}
    if len(seen) != len(items):
        return False
    try:
        known = crowd.servers(platform)
    except httpx.HTTPError:
        return False
    ready = {start_id for start_id, server in known.items() if server["ready"] and not server["pending"]}
    return seen == platform.claimed() == platform.alive() == ready == known.keys()


def when_recovered(recovered: Callable[[], bool]) -> None:
    """Wait until what was killed is there again."""
    wait_for(recovered, 60, what="what was killed is there again")
