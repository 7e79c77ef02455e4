"""Announcements: lines above every page, for everyone or for one group."""

from __future__ import annotations

from typing import Final

from ..domain.identity import Actor
from ..domain.paging import Page, PageQuery
from ..domain.permissions import require
from ..domain.problems import Invalid, NotFound
from ..domain.system import Announcement, AnnouncementCreate
from ..store import announcements as store
from ..store.orm import AnnouncementRow
from ..store.unit_of_work import UnitOfWork
from . import _catalog
from ._editing import page_of

CHANGE: Final = "announcement"
KIND = CHANGE


def list_(uow: UnitOfWork, actor: Actor, query: PageQuery, *, all: bool = False) -> Page[Announcement]:
    """Those that hold now, for everyone and for the actor's groups; with ``all``, for platform admins, every one."""
    seen = _catalog.seen_by(actor)
    if all:
        require(actor, "platform.admin")
    elif seen is None:
        seen = frozenset(actor.roles)  # an admin's own pages show what is meant for that admin
    rows, total = store.list_(uow, query, seen, active=not all)
    return page_of(store.to_models(uow, rows), total, query)


def create(uow: UnitOfWork, actor: Actor, spec: AnnouncementCreate) -> Announcement:
    """Announce something. Raises ``Invalid`` for an unknown group, or an end that is over or before the start."""
    require(actor, "platform.admin")
    group_id = _catalog.group_ids(uow, [spec.group], field="group")[0] if spec.group is not None else None
    start = spec.starts_at or uow.now
    if spec.ends_at is not None and spec.ends_at <= max(start, uow.now):
        what = "is not after starts_at" if spec.ends_at <= start and spec.starts_at else "is over already"
        raise Invalid.field("ends_at", what, "give a later time, or none")
    row = AnnouncementRow(
        message=spec.message,
        level=spec.level.value,
        group_id=group_id,
        starts_at=spec.starts_at,
        ends_at=spec.ends_at,
        created_by=actor.name,
        created_at=uow.now,
    )
    uow.session.add(row)
    uow.session.flush()
    uow.audit(actor, "announcement.create", row.id, group_id=group_id, message=row.message)
    uow.changed(CHANGE, row.id, "create", group_id=group_id)
    return store.to_models(uow, [row])[0]


def delete(uow: UnitOfWork, actor: Actor, announcement_id: str) -> None:
    """Take it down. Raises ``NotFound``."""
    require(actor, "platform.admin")
    row = uow.session.get(AnnouncementRow, announcement_id)
    if row is None:
        raise NotFound.of(KIND, announcement_id)
    uow.audit(actor, "announcement.delete", row.id, group_id=row.group_id, message=row.message)
    uow.changed(CHANGE, row.id, "delete", group_id=row.group_id)
    uow.session.delete(row)
    uow.session.flush()
