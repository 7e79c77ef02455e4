"""What the catalog's nouns have in common: names, slugs, and the groups that have a thing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm.attributes import flag_modified

from ..domain.names import as_reference, make_slug
from ..domain.paging import PageQuery
from ..domain.system import ChangeKind
from . import lists
from .orm import (
    GroupImageRow,
    GroupInstanceTypeRow,
    GroupRow,
    GroupVolumeRow,
    ImageRow,
    InstanceTypeRow,
    SecretRow,
    VolumeRow,
)
from .unit_of_work import UnitOfWork

R = TypeVar("R", InstanceTypeRow, ImageRow, VolumeRow)
Seen = frozenset[str] | None
"""Ids of the groups that somebody may see; None is every group."""
NO_GROUP = ""
"""The group of a change that platform admins alone are told of: nobody is in it."""
_LINKS: Mapping[Any, tuple[Any, Any]] = {
    InstanceTypeRow: (GroupInstanceTypeRow, GroupInstanceTypeRow.instance_type_id),
    ImageRow: (GroupImageRow, GroupImageRow.image_id),
    VolumeRow: (GroupVolumeRow, GroupVolumeRow.volume_id),
}
_GROUPS: sa.BindParameter[Any] = sa.bindparam("groups", expanding=True)


def had_by(row_type: type[R], group_ids: Collection[str]) -> sa.ColumnElement[bool]:
    """Whether one of the groups has the thing: by name, because all groups do, or as its owner."""
    return _had_by(row_type, group_ids) if group_ids else sa.false()


def _had_by(row_type: type[R], group_ids: Collection[str] | sa.BindParameter[Any]) -> sa.ColumnElement[bool]:
    link, thing_id = _LINKS[row_type]
    linked = sa.exists().where(thing_id == row_type.id, link.group_id.in_(group_ids))
    if row_type is ImageRow:
        owner = ImageRow.owner_group_id
        return sa.or_(owner.in_(group_ids), sa.and_(owner.is_(None), sa.or_(row_type.all_groups, linked)))
    return sa.or_(row_type.all_groups, linked)


def visible(row_type: type[R], seen: Seen) -> sa.Select[Any]:
    """The things that are not deleted, of those groups."""
    statement = sa.select(row_type).where(row_type.deleted_at.is_(None))
    return statement if seen is None else statement.where(had_by(row_type, seen))


def find(uow: UnitOfWork, row_type: type[R], reference: str, seen: Seen, *, lock: bool = False) -> R | None:
    """The visible thing with this slug, else with this name; a group's own before one of the platform."""
    if not lists.findable(reference) or (seen is not None and not seen):
        return None
    statement = _found(row_type, everywhere=seen is None)
    values = {"reference": as_reference(reference)} | ({} if seen is None else {"groups": list(seen)})
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    row: R | None = uow.session.scalar(statement, values)
    return row


# to put these together takes longer than to ask them, and every start does
@cache
def _found(row_type: type[R], *, everywhere: bool) -> sa.Select[Any]:
    reference = sa.bindparam("reference", type_=sa.String)
    order: list[Any] = [sa.case((row_type.slug == reference, 0), else_=1)]
    if row_type is ImageRow:
        order += [ImageRow.owner_group_id.is_(None), ImageRow.slug]
    return (
        sa.select(row_type)
        .where(row_type.deleted_at.is_(None), sa.true() if everywhere else _had_by(row_type, _GROUPS))
        .where(sa.or_(row_type.slug == reference, row_type.name == reference))
        .order_by(*order)
        .limit(1)
    )


def of_groups(uow: UnitOfWork, row_type: type[R], group_ids: Collection[str]) -> Sequence[R]:
    """Everything that any of the groups has, by name."""
    if not group_ids:
        return ()
    return uow.session.scalars(_of_groups(row_type), {"groups": list(group_ids)}).all()


@cache
def _of_groups(row_type: type[R]) -> sa.Select[Any]:
    had = _had_by(row_type, _GROUPS)
    return sa.select(row_type).where(row_type.deleted_at.is_(None), had).order_by(row_type.name, row_type.slug)


