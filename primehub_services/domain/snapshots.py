"""Notebooks as they were when somebody submitted them: checked when they are uploaded, never changed after."""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from .model import Model, Timestamp
from .problems import Invalid

MAX_ENTRIES = 10_000
"""Files of a folder that can be sent along."""
UNPACKED = 20
"""Times the upload's own limit: what a folder may be once it is unpacked."""
_FIX = "Upload a notebook as JupyterLab saves it."


class SnapshotFormat(StrEnum):
    """What was uploaded."""

    NOTEBOOK = "ipynb"
    FOLDER = "zip"


class SnapshotQuery(Model):
    """What an upload is for."""

    group: Annotated[str, Field(min_length=1, max_length=63)]
    """The group in which it is to run."""
    name: Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^/\x00].*$")]
    """The notebook's file name; in a zip its path there."""


class Snapshot(Model):
    """A notebook that was uploaded. One that no job and no recurring job refers to is deleted after a day."""

    id: str
    user: str
    group: str
    format: SnapshotFormat
    name: str
    size: int
    """bytes"""
    digest: str
    """SHA-256 of what the notebook would do (``notebook_digest``)."""
    created_at: Timestamp


def check_notebook(data: bytes, field: str = "body") -> dict[str, Any]:
    """The notebook in ``data``. Raises ``Invalid`` where it is none of format 4."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Invalid.field(field, f"It is not JSON: {str(error)[:200]}.", _FIX) from None
    if not isinstance(found, dict) or not isinstance(found.get("nbformat"), int):
        raise Invalid.field(field, "It is JSON, but not a notebook.", _FIX)
    if found["nbformat"] != 4:
        raise Invalid.field(field, f"It has format {found['nbformat']}; format 4 is run.", "Save it with JupyterLab.")
    cells = found.get("cells")
    if not isinstance(cells, list) or not isinstance(found.get("metadata"), dict):
        raise Invalid.field(field, "It has no cells or no metadata.", _FIX)
    for index, cell in enumerate(cells):
        text = cell.get("source") if isinstance(cell, dict) else None
        whole = isinstance(text, str) or (isinstance(text, list) and all(isinstance(line, str) for line in text))
        if not whole or not isinstance(cell.get("cell_type"), str) or not isinstance(cell.get("metadata"), dict):
            raise Invalid.field(f"{field}.cells.{index}", "It is no cell of a notebook.", _FIX)
    return found


def notebook_digest(notebook: dict[str, Any]) -> str:
    """SHA-256 of the cells' kinds, sources and tags and of the kernel: two notebooks with the same one do the same,
    whatever their outputs. ``jupyter_primehub_ext`` makes the same of a file, to say whether it differs."""
    cells = [
        [
            cell["cell_type"],
            source if isinstance(source := cell["source"], str) else "".join(source),
            sorted(str(tag) for tag in tags) if isinstance(tags := cell["metadata"].get("tags"), list) else [],
        ]
        for cell in notebook["cells"]
    ]
    spec = notebook["metadata"].get("kernelspec")
    kernel = spec.get("name") if isinstance(spec, dict) else None
    text = json.dumps([cells, kernel], ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
