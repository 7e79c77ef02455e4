"""Routes of jobs."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ..domain.jobs import Job, JobCheck, JobCounts, JobKind, JobPhase, JobSpec, JobSubmit
from ..domain.model import Model, Timestamp
from ..domain.names import HubName
from ..domain.paging import Page
from .queries import GroupQuery, Slug
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
    since: Timestamp | None = None
    """Only those submitted then or later."""


class JobCountsQuery(Model):
    """Of which jobs."""

    group: Slug | None = None
    """The group's slug or name; absent is everything that the asker may see."""
    search: Annotated[str, Field(max_length=200)] = ""
    since: Timestamp | None = None
    """Only those submitted then or later."""


JOBS = (
    Route("jobs.list", "GET", "/jobs", "Jobs, the newest first", "self.read", Page[Job], query=JobQuery),
    Route(
        "jobs.counts",
        "GET",
        "/job-counts",
        "How many jobs each view of a list has",
        "self.read",
        JobCounts,
        query=JobCountsQuery,
    ),
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
