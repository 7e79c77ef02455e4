"""The words of query strings."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ..domain.model import Model, Timestamp
from ..domain.names import HubName
from ..domain.paging import PageQuery

LOG_ID = r"(?:[0-9a-f]{32}|job-[0-9]{12}-[0-9a-z]{6}(?:/[1-9][0-9]{0,5})?|build-[0-9a-z-]{1,63}/[1-9][0-9]{0,5})"
LOGS = rf"^$|^{LOG_ID}:\d{{1,15}}(,{LOG_ID}:\d{{1,15}})*$"
Slug = Annotated[str, Field(min_length=1, max_length=63)]


class GroupQuery(PageQuery):
    """Things of one group."""

    group: Slug | None = None
    """The group's slug or name; absent is everything that the asker may see."""


class AllQuery(PageQuery):
    """One's own, or everyone's."""

    all: bool = False
    """For platform admins: every one there is."""


class NotebookQuery(GroupQuery):
    """Which notebooks."""

    user: HubName | None = None
    """Whose; absent is everyone's that the asker may see."""
    active: bool | None = None
    """Only those that run or are about to (true), or only those that ended (false)."""


class ScheduleQuery(GroupQuery):
    """Which recurring jobs."""

    user: HubName | None = None
    """Whose; absent is everyone's that the asker may see."""
    paused: bool | None = None


class LogQuery(Model):
    """Which part of a log. Offsets are bytes from its beginning."""

    offset: Annotated[int, Field(ge=0, le=2**53)] | None = None
    limit: Annotated[int, Field(ge=1, le=1_048_576)] = 65_536
    """Bytes, at most."""
    tail: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """The last lines, instead of an offset."""
    search: Annotated[str, Field(max_length=200)] = ""
    """Only lines with this text."""
    download: bool = False
    """The whole log, as a file."""


class AuditQuery(PageQuery):
    """Which changes."""

    actor: Annotated[str, Field(max_length=80)] = ""
    action: Annotated[str, Field(max_length=60)] = ""
    group: Slug | None = None
    since: Timestamp | None = None
    until: Timestamp | None = None


class CullingQuery(Model):
    """Which server."""

    user: HubName
    server: Annotated[str, Field(max_length=63)] = ""


class EventsQuery(Model):
    """Where a stream begins."""

    since: Annotated[int, Field(ge=0, le=2**53)] | None = None
    """The number of the last change that was seen; the header Last-Event-ID wins. Absent is from now on."""
    logs: Annotated[str, Field(max_length=2000, pattern=LOGS)] = ""
    """Logs to follow: ``<notebook>:<offset>``, ``<job>:<offset>`` (its latest attempt and those that follow) or
    ``<job>/<attempt>:<offset>``, ``build-<image>/<build>:<offset>``, with commas between, at most 20."""
