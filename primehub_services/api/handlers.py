"""What every route of the table does."""

from __future__ import annotations

from . import (
    catalog,
    handshake,
    jobs,
    logs,
    notebooks,
    notifications,
    people,
    queue,
    reports,
    results,
    routes,
    schedules,
    snapshots,
    stream,
    system,
    tokens,
)
from .registry import Run

HANDLERS: dict[str, Run] = {
    **system.HANDLERS,
    **people.HANDLERS,
    **tokens.HANDLERS,
    **catalog.HANDLERS,
    **notebooks.HANDLERS,
    **jobs.HANDLERS,
    **queue.HANDLERS,
    **logs.HANDLERS,
    **reports.HANDLERS,
    **results.HANDLERS,
    **snapshots.HANDLERS,
    **schedules.HANDLERS,
    **notifications.HANDLERS,
    **stream.HANDLERS,
    **routes.HANDLERS,
    **handshake.HANDLERS,
}
