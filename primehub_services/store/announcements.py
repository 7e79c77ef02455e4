"""Announcements as rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from ..domain.paging import PageQuery
from ..domain.system import Announcement, Level
from . import catalog, lists
from .orm import AnnouncementRow, GroupRow
from .unit_of_work import UnitOfWork

_SORTS = {"created_at": AnnouncementRow.created_at, "level": AnnouncementRow.level}


def to_models(uow: UnitOfWork, rows: Iterable[AnnouncementRow]) -> list[Announcement]:
    """The rows in the domain's words."""
    rows = list(rows)
    slugs = catalog.slugs_of_groups(uow, {row.group_id for row in rows if row.group_id})
    return [
        Announcement(
            id=row.id,
            message=row.message,
            level=Level(row.level),
            group=slugs.get(row.group_id or ""),
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            created_by=row.created_by,
            created_at=row.created_at,
        )
        for row in rows
    ]


def list_(
    uow: UnitOfWork, query: PageQuery, seen: catalog.Seen, *, active: bool
) -> tuple[Sequence[AnnouncementRow], int]:
    """A page of those for everyone and for the groups that may be seen; only those that hold now if ``active``."""
    group = AnnouncementRow.group_id
    live = sa.exists().where(GroupRow.id == group, GroupRow.deleted_at.is_(None))
    statement = sa.select(AnnouncementRow).where(
        sa.or_(group.is_(None), live), lists.matching(query.search, AnnouncementRow.message)
    )
    if seen is not None:
        statement = statement.where(sa.or_(group.is_(None), group.in_(seen)))
    if active:
        starts, ends = AnnouncementRow.starts_at, AnnouncementRow.ends_at
        statement = statement.where(sa.or_(starts.is_(None), starts <= uow.now), sa.or_(ends.is_(None), ends > uow.now))
    return lists.page(uow, statement, query, sorts=_SORTS, default="-created_at", key=AnnouncementRow.id)