def page(
    uow: UnitOfWork, row_type: type[R], query: PageQuery, seen: Seen, *, sorts: Mapping[str, Any]
) -> tuple[Sequence[R], int]:
    """A page of the visible things."""
    texts = (row_type.name, row_type.slug, row_type.display_name, row_type.description)
    common = {"name": row_type.name, "display_name": row_type.display_name, "created_at": row_type.created_at}
    statement = visible(row_type, seen).where(lists.matching(query.search, *texts))
    return lists.page(uow, statement, query, sorts={**common, **sorts}, default="name", key=row_type.id)


def name_taken(uow: UnitOfWork, row_type: Any, name: str, *same_owner: sa.ColumnElement[bool]) -> bool:
    """Whether a thing of this owner that is not deleted has the name. Holds the table's names until the end."""
    uow.lock(f"names:{row_type.__tablename__}")
    found = sa.exists().where(row_type.name == name, row_type.deleted_at.is_(None), *same_owner)
    return bool(uow.session.scalar(sa.select(found)))


def new_slug(uow: UnitOfWork, row_type: type[R] | type[SecretRow], name: str, *, owner: str = "") -> str:
    """A slug that nothing of this table has or had. The caller holds the table's names."""

    def taken(slug: str) -> bool:
        return bool(uow.session.scalar(sa.select(sa.exists().where(row_type.slug == slug))))

    return make_slug(name, taken, owner=owner)


def groups_having(
    uow: UnitOfWork, row_type: type[R], ids: Collection[str], seen: Seen
) -> dict[str, list[tuple[str, bool]]]:
    """For each thing the slugs of the groups named for it that may be seen, and whether they may write."""
    found: dict[str, list[tuple[str, bool]]] = defaultdict(list)
    if not ids:
        return found
    link, thing_id = _LINKS[row_type]
    writable = link.writable if link is GroupVolumeRow else sa.false()
    statement = (
        sa.select(thing_id, GroupRow.slug, writable)
        .join(GroupRow, GroupRow.id == link.group_id)
        .where(thing_id.in_(ids), GroupRow.deleted_at.is_(None))
        .order_by(GroupRow.slug)
    )
    if seen is not None:
        statement = statement.where(GroupRow.id.in_(seen))
    for thing, slug, may_write in uow.session.execute(statement):
        found[thing].append((slug, bool(may_write)))
    return found


def group_ids_of(uow: UnitOfWork, row: InstanceTypeRow | ImageRow | VolumeRow) -> set[str]:
    """Ids of the groups named for the thing."""
    link, thing_id = _LINKS[type(row)]
    return set(uow.session.scalars(sa.select(link.group_id).where(thing_id == row.id)))


def set_groups(
    uow: UnitOfWork, row: InstanceTypeRow | ImageRow | VolumeRow, group_ids: Iterable[str], **extra: Mapping[str, Any]
) -> None:
    """Name exactly these groups for the thing; ``extra`` are further columns by group id."""
    link, thing_id = _LINKS[type(row)]
    uow.session.execute(sa.delete(link).where(thing_id == row.id))
    for group_id in group_ids:
        columns = {column: values[group_id] for column, values in extra.items()}
        uow.session.add(link(**{thing_id.key: row.id}, group_id=group_id, **columns))


def touch(row: InstanceTypeRow | ImageRow | VolumeRow) -> None:
    """Count a new version even where only the groups, which are rows of their own, have changed."""
    flag_modified(row, "all_groups")


def tell(
    uow: UnitOfWork, kind: ChangeKind, row: Any, action: str, *, everyone: bool, groups: Iterable[str | None]
) -> None:
    """Tell those who have the thing, or had it until now; platform admins alone where nobody has."""
    if everyone:
        uow.changed(kind, row.id, action)
        return
    for group_id in sorted(filter(None, set(groups))) or [NO_GROUP]:
        uow.changed(kind, row.id, action, group_id=group_id)


def slugs_of_groups(uow: UnitOfWork, ids: Collection[str]) -> dict[str, str]:
    """Slugs of the groups with these ids that are not deleted."""
    if not ids:
        return {}
    statement = sa.select(GroupRow.id, GroupRow.slug).where(GroupRow.id.in_(ids), GroupRow.deleted_at.is_(None))
    return {group_id: slug for group_id, slug in uow.session.execute(statement)}


def is_untouched(uow: UnitOfWork) -> bool:
    """Whether there has never been a group or anything for one, deleted things included."""
    tables = (GroupRow, InstanceTypeRow, ImageRow, VolumeRow, SecretRow)
    return not any(uow.session.scalar(sa.select(sa.exists().where(table.id.is_not(None)))) for table in tables)
