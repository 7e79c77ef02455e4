"""Several processes of tests on one machine: what a promise of seconds is measured by runs while no other test does.

``PRIMEHUB_TEST_TURNS`` names the folder of the locks; without it every process believes that it is the only one. The
locks are the kernel's, so a process that is killed has none.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from threading import Lock

FOLDER = "PRIMEHUB_TEST_TURNS"


class Turns:
    """The machine, which many tests share or one has. Whoever wants it alone comes next: nobody else begins meanwhile."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._door, self._room = (os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o600) for name in ("door", "room"))
        self._alone = 0
        self._counting = Lock()

    @contextmanager
    def among_others(self) -> Iterator[None]:
        """Beside any number of others, for one test."""
        fcntl.flock(self._door, fcntl.LOCK_EX)
        fcntl.flock(self._room, fcntl.LOCK_SH)
        fcntl.flock(self._door, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(self._room, fcntl.LOCK_UN)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While no other process is in a test, within ``among_others``; threads of this one may be here together."""
        with self._counting:
            self._alone += 1
            if self._alone == 1:
                # left before: two who both want it alone would wait for each other
                fcntl.flock(self._room, fcntl.LOCK_UN)
                fcntl.flock(self._door, fcntl.LOCK_EX)
                fcntl.flock(self._room, fcntl.LOCK_EX)
        try:
            yield
        finally:
            with self._counting:
                self._alone -= 1
                if not self._alone:
                    fcntl.flock(self._room, fcntl.LOCK_SH)
                    fcntl.flock(self._door, fcntl.LOCK_UN)


_turns = Turns(Path(os.environ[FOLDER])) if FOLDER in os.environ else None


def among_others() -> AbstractContextManager[None]:
    """See ``Turns``."""
    return nullcontext() if _turns is None else _turns.among_others()


def alone() -> AbstractContextManager[None]:
    """See ``Turns``."""
    return nullcontext() if _turns is None else _turns.alone()
