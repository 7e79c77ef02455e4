"""The machine's processes, read from /proc. Standard library only: the supervisor uses it."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable
from typing import NamedTuple

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


class Process(NamedTuple):
    """One line of the process table."""

    pid: int
    name: str
    parent: int
    started: int
    """clock ticks after boot: with the pid it names one process for ever"""
    cpu_seconds: float
    """with that of children that were waited for"""
    resident: int
    """bytes, shared ones counted in each process"""
    zombie: bool


def read(pid: int) -> Process | None:
    """The process, or null where there is none."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        return None
    head, _, tail = text.rpartition(")")
    fields = tail.split()
    return Process(
        pid=pid,
        name=head.partition("(")[2],
        parent=int(fields[1]),
        started=int(fields[19]),
        cpu_seconds=sum(map(int, fields[11:15])) / TICK,
        resident=int(fields[21]) * PAGE,
        zombie=fields[0] == "Z",
    )


def table() -> dict[int, Process]:
    """Every process that there is."""
    found = (read(int(entry)) for entry in os.listdir("/proc") if entry.isdigit())
    return {process.pid: process for process in found if process is not None}


def descendants(root: int, processes: dict[int, Process]) -> list[Process]:
    """``root``'s children and theirs, parents first; not ``root`` itself."""
    children: dict[int, list[Process]] = {}
    for process in processes.values():
        children.setdefault(process.parent, []).append(process)
    result: list[Process] = []
    waiting = [root]
    while waiting:
        found = children.get(waiting.pop(0), [])
        result += found
        waiting += [process.pid for process in found]
    return result


def inner_pid(pid: int) -> int:
    """The pid of a process in its own PID namespace; 0 where it is gone."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("NSpid:"):
                    return int(line.split()[-1])
    except OSError:
        pass
    return 0


def proportional(pids: Iterable[int]) -> int:
    """Bytes of memory of these processes, shared ones counted once. Slower than ``resident`` by far."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii", errors="replace") as file:
                total += sum(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
        except OSError:
            process = read(pid)
            total += process.resident if process else 0
    return total


def marked(mark: bytes) -> list[Process]:
    """Processes whose environment has the assignment ``mark`` (``NAME=value``)."""
    result = []
    for pid, process in table().items():
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                environment = file.read()
        except OSError:
            continue
        if mark in environment.split(b"\0"):
            result.append(process)
    return result


def kill(process: Process, signal_number: int = signal.SIGKILL) -> None:
    """Signals that very process: nothing where it is gone and its pid another's."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        handle = os.pidfd_open(process.pid)
        try:
            now = read(process.pid)
            if now is not None and now.started == process.started:
                signal.pidfd_send_signal(handle, signal_number)
        finally:
            os.close(handle)
