"""Instance types: made by platform admins, seen in the groups that have them."""

from __future__ import annotations

from typing import Final

from ..domain.identity import Actor
from ..domain.instance_types import InstanceType, InstanceTypeCreate, InstanceTypeUpdate
from ..domain.paging import Page, PageQuery
from ..domain.permissions import require
from ..store import catalog
from ..store import instance_types as store
from ..store.orm import InstanceTypeRow
from ..store.unit_of_work import UnitOfWork
from . import _catalog
from ._editing import check_version, given, page_of

KIND = "instance type"
CHANGE: Final = "instance-type"
_NULLABLE = frozenset({"cpu_request", "memory_request", "idle_timeout"})


def list_(uow: UnitOfWork, actor: Actor, query: PageQuery, *, group: str | None = None) -> Page[InstanceType]:
    """Those that the actor may see; with ``group`` (slug or name) those that it has."""
    seen = _catalog.seen_in(uow, actor, group)
    rows, total = catalog.page(uow, InstanceTypeRow, query, seen, sorts=store.SORTS)
    return page_of(store.to_models(uow, rows, _catalog.seen_by(actor)), total, query)


def get(uow: UnitOfWork, actor: Actor, reference: str) -> InstanceType:
    """The one with this slug or name. Raises ``NotFound``."""
    row = _catalog.find(uow, actor, InstanceTypeRow, KIND, reference)
    return store.to_models(uow, [row], _catalog.seen_by(actor))[0]


def create(uow: UnitOfWork, actor: Actor, spec: InstanceTypeCreate) -> InstanceType:
    """Make an instance type. Raises ``Conflict`` where the name is taken."""
    require(actor, "platform.admin")
    groups = _catalog.group_ids(uow, spec.groups)
    if catalog.name_taken(uow, InstanceTypeRow, spec.name):
        _catalog.taken("an instance type", spec.name)
    row = InstanceTypeRow(name=spec.name, slug=catalog.new_slug(uow, InstanceTypeRow, spec.name), created_at=uow.now)
    store.put(row, spec)
    uow.session.add(row)
    uow.session.flush()
    catalog.set_groups(uow, row, groups)
    uow.audit(actor, "instance_type.create", row.slug, spec=spec.model_dump(mode="json"))
    catalog.tell(uow, CHANGE, row, "create", everyone=row.all_groups, groups=groups)
    uow.session.flush()
    return store.to_models(uow, [row], None)[0]


def update(uow: UnitOfWork, actor: Actor, reference: str, change: InstanceTypeUpdate) -> InstanceType:
    """Change an instance type. What runs goes on as it was started.

    Raises ``Conflict`` with the current one where somebody else was faster, ``Invalid`` where the whole would not be
    valid.
    """
    row = _catalog.find(uow, actor, InstanceTypeRow, KIND, reference, lock=True)
    require(actor, "platform.admin", visible=True)
    before = store.to_models(uow, [row], None)[0]
    check_version(change.version, row.version, before)
    fields = given(change, nullable=_NULLABLE)
    spec = _catalog.merged(InstanceTypeCreate, before, {field: getattr(change, field) for field in fields})
    had, was_global = catalog.group_ids_of(uow, row), row.all_groups
    groups = _catalog.group_ids(uow, spec.groups)
    store.put(row, spec)
    catalog.touch(row)
    catalog.set_groups(uow, row, groups)
    uow.session.flush()
    after = store.to_models(uow, [row], None)[0]
    uow.audit(actor, "instance_type.update", row.slug, **_catalog.differences(before, after))
    catalog.tell(uow, CHANGE, row, "update", everyone=was_global or row.all_groups, groups={*had, *groups})
    return after


def delete(uow: UnitOfWork, actor: Actor, reference: str) -> None:
    """Nobody can choose it any more; what runs with it goes on. Its slug is never used again."""
    row = _catalog.find(uow, actor, InstanceTypeRow, KIND, reference, lock=True)
    require(actor, "platform.admin", visible=True)
    row.deleted_at = uow.now
    uow.audit(actor, "instance_type.delete", row.slug, name=row.name)
    groups = catalog.group_ids_of(uow, row)
    catalog.tell(uow, CHANGE, row, "delete", everyone=row.all_groups, groups=groups)
    uow.session.flush()
