"""The audit log, for platform admins."""

from __future__ import annotations

from datetime import datetime

from ..domain.identity import Actor
from ..domain.paging import Page, PageQuery
from ..domain.permissions import require
from ..domain.problems import Invalid
from ..domain.system import AuditEvent
from ..store import audit as store
from ..store.unit_of_work import UnitOfWork
from ._editing import page_of


def list_(
    uow: UnitOfWork,
    who: Actor,
    query: PageQuery,
    *,
    actor: str = "",
    action: str = "",
    group: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Page[AuditEvent]:
    """Who changed what, newest first.

    ``actor`` is a hub name or ``service:<name>``; ``action`` a whole action (``group.create``) or its noun
    (``group``); ``group`` a slug or name, of a deleted group too; ``since`` is included, ``until`` is not.
    """
    require(who, "platform.admin")
    if since is not None and until is not None and until <= since:
        raise Invalid.field("until", "is not after since", "give a later time, or none")
    group_ids = None if group is None else store.groups_called(uow, group)
    events, total = store.list_(uow, query, actor=actor, action=action, group_ids=group_ids, since=since, until=until)
    return page_of(events, total, query)
