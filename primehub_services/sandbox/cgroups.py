"""Limits by control groups, v1 or v2, where this process may make them. Standard library only.

v1 has a tree for each controller: ours are made below the process's own. v2 has one tree, in which a group with
processes has no children with controllers: ours are made below the nearest ancestor that hands its controllers on.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

NEEDED = ("memory", "cpu", "pids")
_PERIOD = 100_000  # microseconds, the kernel's default
_V1_PERIOD_FILE, _V1_QUOTA_FILE = "cpu.cfs_period_us", "cpu.cfs_quota_us"


class Cgroup:
    """The control groups of one workload, one folder for each controller (the same one in v2)."""

    def __init__(self, folders: dict[str, Path], version: int) -> None:
        self.folders = folders
        self.version = version

    def limit(self, *, cpu: int | None, memory: int | None, pids: int, cpu_share: int | None = None) -> None:
        """Sets limits: CPU in millicores, memory in bytes. Raises ``OSError`` where the kernel refuses."""
        if cpu_share is not None and "cpu" in self.folders:
            # a kubelet's reckoning: who requests a core weighs as much as a process of the platform
            shares = max(2, cpu_share * 1024 // 1000)
            if self.version == 1:
                self._write("cpu", "cpu.shares", shares)
            else:
                self._write("cpu", "cpu.weight", 1 + (min(shares, 262144) - 2) * 9999 // 262142)
        if cpu is not None and "cpu" in self.folders:
            quota = max(1000, cpu * _PERIOD // 1000)
            if self.version == 1:
                self._write("cpu", _V1_PERIOD_FILE, _PERIOD)
                self._write("cpu", _V1_QUOTA_FILE, quota)
            else:
                self._write("cpu", "cpu.max", f"{quota} {_PERIOD}")
        if memory is not None:
            if self.version == 1:
                self._write("memory", "memory.limit_in_bytes", memory)
                with contextlib.suppress(OSError):
                    self._write("memory", "memory.memsw.limit_in_bytes", memory)
            else:
                self._write("memory", "memory.max", memory)
                with contextlib.suppress(OSError):
                    self._write("memory", "memory.swap.max", 0)
        if "pids" in self.folders:
            self._write("pids", "pids.max", pids)

    def join(self) -> None:
        """Puts the calling process into the groups; its children are born there."""
        for folder in self._distinct():
            (folder / "cgroup.procs").write_text("0")

    def unthrottle(self) -> None:
        """Lifts the limits on CPU: a killed process needs some to end, and a crowd in debt to its limit gets none for minutes."""
        free: dict[str, int | str] = (
            {"cpu.shares": 1024, _V1_QUOTA_FILE: -1} if self.version == 1 else {"cpu.weight": 100, "cpu.max": "max"}
        )
        for name, value in free.items():
            with contextlib.suppress(OSError, KeyError):
                self._write("cpu", name, value)

    def oom_kills(self) -> int:
        """How many processes the kernel ended here for memory."""
        name = "memory.oom_control" if self.version == 1 else "memory.events"
        return self._keyed("memory", name).get("oom_kill", 0)

    def refused_processes(self) -> int:
        """How often a process could not be made here, since there were as many as may be."""
        return self._keyed("pids", "pids.events").get("max", 0)

    def memory(self) -> int:
        """Bytes in use, less what the kernel would give back at once (as ``kubectl top`` counts)."""
        usage = "memory.usage_in_bytes" if self.version == 1 else "memory.current"
        inactive = "total_inactive_file" if self.version == 1 else "inactive_file"
        return max(0, self._number("memory", usage) - self._keyed("memory", "memory.stat").get(inactive, 0))

    def cpu_seconds(self) -> float | None:
        """CPU time since the start; null where no controller counts it."""
        if self.version == 2:
            return self._keyed("cpu", "cpu.stat").get("usage_usec", 0) / 1e6
        if "cpuacct" not in self.folders:
            return None
        return self._number("cpuacct", "cpuacct.usage") / 1e9

    def pids(self) -> set[int]:
        """Every process in the groups."""
        found: set[int] = set()
        for folder in self._distinct():
            with contextlib.suppress(OSError):
                found.update(map(int, (folder / "cgroup.procs").read_text().split()))
        return found

    def kill(self, wait_s: float = 5) -> bool:
        """Ends every process in the groups. Returns whether none is left."""
        self.unthrottle()
        deadline = time.monotonic() + wait_s
        while pids := self.pids() - {0}:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    def remove(self) -> None:
        """Removes the groups, which must be empty of processes; else they stay for a later sweep."""
        for folder in self._distinct():
            with contextlib.suppress(OSError):
                folder.rmdir()

    def _distinct(self) -> list[Path]:
        return list(dict.fromkeys(self.folders.values()))

    def _write(self, controller: str, name: str, value: int | str) -> None:
        (self.folders[controller] / name).write_text(str(value))

    def _number(self, controller: str, name: str) -> int:
        try:
            return int((self.folders[controller] / name).read_text())
        except (OSError, ValueError):
            return 0

    def _keyed(self, controller: str, name: str) -> dict[str, int]:
        try:
            lines = (self.folders[controller] / name).read_text().splitlines()
        except OSError:
            return {}
        pairs = (line.split() for line in lines)
        return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}


def make(name: str, *, proc: Path = Path("/proc/self")) -> Cgroup | None:
    """Makes the groups ``name``, or finds them. Null where memory cannot be limited by a group."""
    bases, version = find(proc)
    folders: dict[str, Path] = {}
    for controller, base in bases.items():
        folder = base / name
        try:
            folder.mkdir(exist_ok=True)
        except OSError:
            continue
        if os.access(folder / "cgroup.procs", os.W_OK):
            folders[controller] = folder
    if "memory" not in folders:
        Cgroup(folders, version).remove()
        return None
    return Cgroup(folders, version)


def find(proc: Path = Path("/proc/self")) -> tuple[dict[str, Path], int]:
    """For each controller the folder in which groups can be made, and the version. Empty where there is none."""
    try:
        own = _own_groups((proc / "cgroup").read_text())
        mounts = _mounts((proc / "mountinfo").read_text())
    except OSError:
        return {}, 0
    v1 = {}
    for controller in (*NEEDED, "cpuacct"):
        if controller in own and controller in mounts:
            root, point = mounts[controller]
            v1[controller] = point / _relative(own[controller], root)
    if "memory" in v1:
        return {c: f for c, f in v1.items() if os.access(f, os.W_OK)}, 1
    if "" not in own or "" not in mounts:
        return {}, 0
    root, point = mounts[""]
    folder = point / _relative(own[""], root)
    while True:
        with contextlib.suppress(OSError):
            handed_on = (folder / "cgroup.subtree_control").read_text().split()
            if "memory" in handed_on and os.access(folder, os.W_OK) and os.access(folder / "cgroup.procs", os.W_OK):
                return {c: folder for c in NEEDED if c in handed_on}, 2
        if folder == point or point not in folder.parents:
            return {}, 2
        folder = folder.parent


def _own_groups(text: str) -> dict[str, str]:
    """Controller (empty for v2) to the path of the process's group."""
    groups = {}
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            groups[controller] = path
    return groups


def _mounts(text: str) -> dict[str, tuple[str, Path]]:
    """Controller (empty for v2) to the root and the place of its mount."""
    mounts: dict[str, tuple[str, Path]] = {}
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        root, point = left.split()[3:5]
        kind, _, options = right.split(" ", 2)
        if kind == "cgroup2":
            mounts.setdefault("", (root, Path(point)))
        elif kind == "cgroup":
            for option in options.split(","):
                mounts.setdefault(option, (root, Path(point)))
    return mounts


def _relative(path: str, root: str) -> str:
    inside = path.removeprefix(root.rstrip("/")) if path.startswith(root) else path
    return inside.lstrip("/")
