"""Routes of recurring jobs, and of what people are told of."""

from __future__ import annotations

from ..domain.jobs import Job
from ..domain.notifications import Notifications, NotificationsPut, NotificationTest
from ..domain.paging import Page, PageQuery
from ..domain.schedules import (
    CronPreview,
    CronRequest,
    Firing,
    Schedule,
    ScheduleCreate,
    ScheduleSnapshot,
    ScheduleUpdate,
)
from .queries import ScheduleQuery
from .route import Route

SCHEDULES = (
    Route(
        "schedules.list",
        "GET",
        "/schedules",
        "Recurring jobs that one may see",
        "self.read",
        Page[Schedule],
        query=ScheduleQuery,
    ),
    Route(
        "schedules.create",
        "POST",
        "/schedules",
        "Make a recurring job",
        "schedule.create",
        Schedule,
        body=ScheduleCreate,
        status=201,
    ),
    Route("schedules.get", "GET", "/schedules/{schedule}", "One recurring job", "schedule.read", Schedule),
    Route(
        "schedules.update",
        "PATCH",
        "/schedules/{schedule}",
        "Change, pause or resume a recurring job",
        "schedule.edit",
        Schedule,
        body=ScheduleUpdate,
    ),
    Route("schedules.delete", "DELETE", "/schedules/{schedule}", "Delete a recurring job", "schedule.edit", status=204),
    Route(
        "schedules.run",
        "POST",
        "/schedules/{schedule}/run",
        "Run a recurring job now, as its owner",
        "schedule.edit",
        Job,
        status=202,
    ),
    Route(
        "schedules.firings",
        "GET",
        "/schedules/{schedule}/firings",
        "What became of due instants",
        "schedule.read",
        Page[Firing],
        query=PageQuery,
    ),
    Route(
        "schedules.snapshot",
        "PUT",
        "/schedules/{schedule}/snapshot",
        "Let a recurring notebook run another snapshot",
        "schedule.snapshot",
        Schedule,
        body=ScheduleSnapshot,
    ),
    Route(
        "schedules.preview",
        "POST",
        "/schedule-previews",
        "A cron expression in words, and its next five due instants",
        "self.read",
        CronPreview,
        body=CronRequest,
    ),
)

NOTIFICATIONS = (
    Route(
        "notifications.get",
        "GET",
        "/me/notifications",
        "What one is told of, and how",
        "self.notifications",
        Notifications,
    ),
    Route(
        "notifications.put",
        "PUT",
        "/me/notifications",
        "Say what one wants to be told of, and how",
        "self.write",
        Notifications,
        body=NotificationsPut,
    ),
    Route(
        "notifications.test",
        "POST",
        "/me/notifications/test",
        "Send a test message by every channel that is on",
        "self.write",
        NotificationTest,
    ),
)
