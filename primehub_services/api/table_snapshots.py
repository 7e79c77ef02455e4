"""Routes of uploaded notebooks."""

from __future__ import annotations

from ..domain.snapshots import Snapshot, SnapshotQuery
from .route import BINARY, JSON, Route

NOTEBOOK = "application/x-ipynb+json"
ZIP = "application/zip"

SNAPSHOTS = (
    Route(
        "snapshots.create",
        "POST",
        "/snapshots",
        "Upload a notebook, or a zip of its folder, to submit it",
        "job.submit",
        Snapshot,
        query=SnapshotQuery,
        status=201,
        upload=(NOTEBOOK, ZIP, JSON, BINARY),
    ),
    Route(
        "snapshots.of_job",
        "GET",
        "/jobs/{job}/snapshot",
        "The notebook that a job runs, as it was submitted",
        "job.read",
        media=BINARY,
    ),
)
