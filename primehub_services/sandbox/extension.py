"""What JupyterLab gets of PrimeHub, whatever its image has: a package that every notebook server is shown read-only."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from .layout import Layout, make_folder

SHOWN_AT = "/opt/primehub/jupyter"
"""Where a notebook server finds the package, beside nothing else."""
VARIABLE = "PRIMEHUB_JUPYTER"
"""Names that folder to what starts the server."""
_NOT_COPIED = shutil.ignore_patterns("__pycache__")


def shown_copy(layout: Layout, package: Path) -> Path:
    """The folder of a copy of ``package`` that every workload may read; made where it is not there yet.

    It is named by the digest of what is in it, so that an upgrade changes nothing under a server that runs. Raises
    ``OSError``.
    """
    parent = layout.environments / ".jupyter"
    folder = parent / _digest(package)
    if folder.is_dir():
        return folder
    make_folder(layout.environments, mode=0o755)
    make_folder(parent, mode=0o755)
    made = Path(tempfile.mkdtemp(dir=parent, prefix=".new-"))
    try:
        shutil.copytree(package, made / package.name, ignore=_NOT_COPIED)
        _open_to_all(made)
        with contextlib.suppress(OSError):  # another process was quicker
            made.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return folder


def _digest(package: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            content = path.read_bytes()
            digest.update(f"{path.relative_to(package)}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]


def _open_to_all(folder: Path) -> None:
    """Whatever the modes were where the package was installed."""
    folder.chmod(0o755)
    for root, folders, files in os.walk(folder):
        for name in folders:
            (Path(root) / name).chmod(0o755)
        for name in files:
            (Path(root) / name).chmod(0o644)
