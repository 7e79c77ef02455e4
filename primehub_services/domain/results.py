"""What a job leaves: its files, and what it used."""

from __future__ import annotations

import mimetypes
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import Field

from .model import Model, Timestamp
from .resources import Resources
from .workloads import FileLimits, GpuUsage, NotTaken, WorkFile, WorkListing

ARTIFACTS = "artifacts"
"""The folder in a job's working folder that is kept."""
_TYPES = mimetypes.MimeTypes()
for _media, _suffix in (
    ("application/x-ipynb+json", ".ipynb"),
    ("application/yaml", ".yaml"),
    ("application/yaml", ".yml"),
    ("application/x-ndjson", ".jsonl"),
    ("application/vnd.apache.parquet", ".parquet"),
    ("text/markdown", ".md"),
    ("text/plain", ".log"),
    ("text/plain", ".cfg"),
    ("text/plain", ".ini"),
    ("text/plain", ".toml"),
    ("text/plain", ".r"),
    ("text/plain", ".sh"),
    ("text/x-python", ".py"),
    ("image/webp", ".webp"),
):
    _TYPES.add_type(_media, _suffix)


def media_type(path: str) -> str:
    """What a file is by its name; ``application/octet-stream`` where that says nothing."""
    found, encoding = _TYPES.guess_type(path.lower(), strict=True)
    return found if found and not encoding else "application/octet-stream"


class Artifact(WorkFile):
    """A file of a job."""

    media_type: str


class ArtifactList(Model):
    """The files of an attempt."""

    attempt: int
    items: tuple[Artifact, ...]
    size: int
    """bytes"""
    left_out: tuple[NotTaken, ...] = ()
    """The first of what was not kept."""
    message: str = ""
    """What was not kept, and why, in a sentence; empty if everything was."""
    live: bool
    """Whether the attempt has not ended: what it has written so far."""
    expires_at: Timestamp | None = None


class KeptArtifacts(Model):
    """The manifest beside an attempt's kept files: what is not in it is not there."""

    files: tuple[WorkFile, ...]
    left_out: tuple[NotTaken, ...] = ()
    message: str = ""
    kept_at: Timestamp
    expires_at: Timestamp | None = None

    @property
    def size(self) -> int:
        """bytes"""
        return sum(file.size for file in self.files)


def shortcoming(listing: WorkListing, limits: FileLimits) -> str:
    """What was left out, for people; empty where nothing was."""
    if not listing.left_out_count:
        return ""
    first = listing.left_out[0]
    more = f", and {listing.left_out_count - 1} more" if listing.left_out_count > 1 else ""
    what = "file was" if listing.left_out_count == 1 else "files were"
    allowed = f"At most {limits.files} files and {limits.size / 1e6:.0f} MB of a job's {ARTIFACTS}/ are kept."
    return f"{listing.left_out_count} {what} not kept: {first.path} ({first.reason}){more}. {allowed}"


class PreviewKind(StrEnum):
    """How a file can be shown."""

    TEXT = "text"
    TABLE = "table"
    IMAGE = "image"
    """From the artifact's own address."""
    NOTEBOOK = "notebook"
    """As HTML, with ``rendered``, in a frame with ``sandbox``."""
    NONE = "none"


class Preview(Model):
    """The first part of a file."""

    path: str
    media_type: str
    size: int
    kind: PreviewKind
    text: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    truncated: bool = False
    """Whether there is more in the file than is shown."""
    message: str = ""
    """Why it cannot be shown."""


class UsagePoint(Model):
    """What an attempt took, on average, up to a moment from the point before."""

    at: Timestamp
    cpu: int = Field(description="millicores")
    memory: int = Field(description="bytes; the most in that time")
    gpus: tuple[GpuUsage, ...] = ()


class UsageSeries(Model):
    """What a job's attempt or a notebook took over its life: a point every 10 s of the last 15 minutes, every 30 s of the last hour, every
    2 minutes of the last 3 hours, every 5 minutes before."""

    attempt: int
    """Its number; 0 where nothing was tried yet, and for a notebook."""
    limits: Resources
    points: tuple[UsagePoint, ...]


_STEPS = ((timedelta(minutes=15), 10), (timedelta(hours=1), 30), (timedelta(hours=3), 120))
_OLDEST_STEP = 300
_MOST_POINTS = 9000
"""Four weeks and some."""


def thin(points: list[UsagePoint]) -> list[UsagePoint]:
    """The series as its age wants it. What is thin enough stays as it is."""
    if not points:
        return []
    newest = points[-1].at
    buckets: dict[tuple[int, int], list[UsagePoint]] = {}
    for point in points:
        step = _step(newest - point.at)
        buckets.setdefault((step, int(point.at.timestamp()) // step), []).append(point)
    return [_merged(bucket) for bucket in buckets.values()][-_MOST_POINTS:]


def _step(age: timedelta) -> int:
    return next((step for until, step in _STEPS if age < until), _OLDEST_STEP)


def _merged(bucket: list[UsagePoint]) -> UsagePoint:
    last = bucket[-1]
    if len(bucket) == 1:
        return last
    return UsagePoint(
        at=last.at,
        cpu=sum(p.cpu for p in bucket) // len(bucket),
        memory=max(p.memory for p in bucket),
        gpus=tuple(_merged_gpu(gpu.index, bucket) for gpu in last.gpus),
    )


def _merged_gpu(index: int, bucket: list[UsagePoint]) -> GpuUsage:
    found = [gpu for point in bucket for gpu in point.gpus if gpu.index == index]
    percent = sum(gpu.percent for gpu in found) // len(found)
    return GpuUsage(index=index, percent=percent, memory=max(gpu.memory for gpu in found))


def expiry(now: datetime, seconds: int) -> datetime | None:
    """When what is kept for so long goes; null is never."""
    return now + timedelta(seconds=seconds) if seconds else None
