"""One ``primehub up`` for one data folder."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import StartError
from .folders import Folders, write_private


@contextmanager
def held(folders: Folders) -> Iterator[None]:
    """Hold the data folder while the block runs. The kernel lets go of it however this process ends.

    Raises ``StartError`` naming the process that holds it.
    """
    with open(folders.run / "up.lock", "a+") as file:
        if not _lock(file.fileno()):
            raise _taken(folders)
        state_file(folders).unlink(missing_ok=True)
        file.seek(0)
        file.truncate()
        file.write(f"{os.getpid()}\n")
        file.flush()
        try:
            yield
        finally:
            state_file(folders).unlink(missing_ok=True)


def _lock(descriptor: int) -> bool:
    for _ in range(5):  # `primehub status` holds it for a moment, shared, to see whether anybody does
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(0.1)
        else:
            return True
    return False


def _taken(folders: Folders) -> StartError:
    state = read_state(folders)
    pid = owner(folders)
    address = f", at {state['address']}" if state.get("address") else ""
    return StartError(
        f"PrimeHub already runs on {folders.data} (process {pid}{address}).",
        f"Stop it with: primehub down --data {folders.data}   or start a second one with --data and --port.",
    )


def owner(folders: Folders) -> int | None:
    """The process id of the ``primehub up`` that holds the data folder now; None where nobody does."""
    path = folders.run / "up.lock"
    try:
        with open(path) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                text = file.read().strip()
                return int(text) if text.isdigit() else None
    except OSError:
        pass
    return None


def state_file(folders: Folders) -> Path:
    """What the running ``primehub up`` says of itself."""
    return folders.run / "up.json"


def read_state(folders: Folders) -> dict[str, Any]:
    """The last state written by the running platform; empty where there is none."""
    try:
        state = json.loads(state_file(folders).read_text())
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def write_state(folders: Folders, state: dict[str, Any]) -> None:
    """Say how the platform is; readers see all of it or the one before."""
    write_private(state_file(folders), json.dumps(state))
