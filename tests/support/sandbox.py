"""A data folder whose workloads really run, and plans for them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from primehub_services.domain.images import EnvironmentSource
from primehub_services.domain.launch import LaunchPlan, Mount, MountKind, WorkloadKind
from primehub_services.domain.resources import Resources
from primehub_services.domain.units import MIB, Bytes, Millicores
from primehub_services.sandbox import logfile
from primehub_services.sandbox.layout import workload_identity
from primehub_services.sandbox.pythons import choose_base
from primehub_services.sandbox.spec import SandboxOptions, WorkloadStatus
from primehub_services.sandbox.workloads import Workloads
from tests.support.parts import require
from tests.support.waiting import wait_for


def make_plan(
    key: str = "start1",
    *,
    user: str = "ann",
    group: str = "research",
    prefix: str = "/opt/environment",
    cpu: int = 1000,
    memory: int = 512 * MIB,
    **changes: Any,
) -> LaunchPlan:
    """A notebook's plan with home and group folder."""
    amount = Resources(cpu=Millicores(cpu), memory=Bytes(memory))
    mounts = (
        Mount(kind=MountKind.HOME, slug=user, path="/home/jovyan"),
        Mount(kind=MountKind.PROJECT, slug=group, path=f"/project/{group}", links=(f"/home/jovyan/{group}",)),
    )
    fields: dict[str, Any] = {
        "start_id": key,
        "kind": WorkloadKind.NOTEBOOK,
        "user": user,
        "user_slug": user,
        "group": group,
        "group_name": group,
        "instance_type": "small",
        "image": "base",
        "image_source": EnvironmentSource(prefix=prefix),
        "image_location": prefix,
        "limits": amount,
        "requests": amount,
        "mounts": mounts,
        "idle_timeout": 0,
    }
    return LaunchPlan.model_validate({**fields, **changes})


@contextmanager
def public_folder(prefix: str = "primehub-test-") -> Iterator[Path]:
    """A folder that the workloads' user may pass through, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def plain_python() -> Iterator[str]:
    """The prefix of an environment with nothing but Python."""
    base = choose_base(None, *workload_identity(1000))
    with public_folder() as folder:
        folder.chmod(0o755)
        prefix = folder / "plain"
        subprocess.run([base.executable, "-m", "venv", "--without-pip", str(prefix)], check=True)
        yield str(prefix)


@dataclass(slots=True)
class Machine:
    """Starts workloads and waits for them."""

    workloads: Workloads
    prefix: str

    def start(
        self,
        key: str,
        *argv: str,
        port: int | None = None,
        forward_out: tuple[int, ...] = (),
        env: dict[str, str] | None = None,
        masked: tuple[str, ...] = (),
        log_cap: int | None = None,
        pids: int | None = None,
        grace_s: float = 30,
        **plan: Any,
    ) -> WorkloadStatus:
        """Starts ``argv`` (a single one is a script of sh) as ann of research, unless ``plan`` says otherwise."""
        command: Sequence[str] = ("/bin/sh", "-c", argv[0]) if len(argv) == 1 else argv
        rendered = self.workloads.render(
            make_plan(key, prefix=self.prefix, **plan),
            argv=command,
            port=port,
            env=env,
            forward_out=forward_out,
            masked=masked,
            grace_s=grace_s,
            allow_unsandboxed=True,
        )
        spec = rendered.spec
        if log_cap is not None:
            spec = spec.model_copy(update={"log_cap": log_cap})
        if pids is not None:
            spec = spec.model_copy(update={"limits": spec.limits.model_copy(update={"pids": pids})})
        return self.workloads.start(spec)

    def ended(self, key: str, timeout: float = 30) -> WorkloadStatus:
        """The status of a workload once it has ended."""

        def over() -> WorkloadStatus | None:
            status = self.workloads.status(key)
            assert status is not None
            return None if status.alive else status

        status = wait_for(over, timeout, what=f"{key} ends")
        assert status is not None
        return status

    def run(self, key: str, *argv: str, **options: Any) -> tuple[WorkloadStatus, str]:
        """Runs ``argv`` to its end: its status and its output."""
        self.start(key, *argv, **options)
        return self.ended(key), self.output(key)

    def output(self, key: str) -> str:
        """All output so far."""
        return b"".join(logfile.text(self.workloads.log_chunks(key))).decode(errors="replace")

    def says(self, key: str, text: str, timeout: float = 20) -> None:
        """Waits until the workload has printed ``text``."""
        wait_for(lambda: text in self.output(key), timeout, what=f"{key} prints {text!r}")


@pytest.fixture
def machine(plain_python: str) -> Iterator[Machine]:
    """A data folder of its own."""
    with public_folder() as folder:
        workloads = Workloads(folder / "data")
        status = workloads.sandbox()
        require("sandbox", status.sandboxed, status.sandbox.sentence)
        yield Machine(workloads, plain_python)
        left = workloads.stop_all(0)
        assert not left, f"still alive: {left}"


@pytest.fixture
def isolated(machine: Machine) -> Machine:
    """``machine``, where workloads have a network of their own."""
    status = machine.workloads.sandbox()
    require("pasta", status.network_isolated, status.network.fix)
    return machine


@pytest.fixture
def unsandboxed(plain_python: str) -> Iterator[Machine]:
    """A data folder whose workloads run without a sandbox."""
    with public_folder() as folder:
        workloads = Workloads(folder / "data", SandboxOptions(sandbox="off"))
        yield Machine(workloads, plain_python)
        left = workloads.stop_all(0)
        assert not left, f"still alive: {left}"


def free_port() -> int:
    """A port of the loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def alive_with(mark: str) -> list[int]:
    """The machine's processes whose command line or environment has ``mark``."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            for name in ("cmdline", "environ"):
                try:
                    content = Path("/proc", entry, name).read_bytes()
                except OSError:
                    continue
                if mark.encode() in content:
                    found.append(int(entry))
                    break
    return found
