"""What the gateway is told: which routes there are, and who may call them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..domain.identity import Actor
from ..domain.permissions import require
from ..domain.problems import Unauthenticated
from ..domain.routes import Caller, Route, RouteTable, table_of
from ..store.unit_of_work import UnitOfWork
from . import groups

Source = Callable[[UnitOfWork], Iterable[Route]]
SOURCES: tuple[Source, ...] = ()
"""What has routes. Nothing can be deployed yet, so there is none; deployments and apps will each be one."""


def table(uow: UnitOfWork, actor: Actor) -> RouteTable:
    """Every route of what is deployed."""
    require(actor, "routes.read")
    return table_of(route for source in SOURCES for route in source(uow))


def caller(uow: UnitOfWork, actor: Actor, group: str) -> Caller:
    """Who the actor is, if they may call what the group has deployed. Raises ``NotFound``, ``Forbidden``."""
    found = groups.resolve_group(uow, actor, group)
    require(actor, "routes.call", kind="group", name=group, group_id=found.id, visible=True)
    if actor.account is None:
        msg = "Only people call what a group has deployed."
        raise Unauthenticated(msg)
    return Caller(name=actor.account.name)
