"""The audit log: only ever added to (by the unit of work), read here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from ..domain.names import as_reference
from ..domain.paging import PageQuery
from ..domain.system import AuditEvent
from . import lists
from .orm import AuditRow, GroupRow
from .unit_of_work import UnitOfWork

_SORTS = {"at": AuditRow.id, "actor": AuditRow.actor, "action": AuditRow.action}


def list_(
    uow: UnitOfWork,
    query: PageQuery,
    *,
    actor: str = "",
    action: str = "",
    group_ids: Sequence[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> tuple[list[AuditEvent], int]:
    """A page, newest first. ``action`` may be a whole action or the part before its dot; ``until`` is not included."""
    conditions: list[sa.ColumnElement[bool]] = [
        lists.matching(query.search, AuditRow.actor, AuditRow.action, AuditRow.target)
    ]
    if actor:
        conditions.append(AuditRow.actor == actor)
    if action:
        beginning = AuditRow.action.startswith(f"{action}.", autoescape=True)
        conditions.append(sa.or_(AuditRow.action == action, beginning))
    if group_ids is not None:
        conditions.append(AuditRow.group_id.in_(group_ids))
    if since is not None:
        conditions.append(AuditRow.at >= since)
    if until is not None:
        conditions.append(AuditRow.at < until)
    rows, total = lists.page(
        uow, sa.select(AuditRow).where(*conditions), query, sorts=_SORTS, default="-at", key=AuditRow.id.desc()
    )
    # deleted groups too: the log is about what was
    ids = {row.group_id for row in rows if row.group_id}
    statement = sa.select(GroupRow.id, GroupRow.slug).where(GroupRow.id.in_(ids))
    slugs: dict[str, str] = {group_id: slug for group_id, slug in uow.session.execute(statement)}
    events = [
        AuditEvent(
            id=row.id,
            at=row.at,
            actor=row.actor,
            action=row.action,
            target=row.target,
            group=slugs.get(row.group_id or ""),
            details=row.details,
        )
        for row in rows
    ]
    return events, total


def groups_called(uow: UnitOfWork, reference: str) -> Sequence[str]:
    """Ids of the groups with this slug, else of all that have or had this name, deleted ones too."""
    reference = as_reference(reference)
    by_slug = uow.session.scalars(sa.select(GroupRow.id).where(GroupRow.slug == reference)).all()
    return by_slug or uow.session.scalars(sa.select(GroupRow.id).where(GroupRow.name == reference)).all()
