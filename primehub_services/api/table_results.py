"""Routes of what jobs leave: logs, files, what they used."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ..domain.model import Model
from ..domain.notebooks import LogPart
from ..domain.results import ArtifactList, Preview, UsageSeries
from .queries import LogQuery
from .route import BINARY, Route

HTML = "text/html"
Number = Annotated[int, Field(ge=1, le=1_000_000)]


class ResultQuery(Model):
    """Of which attempt."""

    attempt: Number | None = None
    """Absent is the latest."""


class JobLogQuery(LogQuery):
    """Which part of which attempt's log. Offsets are bytes from its beginning."""

    attempt: Number | None = None
    """Absent is the latest."""


class ArtifactQuery(ResultQuery):
    """Of which attempt, and how."""

    download: bool = False
    """As a file to be saved, whatever it is."""


class PreviewQuery(ResultQuery):
    """Of which attempt, and how."""

    rendered: bool = False
    """A notebook as a page of its own, for a frame."""


RESULTS = (
    Route("jobs.log", "GET", "/jobs/{job}/log", "Read the log of a job", "job.read", LogPart, query=JobLogQuery),
    Route(
        "results.artifacts",
        "GET",
        "/jobs/{job}/artifacts",
        "List the files that a job left in artifacts/, or has written so far",
        "job.read",
        ArtifactList,
        query=ResultQuery,
    ),
    Route(
        "results.artifact",
        "GET",
        "/jobs/{job}/artifacts/{path}",
        "Read one of them",
        "job.read",
        bytes,
        query=ArtifactQuery,
        media=BINARY,
    ),
    Route(
        "results.archive",
        "GET",
        "/jobs/{job}/artifacts.zip",
        "Download all of them as a zip",
        "job.read",
        bytes,
        query=ResultQuery,
        media=BINARY,
    ),
    Route(
        "results.preview",
        "GET",
        "/jobs/{job}/previews/{path}",
        "Look at the first part of one: text, a table, a notebook as a page",
        "job.read",
        Preview,
        query=PreviewQuery,
        also_media=(HTML,),
    ),
    Route(
        "results.usage",
        "GET",
        "/jobs/{job}/usage",
        "What a job took of CPU, memory and GPUs over its life",
        "job.read",
        UsageSeries,
        query=ResultQuery,
    ),
)
