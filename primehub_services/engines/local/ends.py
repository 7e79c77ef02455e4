"""Hears of the end of workloads in the moment that it happens, without looking again and again."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from primehub_services.sandbox import records


class EndWatcher:
    """A supervisor holds the reading end of its workload's pipe until it ends itself, when all is recorded: whoever has
    the other end open is told of that by the kernel.

    ``told`` is called on the loop with the key, once for each watched workload.
    """

    def __init__(self, workloads: Path, told: Callable[[str], None]) -> None:
        self._folder = workloads
        self._told = told
        self._open: dict[str, int] = {}

    def watch(self, key: str) -> None:
        """Tell of this workload's end. One that is watched already is watched once."""
        if key in self._open:
            return
        try:
            handle = os.open(self._folder / key / records.WAKE, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:  # it has ended meanwhile, or is gone
            self._told(key)
            return
        self._open[key] = handle
        # a pipe that is only written to is never readable: what is reported is that nobody reads it any more
        asyncio.get_running_loop().add_reader(handle, self._ended, key)

    def _ended(self, key: str) -> None:
        self._forget(key)
        self._told(key)

    def _forget(self, key: str) -> None:
        handle = self._open.pop(key)
        asyncio.get_running_loop().remove_reader(handle)
        os.close(handle)

    def close(self) -> None:
        """Watch nothing any more."""
        for key in list(self._open):
            self._forget(key)
