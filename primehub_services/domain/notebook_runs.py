"""How the platform and its notebook runner (``runner/run_notebook.py``) talk: by three small files of the workload."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from pydantic import Field, ValidationError

from .jobs import JobProgress, JobReason, NotebookRun, ParameterValue
from .model import Model

COMMAND = """\
for python in python3 python ''; do command -v "${python:-true}" >/dev/null 2>&1 && break; done
if [ -n "$python" ]; then exec "$python" "${0%/*}/run_notebook.py"; fi
mkdir -p .primehub
message='The image has no Python, which running a notebook needs.'
echo "primehub: $message"
echo '{"reason": "ImageUnavailable", "message": "'"$message"'"}' >.primehub/result.json
exit 2
"""
"""What a notebook's job runs, in ``/home/jovyan``; ``/opt/primehub`` holds the runner, its order and the snapshot."""
ORDER = "notebook.json"
"""The order's name below ``/opt/primehub``."""
SNAPSHOT = "snapshot"
PROGRESS = ".primehub/progress.json"
RESULT = ".primehub/result.json"
MAX_FILE = 65_536
"""Bytes of progress or result that are worth reading."""
FAILURES = frozenset({JobReason.CELL_FAILED, JobReason.EXITED, JobReason.IMAGE, JobReason.INVALID})
"""Reasons that say more than an exit code."""
_REASONS = FAILURES | {JobReason.COMPLETED, JobReason.CANCELLED}


class NotebookOrder(Model):
    """What the runner is to do: the content of ``/opt/primehub/notebook.json``."""

    job: str
    path: str
    """Of the original, below the home folder."""
    member: str = ""
    """The notebook's path in the snapshot, where that is a zip; else empty."""
    reads_file: bool = False
    """Run the file at ``path`` as it is now; there is no snapshot."""
    parameters: dict[str, ParameterValue] = Field(default_factory=dict)
    kernel: str = ""
    masked: tuple[str, ...] = ()
    """Names of variables whose values are taken out of what the runner tells and out of the outputs it keeps."""


class NotebookEnd(Model):
    """What the runner said of its end. It was written where the notebook's own code could write, so it is only a hint
    about a workload whose exit code is known."""

    reason: JobReason
    message: str = ""
    """A sentence for people: which cell, and what it raised."""
    cell: int | None = None
    """Index among all cells, from 0."""
    label: str = ""
    ename: str = ""
    evalue: str = ""
    result: str = ""
    """Path of the executed notebook below the home folder."""


def order(job: str, run: NotebookRun, *, member: str = "", masked: Iterable[str] = ()) -> NotebookOrder:
    """The order for a job's notebook. ``member``: of a snapshot that is a zip; ``masked``: variables with secrets."""
    return NotebookOrder(
        job=job,
        path=run.path,
        member="" if run.reads_file else member,
        reads_file=run.reads_file,
        parameters=run.parameters,
        kernel=run.kernel,
        masked=tuple(sorted(masked)),
    )


def result_name(job: str, path: str) -> str:
    """The executed notebook's name in ``artifacts/``."""
    stem = path.rpartition("/")[2]
    stem = stem[: -len(".ipynb")] if stem.endswith(".ipynb") else stem
    return f"{stem[:150]}-{job}.ipynb"


def read_progress(data: bytes) -> JobProgress | None:
    """The progress file's content; None where it is not one."""
    found = _read(data, {"cells", "done", "cell", "label"})
    try:
        return JobProgress.model_validate({**found, "label": str(found.get("label", ""))[:200]}) if found else None
    except ValidationError:
        return None


def read_end(data: bytes) -> NotebookEnd | None:
    """The result file's content; None where it is not one. Texts are cut to what a row takes."""
    found = _read(data, set(NotebookEnd.model_fields))
    if not found or found.get("reason") not in _REASONS:
        return None
    limits = {"message": 2000, "label": 200, "ename": 200, "evalue": 1000, "result": 1000}
    texts = {name: str(found.get(name, ""))[:most].replace("\0", "") for name, most in limits.items()}
    try:
        return NotebookEnd.model_validate({**found, **texts})
    except ValidationError:
        return None


def _read(data: bytes, known: set[str]) -> dict[str, Any]:
    try:
        found = json.loads(data[:MAX_FILE])
    except (ValueError, RecursionError):
        return {}
    return {name: value for name, value in found.items() if name in known} if isinstance(found, dict) else {}
