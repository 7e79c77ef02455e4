"""A disk that has as much room as a test says."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest


class Disk:
    """What everybody is told who asks for the room, from now on to the test's end."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, free: int) -> None:
        self.free = free
        """Bytes."""
        self.looks = 0
        """How often it was asked for."""
        monkeypatch.setattr(shutil, "disk_usage", self._usage)

    def _usage(self, _path: object) -> SimpleNamespace:
        self.looks += 1
        return SimpleNamespace(free=self.free)
