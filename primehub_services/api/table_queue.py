"""Routes of the queue."""

from __future__ import annotations

from ..domain.jobs import QueueEntry
from ..domain.paging import Page, PageQuery
from .route import Route

QUEUE = (
    Route(
        "queue.of_group",
        "GET",
        "/groups/{group}/queue",
        "Which jobs wait in a group, in their order, and for what",
        "queue.read",
        Page[QueueEntry],
        query=PageQuery,
    ),
)
