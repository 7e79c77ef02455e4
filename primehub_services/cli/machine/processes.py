"""The platform's own processes: started in sessions of their own, found again by a mark, restarted, and ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import psutil

PLATFORM = "PRIMEHUB_PLATFORM"
"""Variable with the data folder, in every process that ``primehub up`` starts."""
PART = "PRIMEHUB_PART"
POLL = 0.1


class Supervised:
    """One long-running process, ours to keep running. It outlives a crash of ``primehub up`` and is adopted then."""

    def __init__(self, part: str, data: Path, log: Path) -> None:
        self.part = part
        self.log = log
        self._data = data
        self._process: psutil.Popen | psutil.Process | None = None
        self.failures = 0
        self._started = 0.0
        self._log_from = 0

    def adopt(self, process: psutil.Process) -> None:
        """Take over a process that an earlier ``primehub up`` started."""
        self._process = process
        self._started = time.monotonic()

    def start(self, command: Sequence[str], environment: Mapping[str, str], cwd: Path) -> None:
        """Start it in a session of its own, so that the terminal's Ctrl-C reaches us alone."""
        marked = {**environment, PLATFORM: str(self._data), PART: self.part}
        descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._log_from = os.fstat(descriptor).st_size
        try:
            self._process = psutil.Popen(
                list(command),
                cwd=cwd,
                env=marked,
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        finally:
            os.close(descriptor)
        self._started = time.monotonic()

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process is not None and self.running else None

    @property
    def running(self) -> bool:
        """Whether it runs now."""
        return self._process is not None and alive(self._process)

    @property
    def age(self) -> float:
        """Seconds since it was started or adopted."""
        return time.monotonic() - self._started

    def pause(self) -> float:
        """Seconds to wait before the next start: none after a long life, then longer with each quick death."""
        self.failures = 0 if self.age > 60 else self.failures + 1
        return 0 if self.failures == 0 else min(30.0, 0.5 * 2 ** (self.failures - 1))

    async def stop(self, grace: float, hasten: asyncio.Event | None = None) -> None:
        """Ask it to end, wait ``grace`` seconds or until ``hasten`` is set, then end it and its session."""
        if self._process is not None:
            await end([self._process], grace, hasten)
            kill_session(self._process.pid)
        self._process = None

    def last_words(self, lines: int = 15) -> str:
        """The end of its log, of this start alone; empty where there is none."""
        return tail(self.log, lines, self._log_from)

    def rotate(self) -> None:
        """Begin a new log where this one has grown large."""
        if rotate(self.log):
            self._log_from = 0


def alive(process: psutil.Process) -> bool:
    """Whether the process runs; our own child that ended is reaped."""
    if isinstance(process, psutil.Popen):
        return process.poll() is None
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


async def end(processes: Iterable[psutil.Process], grace: float, hasten: asyncio.Event | None = None) -> None:
    """SIGTERM; after ``grace`` seconds, or once ``hasten`` is set, SIGKILL. Returns when all of them are gone."""
    remaining = [p for p in processes if alive(p)]
    for process in remaining:
        _signal(process, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while remaining and time.monotonic() < deadline and not (hasten is not None and hasten.is_set()):
        await asyncio.sleep(POLL)
        remaining = [p for p in remaining if alive(p)]
    for process in remaining:
        _signal(process, signal.SIGKILL)
    deadline = time.monotonic() + 10  # a process in uninterruptible sleep must not hold up the others' end
    while remaining and time.monotonic() < deadline:
        await asyncio.sleep(POLL)
        remaining = [p for p in remaining if alive(p)]


def _signal(process: psutil.Process, number: int) -> None:
    with contextlib.suppress(psutil.Error, ProcessLookupError):
        process.send_signal(number)


def kill_session(session: int) -> None:
    """End whatever is left of a session whose leader is gone."""
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == session and process.pid != os.getpid():
                process.kill()
        except (psutil.Error, OSError):
            continue


def marked(data: Path, part: str | None = None) -> list[psutil.Process]:
    """Our own processes of this data folder, those of an earlier ``primehub up`` too."""
    found = []
    for process, environment in _environments():
        if environment.get(PLATFORM) == str(data) and part in (None, environment.get(PART)):
            found.append(process)
    return found


def leaders(data: Path, part: str) -> list[psutil.Process]:
    """The marked processes that lead their session: the ones we started, not their children."""
    found = []
    for process in marked(data, part):
        try:
            if os.getsid(process.pid) == process.pid:
                found.append(process)
        except OSError:
            continue
    return found


def services_of(hub_port: int) -> list[psutil.Process]:
    """Processes that a hub on this port started as its services; they outlive a hub that was killed."""
    api = f"http://127.0.0.1:{hub_port}/"
    return [
        process
        for process, environment in _environments()
        if "JUPYTERHUB_SERVICE_NAME" in environment and environment.get("JUPYTERHUB_API_URL", "").startswith(api)
    ]


def _environments() -> Iterable[tuple[psutil.Process, dict[str, str]]]:
    """Processes with their environments, but for those in sandboxes: a notebook may bear any mark that it likes."""
    own = os.readlink("/proc/self/ns/pid")
    for process in psutil.process_iter():
        if process.pid == os.getpid():
            continue
        try:
            if os.readlink(f"/proc/{process.pid}/ns/pid") == own:
                yield process, process.environ()
        except (psutil.Error, OSError):
            continue


def tail(path: Path, lines: int, start: int = 0) -> str:
    """The last lines of a log, from the byte ``start`` on; empty where there is none."""
    try:
        with open(path, "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(start, file.tell() - 64 * 1024))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


LOG_LIMIT = 20 * 1024**2
LOGS_KEPT = 3


def rotate(path: Path, limit: int = LOG_LIMIT) -> bool:
    """Copy a log that is larger than ``limit`` bytes aside and empty it, while its writer goes on appending.

    Returns whether it was.
    """
    try:
        if path.stat().st_size <= limit:
            return False
        for number in range(LOGS_KEPT - 1, 0, -1):
            older = path.with_name(f"{path.name}.{number}")
            if older.exists():
                older.replace(path.with_name(f"{path.name}.{number + 1}"))
        copy = path.with_name(f"{path.name}.1")
        descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(path, "rb") as source, os.fdopen(descriptor, "wb") as target:
            while chunk := source.read(1024**2):
                target.write(chunk)
        os.truncate(path, 0)
    except OSError:
        return False  # a log that cannot be rotated is no reason to stop anything
    return True
