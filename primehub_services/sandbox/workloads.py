"""Workloads of this machine, by key: start, look, stop, remove. Everything is on disk; nothing is remembered here.

All methods are synchronous and quick (a start takes about a tenth of a second); call them in a thread from a loop.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import select
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from primehub_services.domain.launch import LaunchPlan, MountKind
from primehub_services.domain.volumes import PvcSource

from . import cgroups, command, logfile, processes, records
from .errors import WorkloadError
from .layout import Layout, check_passable, make_folder, prepare, workload_identity
from .probe import Probed, SandboxStatus, probe
from .pythons import interpreter_folders
from .render import MARK, SYSTEM_FOLDERS, Machine, Process, Target, render
from .spec import Key, LogChunk, NetworkMode, Rendered, SandboxOptions, SandboxSpec, WorkloadState, WorkloadStatus
from .tools import system_links

_KEY = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")
_START_LOCK = "start.lock"
_ANSWER_TIMEOUT_S = 45.0
_BEGINS_WITHIN_S = 10.0
_PACKAGES = Path(__file__).resolve().parent.parent.parent
_SUPERVISOR = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from primehub_services.sandbox.supervisor import main; main()"
)
_FULL = (errno.ENOSPC, errno.EDQUOT)


class Workloads:
    """The workloads of one data folder."""

    def __init__(self, data_dir: Path, options: SandboxOptions | None = None) -> None:
        self.layout = Layout(data_dir.absolute())
        self.options = options or SandboxOptions()
        self._mark = hashlib.sha256(str(self.layout.data_dir).encode()).hexdigest()[:8]

    def sandbox(self) -> SandboxStatus:
        """What workloads are protected by on this machine."""
        return self._probe().status

    def _probe(self) -> Probed:
        return probe(self.layout.data_dir, self.options)

    def require_sandbox(self, *, allow_unsandboxed: bool) -> SandboxStatus:
        """What workloads are protected by. Raises ``WorkloadError`` where that is less than is asked for."""
        status = self.sandbox()
        if not status.sandboxed and not allow_unsandboxed:
            msg = f"{status.sandbox.sentence} {status.sandbox.fix}"
            raise WorkloadError(msg, code="no-sandbox")
        if self.options.network == "pasta" and status.sandboxed and not status.network_isolated:
            msg = f"local.network is pasta, and it cannot run. {status.network.fix}"
            raise WorkloadError(msg, code="no-network-isolation")
        return status

    # -- the spec

    def render(
        self,
        plan: LaunchPlan,
        *,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        port: int | None = None,
        forward_out: tuple[int, ...] = (),
        grace_s: float = 30,
        allow_unsandboxed: bool = False,
    ) -> Rendered:
        """What would run for ``plan`` on this machine, as it is now. Makes the folders that the platform keeps.

        ``port``: where the workload listens (on 127.0.0.1, inside and outside the same). ``forward_out``: ports of
        this machine's loopback that it may reach (the hub's, the API's). Raises ``WorkloadError`` where no sandbox can
        run and ``allow_unsandboxed`` is false, or where the image's environment cannot be used.
        """
        status = self.require_sandbox(allow_unsandboxed=allow_unsandboxed)
        uid, gid = workload_identity(self.options.workload_uid)
        prepare(self.layout)
        self._make_data_folders(plan, (uid, gid))
        interpreter: tuple[str, ...] = ()
        if plan.image_location:
            interpreter = interpreter_folders(plan.image_location, self.layout.data_dir)
        rendered = render(
            plan,
            self.layout,
            Process(argv=argv, env=env or {}, port=port, forward_out=forward_out, grace_s=grace_s),
            Target(
                sandboxed=status.sandboxed,
                network=NetworkMode.ISOLATED if status.network_isolated else NetworkMode.SHARED,
                uid=uid,
                gid=gid,
                host_path_roots=self.options.host_path_roots,
            ),
            Machine(
                exists=visible,
                real=os.path.realpath,
                links=system_links(SYSTEM_FOLDERS),
                interpreter=interpreter,
            ),
        )
        return rendered.model_copy(update={"warnings": status.warnings})

    def _make_data_folders(self, plan: LaunchPlan, owner: tuple[int, int]) -> None:
        for mount in plan.mounts:
            if mount.kind is MountKind.HOME:
                make_folder(self.layout.home(mount.slug), owner=owner)
            elif mount.kind is MountKind.PROJECT:
                make_folder(self.layout.project(mount.slug), owner=owner)
            elif mount.kind is MountKind.DATASET and isinstance(mount.source, PvcSource | None):
                make_folder(self.layout.volume(mount.slug), owner=owner)

    # -- start

    def start(self, spec: SandboxSpec) -> WorkloadStatus:
        """Starts the workload, or finds that it was started: a key never runs twice, not even after a crash.

        Returns when it runs inside its sandbox. Raises ``WorkloadError`` otherwise.
        """
        folder = self._folder(spec.key)
        prepare(self.layout)
        make_folder(folder, mode=_passing())
        check_passable(folder, spec.uid)
        with self._exclusively(folder):
            known = self._known(folder)
            if known is None:
                error = self._begin(folder, spec)
                if error:
                    raise _explained(error, spec)
            elif known.reason == "StartError":
                raise _explained(known.message, spec)
        status = self.status(spec.key)
        if status is None:
            msg = f"The workload {spec.key} was removed while it started."
            raise WorkloadError(msg)
        return status

    def _begin(self, folder: Path, spec: SandboxSpec) -> str:
        try:
            if spec.forward_in and spec.sandboxed and spec.network is NetworkMode.ISOLATED:
                _check_port(spec.forward_in)
            self._write_launch(folder, spec)
        except (OSError, WorkloadError) as problem:
            # nothing was begun: leave no trace that looks like a start
            records.remove_tree(folder)
            raise (_unwritable(folder, problem) if isinstance(problem, OSError) else problem) from problem
        try:
            return self._spawn(folder)
        except OSError as problem:
            raise _unwritable(folder, problem) from problem

    def _known(self, folder: Path) -> WorkloadStatus | None:
        """The status of a workload that was begun; null where its supervisor was never there."""
        if records.read(folder / records.END) is None and records.read(folder / records.STATUS) is None:
            held = records.lock(folder / records.LOCK, shared=True)
            if held is not None:
                os.close(held)
                return None
        return self.status(folder.name)

    def _write_launch(self, folder: Path, spec: SandboxSpec) -> None:
        probed = self._probe()
        tools = probed.tools
        launch = folder / records.LAUNCH
        make_folder(launch, mode=_passing())
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
        env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        if not spec.sandboxed:
            scratch = Path(spec.env.get("TMPDIR", "/tmp"))
            if scratch.name == f"primehub-{spec.key}":
                make_folder(scratch, owner=(spec.uid, spec.gid))
            env = spec.env
        records.reserve_end(folder)
        if not (folder / records.WAKE).exists():
            os.mkfifo(folder / records.WAKE, 0o600)
        records.write(folder / records.SPEC, spec.model_dump(mode="json", exclude={"env"}))
        plan = {
            **spec.model_dump(mode="json", include={"key", "labels", "network", "sandboxed", "forward_in", "log_cap"}),
            **spec.model_dump(mode="json", include={"uid", "gid", "grace_s"}),
            "limits": spec.limits.model_dump(mode="json"),
            "cgroup": self._cgroup_name(spec.key) if probed.status.limits.ok else "",
            "argv": command.outer_command(spec, tools, str(launch)),
            "env": env,
        }
        records.write(folder / records.PLAN, plan)

    def _cgroup_name(self, key: str) -> str:
        return f"primehub-{self._mark}-{key}"

    def _spawn(self, folder: Path) -> str:
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
            ready, _, _ = select.select([answers], [], [], _ANSWER_TIMEOUT_S)
            line = answers.readline() if ready else b""
        if not line:
            return "its supervisor did not begin: " + (folder / "supervisor.log").read_text(errors="replace")[-500:]
        return str(json.loads(line)["error"])

    # -- look

    def status(self, key: str) -> WorkloadStatus | None:
        """What is known of a workload; null where there is none of that key."""
        folder = self._folder(key)
        status = self._read(folder)
        if status is not None and not status.alive:
            return status
        held = records.lock(folder / records.LOCK, shared=True) if folder.is_dir() else None
        if held is None:
            # its supervisor holds the lock: it lives (or there is no folder)
            return status or (_starting(key) if folder.is_dir() else None)
        os.close(held)
        status = self._read(folder)
        if status is not None and not status.alive:
            return status
        if status is None and self._young(folder):
            return _starting(key)
        return self._bury(folder)

    def _read(self, folder: Path) -> WorkloadStatus | None:
        value = records.read(folder / records.END) or records.read(folder / records.STATUS)
        if value is None:
            return None
        value.pop("pids", None)
        return WorkloadStatus.model_validate(value)

    def _young(self, folder: Path) -> bool:
        """Whether somebody may be about to start it: its folder is being written, or was just now."""
        with contextlib.suppress(OSError):
            return time.time() - folder.stat().st_mtime < _BEGINS_WITHIN_S
        return False

    def _bury(self, folder: Path) -> WorkloadStatus | None:
        """Ends what a supervisor that was killed left behind, and records the workload as lost."""
        held = records.lock(folder / records.LOCK)
        if held is None:
            return self._read(folder) or _starting(folder.name)
        try:
            status = self._read(folder)
            if status is not None and not status.alive:
                return status
            if not self._end_processes(folder):
                return status
            ended = (status or _starting(folder.name)).model_copy(
                update={
                    "state": WorkloadState.EXITED,
                    "reason": "Lost",
                    "message": "Its supervisor was killed, or the machine was restarted.",
                    "ended_at": datetime.now(UTC),
                }
            )
            records.write_end(folder, ended.model_dump(mode="json"))
            for name in (records.PLAN, records.WAKE, records.STATUS):
                (folder / name).unlink(missing_ok=True)
            records.remove_tree(folder / records.LAUNCH)
            return ended
        except OSError as problem:
            raise _unwritable(folder, problem) from problem
        finally:
            os.close(held)

    def _end_processes(self, folder: Path) -> bool:
        """Ends every process of a workload without a supervisor. Returns whether none is left."""
        cgroup = cgroups.make(self._cgroup_name(folder.name))
        if cgroup is not None:
            cgroup.kill()
            cgroup.remove()
        for pid, name, _, started in (records.read(folder / records.STATUS) or {}).get("pids", []):
            process = processes.read(pid)
            if process is not None and process.started == started and process.name == name:
                processes.kill(process)
        mark = f"{MARK}={folder.name}".encode()
        deadline = time.monotonic() + 5
        while left := [p for p in processes.marked(mark) if not p.zombie]:
            if time.monotonic() > deadline:
                return False
            for process in left:
                processes.kill(process)
            time.sleep(0.02)
        return True

    def list_(self) -> list[WorkloadStatus]:
        """Every workload that has a folder, ended ones too."""
        return [status for key in self._keys() if (status := self.status(key)) is not None]

    def _keys(self) -> list[Key]:
        try:
            return sorted(name for name in os.listdir(self.layout.workloads) if _KEY.match(name))
        except FileNotFoundError:
            return []

    def read_log(self, key: str, offset: int = 0, limit: int = 65536) -> LogChunk:
        """A piece of the output, from ``offset`` (negative: from the end)."""
        folder = self._folder(key)
        data, start, following = logfile.read(folder, offset, limit)
        return LogChunk(data=data, start=start, next_offset=following, size=logfile.size(folder))

    def log_chunks(self, key: str) -> Iterator[bytes]:
        """The whole output as kept, piece by piece, the gap marked."""
        return logfile.chunks(self._folder(key))

    # -- end

    def stop(self, key: str, grace_s: float | None = None) -> None:
        """Asks the workload to end (SIGTERM), and ends it after ``grace_s``. Returns at once; absence is success.

        Raises ``WorkloadError`` where the request cannot be written (a full disk).
        """
        folder = self._folder(key)
        status = self.status(key)
        if status is None or not status.alive:
            return
        request = {} if grace_s is None else {"grace_s": grace_s}
        try:
            records.write(folder / records.STOP, request)
            wake = os.open(folder / records.WAKE, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        except OSError as problem:
            if problem.errno == errno.ENXIO:
                return  # no reader yet: the supervisor looks for the request when it begins to listen
            raise _unwritable(folder, problem) from problem
        with contextlib.suppress(BlockingIOError):
            os.write(wake, b"\n")
        os.close(wake)

    def stop_all(self, grace_s: float) -> list[str]:
        """Stops every workload and waits. Returns the keys of those that are alive after all."""
        alive = [status.key for status in self.list_() if status.alive]
        for key in alive:
            self.stop(key, grace_s)
        deadline = time.monotonic() + grace_s + 10
        while alive and time.monotonic() < deadline:
            time.sleep(0.05)
            alive = [key for key in alive if (status := self.status(key)) is not None and status.alive]
        return alive

    def remove(self, key: str) -> None:
        """Drops status, log and scratch files of an ended workload. Raises ``WorkloadError`` while it is alive."""
        folder = self._folder(key)
        if not folder.is_dir():
            return
        with self._exclusively(folder):
            status = self._known(folder)
            if status is not None and status.alive:
                msg = f"The workload {key} is {status.state.value}: stop it before it is removed."
                raise WorkloadError(msg)
            gone = folder.with_name(f".removed-{key}")
            records.remove_tree(gone)
            try:
                folder.rename(gone)
            except OSError as problem:
                raise _unwritable(folder, problem) from problem
        records.remove_tree(gone)
        records.remove_tree(Path(f"/tmp/primehub-{key}"))

    # -- helpers

    def _folder(self, key: str) -> Path:
        if not _KEY.match(key):
            msg = f"{key!r} is not the key of a workload"
            raise WorkloadError(msg)
        return self.layout.workload(key)

    @contextlib.contextmanager
    def _exclusively(self, folder: Path) -> Iterator[None]:
        held = records.lock(folder / _START_LOCK, wait_s=60)
        if held is None:
            msg = f"The workload {folder.name} is being started or removed by somebody else."
            raise WorkloadError(msg)
        try:
            yield
        finally:
            os.close(held)


def _starting(key: str) -> WorkloadStatus:
    return WorkloadStatus(key=key, state=WorkloadState.STARTING)


def _passing() -> int:
    return 0o711 if os.geteuid() == 0 else 0o700


def visible(path: str) -> bool:
    """Whether a path is there; of files of the system, whether everyone may read them."""
    try:
        found = os.stat(path)
    except OSError:
        return False
    return bool(found.st_mode & stat.S_IROTH) or not path.startswith("/etc/")


def _write_file(path: Path, text: str, mode: int, owner: tuple[int, int]) -> None:
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
        os.fchmod(handle, mode)
        if os.geteuid() == 0:
            os.fchown(handle, *owner)


def _check_port(port: int) -> None:
    with socket.socket() as probe_socket:
        probe_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe_socket.bind(("127.0.0.1", port))
        except OSError as problem:
            raise _port_taken(port) from problem


def _port_taken(port: int | None) -> WorkloadError:
    return WorkloadError(f"Port {port} of this machine is taken by another program: try again.", code="port-taken")


def _unwritable(folder: Path, problem: OSError) -> WorkloadError:
    if problem.errno in _FULL:
        return WorkloadError(f"The disk of {folder} is full: make room and try again.", code="disk-full")
    return WorkloadError(f"{problem.filename or folder}: {problem.strerror or problem}", code="folder")


def _explained(error: str, spec: SandboxSpec) -> WorkloadError:
    """What a supervisor or bwrap says, as a sentence with what to do."""
    if "port" in error and ("bind" in error or "listen" in error):
        return _port_taken(spec.forward_in)
    if "No space left" in error or "quota exceeded" in error:
        return WorkloadError("The disk is full: make room and try again.", code="disk-full")
    if "Can't find source path" in error or "Permission denied" in error:
        msg = f"A folder of the workload cannot be used by uid {spec.uid}, which it runs as: {error}"
        return WorkloadError(msg, code="folder")
    return WorkloadError(f"The workload did not start: {error}")
