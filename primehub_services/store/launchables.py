"""What a launch is made from: the group's instance types, images and volumes."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from ..domain.groups import Group
from ..domain.images import Image
from ..domain.instance_types import InstanceType
from ..domain.volumes import Volume
from . import catalog, groups, images, instance_types, volumes
from .orm import GroupRow, ImageRow, InstanceTypeRow
from .unit_of_work import UnitOfWork


def groups_of(uow: UnitOfWork, group_ids: Iterable[str]) -> list[Group]:
    """Those of the groups that are not deleted."""
    rows = uow.session.scalars(
        sa.select(GroupRow).where(GroupRow.id.in_(list(group_ids)), GroupRow.deleted_at.is_(None))
    )
    return [groups.to_model(row) for row in rows]


def instance_type(uow: UnitOfWork, reference: str, group_id: str) -> InstanceType | None:
    """The one with this slug, else with this name, if the group may use it. It names no groups."""
    seen = frozenset({group_id})
    row = catalog.find(uow, InstanceTypeRow, reference, seen)
    return None if row is None else instance_types.to_models(uow, [row], seen, naming=False)[0]


def image(uow: UnitOfWork, reference: str, group_id: str) -> Image | None:
    """The one with this slug, else with this name (the group's own first), if the group may use it. It names no groups."""
    seen = frozenset({group_id})
    row = catalog.find(uow, ImageRow, reference, seen)
    return None if row is None else images.to_models(uow, [row], seen, naming=False)[0]


def volumes_of(uow: UnitOfWork, group_ids: Iterable[str]) -> list[Volume]:
    """Volumes that any of the groups has, naming only these groups."""
    return volumes.for_groups(uow, frozenset(group_ids))
