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
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from primehub_services.domain.launch import LaunchPlan, MountKind
from primehub_services.domain.volumes import PvcSource
from primehub_services.domain.workloads import InputFile

from . import cgroups, launch, logfile, processes, records
from .errors import WorkloadError
from .extension import shown_copy
from .layout import Layout, check_passable, make_folder, prepare, workload_identity
from .probe import Probed, SandboxStatus, probe
from .pythons import interpreter_folders
from .render import MARK, SYSTEM_FOLDERS, Machine, Process, Target, render
from .spec import HOME, Key, LogChunk, NetworkMode, Rendered, SandboxOptions, SandboxSpec, WorkloadState, WorkloadStatus
from .tools import closed_networks, system_links
from .workfiles import ScratchFiles

_KEY = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")
_START_LOCK = "start.lock"
_BEGINS_WITHIN_S = 10.0


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
        files: Mapping[str, InputFile] | None = None,
        grace_s: float = 30,
        masked: tuple[str, ...] = (),
        extension: Path | None = None,
        allow_unsandboxed: bool = False,
    ) -> Rendered:
        """What would run for ``plan`` on this machine, as it is now. Makes the folders that the platform keeps.

        ``files``: what it finds in ``/opt/primehub``.
        ``port``: where the workload listens (on 127.0.0.1, inside and outside the same). ``forward_out``: ports of
        this machine's loopback that it may reach (the hub's, the API's). ``masked``: variables whose values the log
        must not show. ``extension``: the package that JupyterLab gets of PrimeHub. Raises ``WorkloadError`` where no
        sandbox can run and ``allow_unsandboxed`` is false, or where the image's environment cannot be used.
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
            Process(
                argv=argv,
                env=env or {},
                files=files or {},
                port=port,
                forward_out=forward_out,
                grace_s=grace_s,
                masked=masked,
                extension="" if extension is None else self._shown(extension),
            ),
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
                unreachable=lambda path: _unreachable(path, uid),
                links=system_links(SYSTEM_FOLDERS),
                interpreter=interpreter,
            ),
        )
        return rendered.model_copy(update={"warnings": status.exposures})

    def _shown(self, package: Path) -> str:
        try:
            return str(shown_copy(self.layout, package))
        except OSError as error:
            msg = f"What JupyterLab gets of PrimeHub cannot be copied: {error.strerror}"
            raise WorkloadError(msg, code="folder") from error

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
        make_folder(folder, mode=launch.passing_mode())
        check_passable(folder, spec.uid)
        with self._exclusively(folder):
            known = self._known(folder)
            if known is None:
                error = self._begin(folder, spec)
                if error:
                    raise launch.explained(error, spec)
            elif known.reason == "StartError":
                raise launch.explained(known.message, spec)
        status = self.status(spec.key)
        if status is None:
            msg = f"The workload {spec.key} was removed while it started."
            raise WorkloadError(msg)
        return status

    def _begin(self, folder: Path, spec: SandboxSpec) -> str:
        try:
            if spec.forward_in and spec.sandboxed and spec.network is NetworkMode.ISOLATED:
                launch.check_port(spec.forward_in)
            launch.write_launch(folder, spec, *self._launch_facts(spec.key))
        except (OSError, WorkloadError) as problem:
            # nothing was begun: leave no trace that looks like a start
            records.remove_tree(folder)
            raise (launch.unwritable(folder, problem) if isinstance(problem, OSError) else problem) from problem
        try:
            return launch.spawn(folder)
        except OSError as problem:
            raise launch.unwritable(folder, problem) from problem

    def _known(self, folder: Path) -> WorkloadStatus | None:
        """The status of a workload that was begun; null where its supervisor was never there."""
        if records.read(folder / records.END) is None and records.read(folder / records.STATUS) is None:
            held = records.lock(folder / records.LOCK, shared=True)
            if held is not None:
                os.close(held)
                return None
        return self.status(folder.name)

    def _launch_facts(self, key: str) -> tuple[Probed, str]:
        probed = self._probe()
        # a machine's addresses come and go
        made = replace(probed.tools, closed=closed_networks(probed.tools.resolv_conf))
        probed = replace(probed, tools=made)
        return probed, self._cgroup_name(key) if probed.status.limits.ok else ""

    def _cgroup_name(self, key: str) -> str:
        return f"primehub-{self._mark}-{key}"

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
            return status or (_starting(folder) if folder.is_dir() else None)
        os.close(held)
        status = self._read(folder)
        if status is not None and not status.alive:
            return status
        if status is None and self._young(folder):
            return _starting(folder)
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
            return self._read(folder) or _starting(folder)
        try:
            status = self._read(folder)
            if status is not None and not status.alive:
                return status
            if not self._end_processes(folder):
                return status
            ended = (status or _starting(folder)).model_copy(
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
            raise launch.unwritable(folder, problem) from problem
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

    def log_chunks(self, key: str) -> Iterator[tuple[int, bytes]]:
        """The whole output as kept, piece by piece, each with its offset: where some is not kept, one is missing."""
        return logfile.chunks(self._folder(key))

    def files(self, key: str) -> ScratchFiles | None:
        """The files of the workload's scratch home; null where it has none of its own, or is not there."""
        folder = self._folder(key)
        spec = records.read(folder / records.SPEC) or {}
        for bind in spec.get("binds", ()):
            source = Path(bind["source"])
            if bind["path"] == HOME and source.is_relative_to(folder):
                return ScratchFiles(source, spec["uid"])
        return None

    def gpus(self, key: str) -> tuple[int, ...]:
        """The GPUs that the workload has while it runs."""
        folder = self._folder(key)
        if records.read(folder / records.END) is not None:
            return ()
        return tuple((records.read(folder / records.SPEC) or {}).get("gpu_indices", ()))

    # -- end

    def stop(self, key: str, grace_s: float | None = None) -> None:
        """Asks the workload to end (SIGTERM), and ends it after ``grace_s``. Returns at once; absence is success.

        Raises ``WorkloadError`` where the request cannot be written: on a full disk, to a workload that just begins.
        """
        folder = self._folder(key)
        status = self.status(key)
        if status is None or not status.alive:
            return
        request = {} if grace_s is None else {"grace_s": grace_s}
        written: OSError | None = None
        try:
            records.write(folder / records.STOP, request)
        except FileNotFoundError:
            return
        except OSError as problem:
            # on a full disk the pipe alone has to do
            written = problem
        try:
            wake = os.open(folder / records.WAKE, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        except OSError as problem:
            if problem.errno == errno.ENXIO and written is None:
                return  # no reader yet: the supervisor looks for the request when it begins to listen
            raise launch.unwritable(folder, written or problem) from problem
        with contextlib.suppress(BlockingIOError):
            os.write(wake, json.dumps(request).encode() + b"\n")
        os.close(wake)

    def stop_all(self, grace_s: float) -> list[str]:
        """Stops every workload and waits. Returns the keys of those that are alive after all."""
        alive = [status.key for status in self.list_() if status.alive]
        for key in alive:
            # one that cannot be asked keeps none of the others from being
            with contextlib.suppress(WorkloadError):
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
                raise launch.unwritable(folder, problem) from problem
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


def _starting(folder: Path) -> WorkloadStatus:
    labels = (records.read(folder / records.SPEC) or {}).get("labels", {})
    return WorkloadStatus(key=folder.name, state=WorkloadState.STARTING, labels=labels)


def _unreachable(path: str, uid: int) -> str:
    try:
        check_passable(Path(path), uid, own=False)
    except (WorkloadError, OSError) as error:
        return str(error)
    return ""


def visible(path: str) -> bool:
    """Whether a path is there; of files of the system, whether everyone may read them."""
    try:
        found = os.stat(path)
    except OSError:
        return False
    return bool(found.st_mode & stat.S_IROTH) or not path.startswith("/etc/")
