"""One services process for each data folder: a new one ends the one before it."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import signal
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

log = logging.getLogger("primehub")
_FLOCK = "@hhlli"  # struct flock: type, whence, start, length, pid
GRACE = 3.0
"""Seconds that the earlier instance has to end by itself."""


class InstanceError(Exception):
    """Another instance holds the data folder and cannot be ended; the text says which."""


@contextmanager
def only_instance(lock: Path, *, grace: float = GRACE) -> Iterator[None]:
    """Hold the lock while the block runs; whoever holds it before is asked to end, then ended.

    The kernel says who holds it and lets go of it however a process ends, so a number in a file is never believed.
    Raises ``InstanceError`` where it cannot be had.
    """
    lock.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _take(descriptor, lock, grace)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, lock: Path, grace: float) -> None:
    asked: dict[int, float] = {}
    deadline = time.monotonic() + 2 * grace + 2
    while not _try(descriptor):
        holder = _holder(descriptor)
        now = time.monotonic()
        if now > deadline:
            msg = f"Process {holder} holds {lock} and does not end. End it, or choose another data folder."
            raise InstanceError(msg)
        if holder and holder not in asked:
            log.warning("another instance runs on this data folder (process %d): it is ended", holder)
            _signal(holder, signal.SIGTERM, lock)
            asked[holder] = now
        elif holder and now - asked[holder] > grace:
            _signal(holder, signal.SIGKILL, lock)
        time.sleep(0.05)


def _try(descriptor: int) -> bool:
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN):
            return False
        raise
    return True


def _holder(descriptor: int) -> int:
    question = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    kind, _, _, _, pid = struct.unpack(_FLOCK, fcntl.fcntl(descriptor, fcntl.F_GETLK, question))
    return 0 if kind == fcntl.F_UNLCK else int(pid)


def _signal(pid: int, number: int, lock: Path) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
    except PermissionError as error:
        msg = f"Process {pid} holds {lock} and belongs to somebody else. Start PrimeHub as the same user."
        raise InstanceError(msg) from error
