"""What is written for a workload's start, how its supervisor is begun, and what its words mean to people."""

from __future__ import annotations

import errno
import json
import os
import select
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from . import command, records
from .errors import WorkloadError
from .layout import make_folder
from .probe import Probed
from .spec import SandboxSpec

ANSWER_TIMEOUT_S = 45.0
_PACKAGES = Path(__file__).resolve().parent.parent.parent
_SUPERVISOR = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from primehub_services.sandbox.supervisor import main; main()"
)
_FULL = (errno.ENOSPC, errno.EDQUOT)


def passing_mode() -> int:
    """Mode of a folder that the workloads' user must pass through, where that is another."""
    return 0o711 if os.geteuid() == 0 else 0o700


def write_launch(folder: Path, spec: SandboxSpec, probed: Probed, cgroup: str) -> None:
    """Writes everything that the supervisor of ``spec`` needs into its folder. Raises ``OSError``.

    ``cgroup`` names its control groups; empty where there are none.
    """
    tools = probed.tools
    launch = folder / records.LAUNCH
    make_folder(launch, mode=passing_mode())
    files = {**command.launch_files(spec, tools, str(launch)), records.READY: "", command.BWRAP_STATUS: ""}
    for name, text in files.items():
        path = launch / name
        if path.parent != launch:
            make_folder(path.parent, mode=0o755)
        writable = name in (records.READY, command.BWRAP_STATUS)
        public = path.parent != launch
        mode = 0o600 if writable else 0o644 if public else 0o500 if name == command.SCRIPT else 0o400
        _write_file(path, text, mode, (spec.uid, spec.gid))
    for bind in spec.binds:
        source = Path(bind.source)
        if source.is_relative_to(folder):
            make_folder(source, owner=(spec.uid, spec.gid))
    _give_files(folder / "files", spec)
    env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
    if not spec.sandboxed:
        scratch = Path(spec.env.get("TMPDIR", "/tmp"))
        if scratch.name == f"primehub-{spec.key}":
            make_folder(scratch, owner=(spec.uid, spec.gid))
        env = spec.env
    records.reserve_end(folder)
    if not (folder / records.WAKE).exists():
        os.mkfifo(folder / records.WAKE, 0o600)
    records.write(folder / records.SPEC, spec.model_dump(mode="json", exclude={"env", "files"}))
    plan = {
        **spec.model_dump(mode="json", include={"key", "labels", "network", "sandboxed", "forward_in", "log_cap"}),
        **spec.model_dump(mode="json", include={"uid", "gid", "grace_s"}),
        "limits": spec.limits.model_dump(mode="json"),
        "cgroup": cgroup,
        "argv": command.outer_command(spec, tools, str(launch)),
        "env": env,
        "masked": [spec.env[name] for name in spec.masked if name in spec.env],
    }
    records.write(folder / records.PLAN, plan)


def _give_files(folder: Path, spec: SandboxSpec) -> None:
    """Copies what the workload is given, since it cannot come to where the platform keeps it."""
    for file in spec.files:
        path = folder / file.name
        if file.source is None:
            _write_file(path, file.text, 0o444, (spec.uid, spec.gid))
        else:
            path.unlink(missing_ok=True)
            shutil.copyfile(file.source, path)
            path.chmod(0o444)


def spawn(folder: Path) -> str:
    """Starts the supervisor and hears whether the workload began: an empty text, or what went wrong."""
    handle = os.open(folder / "supervisor.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        process = subprocess.Popen(
            # no site packages: it needs the standard library alone, and there is one for each workload
            [sys.executable, "-I", "-S", "-c", _SUPERVISOR, str(_PACKAGES), str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=handle,
            cwd="/",
            env={"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8", "MALLOC_ARENA_MAX": "1"},
            start_new_session=True,
        )
    finally:
        os.close(handle)
    assert process.stdout is not None
    with process.stdout as answers:
        process.wait()
        ready, _, _ = select.select([answers], [], [], ANSWER_TIMEOUT_S)
        line = answers.readline() if ready else b""
    if not line:
        return "its supervisor did not begin: " + (folder / "supervisor.log").read_text(errors="replace")[-500:]
    return str(json.loads(line)["error"])


def _write_file(path: Path, text: str, mode: int, owner: tuple[int, int]) -> None:
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
        os.fchmod(handle, mode)
        if os.geteuid() == 0:
            os.fchown(handle, *owner)


def check_port(port: int) -> None:
    """Raises ``WorkloadError`` (``port-taken``) where another program has the port of the loopback."""
    with socket.socket() as probe_socket:
        probe_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe_socket.bind(("127.0.0.1", port))
        except OSError as problem:
            raise _port_taken(port) from problem


def _port_taken(port: int | None) -> WorkloadError:
    return WorkloadError(f"Port {port} of this machine is taken by another program: try again.", code="port-taken")


def unwritable(folder: Path, problem: OSError) -> WorkloadError:
    """What an ``OSError`` about a workload's folder means."""
    if problem.errno in _FULL:
        return WorkloadError(f"The disk of {folder} is full: make room and try again.", code="disk-full")
    return WorkloadError(f"{problem.filename or folder}: {problem.strerror or problem}", code="folder")


def explained(error: str, spec: SandboxSpec) -> WorkloadError:
    """What a supervisor or bwrap says, as a sentence with what to do."""
    if "port" in error and ("bind" in error or "listen" in error):
        return _port_taken(spec.forward_in)
    if "No space left" in error or "quota exceeded" in error:
        return WorkloadError("The disk is full: make room and try again.", code="disk-full")
    if "Can't find source path" in error or "Permission denied" in error:
        msg = f"A folder of the workload cannot be used by uid {spec.uid}, which it runs as: {error}"
        return WorkloadError(msg, code="folder")
    return WorkloadError(f"The workload did not start: {error}")
