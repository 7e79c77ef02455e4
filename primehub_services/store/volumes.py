"""Volumes as rows."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from ..domain.volumes import Volume, VolumeCreate
from . import catalog
from .catalog import Seen
from .orm import VolumeRow
from .unit_of_work import UnitOfWork

MESSAGE_MAX = 2000


def to_models(uow: UnitOfWork, rows: Iterable[VolumeRow], seen: Seen) -> list[Volume]:
    """The rows in the domain's words, naming only groups that may be seen."""
    rows = list(rows)
    groups = catalog.groups_having(uow, VolumeRow, [row.id for row in rows], seen)
    return [
        Volume.model_validate(
            {
                "id": row.id,
                "name": row.name,
                "slug": row.slug,
                "display_name": row.display_name,
                "description": row.description,
                "source": row.source,
                "all_groups": row.all_groups,
                "groups": [{"group": slug, "writable": writable} for slug, writable in groups.get(row.id, ())],
                "launch_group_only": row.launch_group_only,
                "message": row.message,
                "created_at": row.created_at,
                "version": row.version,
            }
        )
        for row in rows
    ]


def for_groups(uow: UnitOfWork, group_ids: frozenset[str]) -> list[Volume]:
    """Those that any of the groups has, each once; only these groups are named in them."""
    return to_models(uow, catalog.of_groups(uow, VolumeRow, group_ids), group_ids)


def put(row: VolumeRow, spec: VolumeCreate) -> None:
    """Set the columns that are the specification's."""
    row.display_name = spec.display_name
    row.description = spec.description
    row.source = spec.source.model_dump(mode="json")
    row.all_groups = spec.all_groups
    row.launch_group_only = spec.launch_group_only


def report(uow: UnitOfWork, volume_id: str, message: str) -> None:
    """Why launches leave the volume out; empty where they do not. For the controller that keeps its content."""
    row = uow.session.get(VolumeRow, volume_id)
    if row is None or row.deleted_at is not None or row.message == message[:MESSAGE_MAX]:
        return
    uow.session.execute(
        # not through the row: that would count a version and spoil somebody's edit
        sa.update(VolumeRow).where(VolumeRow.id == volume_id).values(message=message[:MESSAGE_MAX])
    )
    catalog.tell(uow, "volume", row, "update", everyone=row.all_groups, groups=catalog.group_ids_of(uow, row))
