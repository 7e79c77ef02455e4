"""Routes of jobs."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ..domain.jobs import Job, JobCheck, JobKind, JobPhase, JobSpec, JobSubmit
from ..domain.names import HubName
from ..domain.paging import Page
from .queries import GroupQuery
from .route import Route


class JobQuery(GroupQuery):
    """Which jobs."""

    user: HubName | None = None
    """Whose; absent is everyone's that the asker may see."""
    phase: JobPhase | None = None
    active: bool | None = None
    """Only those that have not ended (true), or only those that have (false)."""
    schedule: Annotated[str, Field(max_length=32)] | None = None
    """Only those of this recurring job."""
    kind: JobKind | None = None


JOBS = (
    Route("jobs.list", "GET", "/jobs", "Jobs, the newest first", "self.read", Page[Job], query=JobQuery),
    Route("jobs.submit", "POST", "/jobs", "Queue a job", "job.submit", Job, body=JobSubmit, status=201),
    Route(
        "jobs.check",
        "POST",
        "/groups/{group}/job-checks",
        "Whether a job would start now, wait, or never start",
        "job.check",
        JobCheck,
        body=JobSpec,
    ),
    Route("jobs.get", "GET", "/jobs/{job}", "One job, with its attempts", "job.read", Job),
    Route("jobs.delete", "DELETE", "/jobs/{job}", "Forget a job that has ended", "job.delete", status=204),
    Route("jobs.cancel", "POST", "/jobs/{job}/cancel", "Ask for a job's end", "job.cancel", Job),
    Route(
        "jobs.rerun",
        "POST",
        "/jobs/{job}/rerun",
        "The same once more, as oneself",
        "job.submit",
        Job,
        status=201,
    ),
)
