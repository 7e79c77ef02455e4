"""Folders of tests that other users pass through."""

from __future__ import annotations

import tempfile
from pathlib import Path


def let_through(folder: Path, mode: int = 0o755) -> None:
    """Give a test's folder this mode, and every folder around it that pytest made for its own user alone."""
    top = Path(tempfile.gettempdir())
    for each in (folder, *folder.parents):
        if each == top or top not in each.parents:
            break
        each.chmod(mode)
