"""Routes of the gateway: under which address what a group has deployed is reached, and by whom."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from .model import Model
from .names import HubName

Prefix = Annotated[str, Field(max_length=200, pattern=r"^(/[a-z0-9]([-a-z0-9]*[a-z0-9])?){2,}/$")]
"""Under the gateway's address, with slashes at both ends: ``/research/iris/``. What has one part alone is the gateway's."""
Target = Annotated[str, Field(max_length=300, pattern=r"^http://[a-z0-9.-]+:[0-9]{1,5}(/[A-Za-z0-9._~/-]*)?$")]
"""A server inside, and what its paths begin with: ``http://127.0.0.1:9001``."""


class Access(StrEnum):
    """Who may call a route."""

    PUBLIC = "public"
    """Anybody who reaches the gateway."""
    GROUP = "group"
    """Members of the group, with their session or a token of theirs, and their notebooks there."""
    KEY = "key"
    """Whoever has a client key of it. There are none yet, so nobody."""


class Route(Model):
    """One address and what answers there."""

    id: Annotated[str, Field(max_length=80, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
    """Of what is deployed. It stays the same while target and access change."""
    prefix: Prefix
    target: Target
    access: Access = Access.GROUP
    group: str
    """Slug of the group that it belongs to."""


class RouteTable(Model):
    """All routes there are."""

    version: str
    """The same for the same routes, and another one for others."""
    routes: tuple[Route, ...] = ()


class Caller(Model):
    """Somebody who may call what a group has deployed."""

    name: HubName


def table_of(routes: Iterable[Route]) -> RouteTable:
    """The table of these routes, in an order of its own."""
    ordered = tuple(sorted(routes, key=lambda route: route.prefix))
    digest = hashlib.sha256()
    for route in ordered:
        digest.update(route.model_dump_json().encode())
    return RouteTable(version=digest.hexdigest()[:32], routes=ordered)


class Routes:
    """A table in which a path's route is found by its longest prefix."""

    def __init__(self, table: RouteTable) -> None:
        self.table = table
        self._by_prefix = {route.prefix: route for route in table.routes}

    def find(self, path: str) -> Route | None:
        """The route of a path under the gateway's address, which begins with a slash; None where there is none.

        ``/research/iris`` is that of ``/research/iris/``.
        """
        parts = path.split("/")
        for end in range(len(parts), 0, -1):
            found = self._by_prefix.get("/".join(parts[:end]) + "/")
            if found is not None:
                return found
        return None
