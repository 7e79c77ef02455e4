"""What of a notebook is sent to the platform, and whether two notebooks would do the same."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from pathlib import Path
from typing import Any

NOTEBOOK, ZIP = "application/x-ipynb+json", "application/zip"
FOLDER = "zip"
"""``Schedule.snapshot_format`` where the folder was sent along."""
LEFT_OUT = frozenset({"__pycache__", "node_modules", "artifacts"})
"""Folders that are not sent along; nor is what has a name that begins with a dot: the group may read what is sent."""
MAX_ENTRIES = 10_000


class TooLarge(Exception):
    """A folder cannot be sent along. The text is a sentence for the person."""


def without_outputs(notebook: dict[str, Any]) -> dict[str, Any]:
    """The notebook as it is sent: what it showed before is of no use to a run."""
    cells = []
    for cell in notebook.get("cells", []):
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            cell = {**cell, "outputs": [], "execution_count": None}
        cells.append(cell)
    return {**notebook, "cells": cells}


def content(notebook: dict[str, Any]) -> bytes:
    """The bytes that are sent."""
    return json.dumps(without_outputs(notebook), ensure_ascii=False).encode("utf-8", "replace")


def digest(notebook: Any) -> str | None:
    """SHA-256 of what the notebook would do, as the platform makes it (``domain.snapshots.notebook_digest``); None for
    what is no notebook."""
    try:
        cells = []
        for cell in notebook["cells"]:
            source, tags = cell["source"], cell["metadata"].get("tags")
            text = source if isinstance(source, str) else "".join(source)
            cells.append([cell["cell_type"], text, sorted(map(str, tags)) if isinstance(tags, list) else []])
        spec = notebook["metadata"].get("kernelspec")
        kernel = spec.get("name") if isinstance(spec, dict) else None
    except (KeyError, TypeError, AttributeError):
        return None
    text = json.dumps([cells, kernel], ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def pack(folder: Path, name: str, notebook: dict[str, Any], target: Path, limit: int) -> None:
    """Pack the notebook's folder into ``target``, with ``notebook`` as the file ``name``.

    Links are not followed; hidden files, which may hold passwords, and hidden folders are not sent. Raises ``TooLarge`` once it has more than ``limit`` bytes.
    """
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(name, content(notebook))
        count = 1
        for path in _files(folder):
            if path == folder / name:
                continue
            count += 1
            if count > MAX_ENTRIES:
                msg = f"The folder has more than {MAX_ENTRIES} files. Submit the notebook alone, or move it to a smaller folder."
                raise TooLarge(msg)
            try:
                archive.write(path, path.relative_to(folder).as_posix())
            except (OSError, ValueError):
                continue  # it went away, or cannot be read: nothing that a run could use
            if target.stat().st_size > limit:
                msg = (
                    f"The folder has more than {limit // 1_000_000} MB, packed. Submit the notebook alone, move it to a "
                    "smaller folder, or keep the data in the group folder."
                )
                raise TooLarge(msg)


def changed_since(folder: Path, moment: float) -> bool:
    """Whether a file that is sent along was written after that time (seconds since 1970). Not notebooks: each run leaves
    one beside the original. What was deleted is not seen."""
    for count, path in enumerate(_files(folder), 1):
        if count > MAX_ENTRIES:
            return False  # it could not be sent either
        try:
            if path.suffix != ".ipynb" and path.stat().st_mtime > moment:
                return True
        except OSError:
            continue
    return False


def _files(folder: Path) -> Any:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in LEFT_OUT)
        for name in sorted(names):
            path = Path(place, name)
            if not name.startswith(".") and path.is_file() and not path.is_symlink():
                yield path
