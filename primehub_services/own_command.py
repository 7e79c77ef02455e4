"""How this ``primehub`` is called from a terminal: what a message says to run has to be found there."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

SUDO_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where sudo looks, whatever the terminal's PATH is, unless its own settings say otherwise."""


def own_command(*, by_sudo: bool = False) -> str:
    """``primehub`` where that name finds the command that runs now, else its path: of a virtual environment, say."""
    beside = Path(sys.executable).with_name("primehub")
    own = str(beside) if beside.is_file() else shutil.which("primehub")
    if own is None:
        return "primehub"
    found = shutil.which("primehub", path=SUDO_PATH if by_sudo else None)
    return "primehub" if found is not None and os.path.samefile(found, own) else shlex.quote(own)
