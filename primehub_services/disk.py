"""How much room the data folder's disk has: without any, nothing can be saved, and the hub recognises nobody."""

from __future__ import annotations

import shutil
from pathlib import Path

MIB = 1024**2
LITTLE = 128 * MIB
"""Bytes below which people are warned: logs, databases and a few saved notebooks fill them soon."""
NOTHING = MIB
"""Bytes below which a database's next write may fail."""


def free(data: Path) -> int:
    """Bytes that the platform's user may still write there; plenty where that cannot be told."""
    try:
        return shutil.disk_usage(data).free
    except OSError:
        return LITTLE


def is_full(data: Path) -> bool:
    """Whether nothing can be written any more."""
    return free(data) < NOTHING


def shortage(data: Path) -> str:
    """A sentence where little or no room is left, else empty."""
    left = free(data)
    if left >= LITTLE:
        return ""
    if left < NOTHING:
        return f"The disk of the data folder {data} is full: nothing can be saved or started, and nobody can sign in."
    return f"The disk of the data folder {data} is nearly full: {left // MIB} MiB are left."
