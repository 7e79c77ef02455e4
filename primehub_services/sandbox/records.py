"""The files by which supervisor and platform know of each other, in one folder for each workload.

``plan.json``     what the supervisor is to run (0600: it may hold the spec's environment). Gone once it runs.
``spec.json``     the spec, without its environment
``lock``          held by the supervisor while it lives: the proof of life, where a pid would prove nothing
``status.json``   replaced whole at each change
``end``           written in place when the workload is over; its blocks are taken at the start, so that a full disk
                  cannot make a workload's end unknown
``stop``          the request to stop, with its grace period; ``wake`` is the pipe that makes the supervisor look, and
                  that the request goes through too, since a full disk takes no file
``log.<offset>``  output (``logfile``)
``launch/``       what the workload's user may read: script, bwrap's arguments, files of /etc. Gone when it is over.

Standard library only: the supervisor uses it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from pathlib import Path
from typing import Any

PLAN, SPEC, STATUS, END, STOP, WAKE, LOCK, LAUNCH = (
    "plan.json",
    "spec.json",
    "status.json",
    "end",
    "stop",
    "wake",
    "lock",
    "launch",
)
READY = "ready"
_END_SIZE = 4096


def write(path: Path, value: Any, *, mode: int = 0o600) -> None:
    """Replaces a JSON file whole. Raises ``OSError`` (a full disk, say)."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(value, file)
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def read(path: Path) -> dict[str, Any] | None:
    """A JSON object, or null where there is none (yet)."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def reserve_end(folder: Path) -> None:
    """Takes the disk space of the record of the end. Raises ``OSError``."""
    handle = os.open(folder / END, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if os.fstat(handle).st_size < _END_SIZE:
            os.pwrite(handle, b" " * _END_SIZE, 0)
            os.fsync(handle)
    finally:
        os.close(handle)


def write_end(folder: Path, value: dict[str, Any]) -> None:
    """Records the end in the space reserved for it."""
    text = json.dumps(value).encode()
    if len(text) > _END_SIZE:
        text = json.dumps({**value, "message": "", "usage": None}).encode()
    handle = os.open(folder / END, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.pwrite(handle, text.ljust(_END_SIZE), 0)
        with contextlib.suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


def lock(path: Path, *, shared: bool = False, wait_s: float = 0) -> int | None:
    """Takes a lock and returns its handle, to be closed; null where another process holds it, or the folder is gone."""
    deadline = time.monotonic() + wait_s
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            return None
        with contextlib.suppress(BlockingIOError, FileNotFoundError):
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            # the folder may have been removed and made anew meanwhile
            if os.fstat(handle).st_ino == os.stat(path).st_ino:
                return handle
        os.close(handle)
        if time.monotonic() >= deadline:
            return None
        time.sleep(0.01)


def remove_tree(path: Path) -> None:
    """Removes a folder and all in it, following no link."""
    import shutil  # only at the end of a workload: the supervisor stays small

    shutil.rmtree(path, ignore_errors=True)
