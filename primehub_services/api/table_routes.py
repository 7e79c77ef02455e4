"""Routes of the gateway: what it is told, and what it asks with the token of somebody who calls."""

from __future__ import annotations

from ..domain.routes import Caller, RouteTable
from .route import Route

ROUTES = (
    Route(
        "routes.table",
        "GET",
        "/routes",
        "What the gateway serves; with If-None-Match only where that has changed",
        "routes.read",
        RouteTable,
    ),
    Route(
        "routes.caller",
        "GET",
        "/groups/{group}/caller",
        "Whether one may call what a group has deployed",
        "routes.call",
        Caller,
    ),
)
