"""Groups: made and deleted by platform admins, seen by their people."""

from __future__ import annotations

from collections.abc import Collection

from ..domain.groups import Group, GroupCreate, GroupUpdate, check_quotas
from ..domain.identity import Actor
from ..domain.overview import GroupLosses
from ..domain.paging import Page, PageQuery
from ..domain.permissions import PERMISSIONS, allowed, relations, require
from ..domain.problems import FieldError, Forbidden, Invalid, NotFound
from ..domain.resources import Quota
from ..domain.wrong import WrongValue
from ..store import accounts as account_store
from ..store import groups as store
from ..store import members as member_store
from ..store import overview
from ..store.orm import GroupRow
from ..store.unit_of_work import UnitOfWork
from . import firings, job_departures
from ._editing import check_version, given, page_of

_PLAIN_FIELDS = (
    "description",
    "shared_volume",
    "shared_volume_capacity",
    "launch_group_only",
    "pod_security",
    "job_timeout",
    "idle_timeout",
)
_NULLABLE = frozenset({"display_name", "shared_volume_capacity", "job_timeout", "idle_timeout"})
_BY_GROUP_ADMINS = frozenset({"job_timeout"})


def resolve_group(uow: UnitOfWork, actor: Actor, ref: str, *, lock: bool = False) -> GroupRow:
    """The group with this slug, or else this name, if the actor may see that it exists.

    Scopes do not matter here: what the actor may do with it is for ``require(..., visible=True)``. ``lock`` makes
    other writers of the group wait. Raises ``NotFound``.
    """
    row = store.by_reference(uow, ref, lock=lock)
    if row is None or not relations(actor, group_id=row.id) & PERMISSIONS["group.read"].relations:
        raise NotFound.of("group", ref)
    return row


def list_(uow: UnitOfWork, actor: Actor, query: PageQuery, *, all: bool = False) -> Page[Group]:
    """The actor's own groups; with ``all``, for platform admins, every group."""
    require(actor, "self.read")
    if all:
        require(actor, "platform.admin")
    rows, total = store.list_(uow, query, ids=None if all else actor.roles)
    return page_of([store.to_model(row) for row in rows], total, query)


def get(uow: UnitOfWork, actor: Actor, ref: str) -> Group:
    """One group."""
    row = resolve_group(uow, actor, ref)
    require(actor, "group.read", group_id=row.id, visible=True)
    return store.to_model(row)


def create(uow: UnitOfWork, actor: Actor, new: GroupCreate) -> Group:
    """Make a group. Raises ``Invalid`` for ``name`` where it would be mistaken for another group's."""
    require(actor, "group.edit")
    uow.lock(store.NAMES)
    other = store.by_reference(uow, new.name)
    if other is not None:
        what = "name" if other.name == new.name else "identifier"
        raise Invalid.field("name", f"{new.name!r} is the {what} of the group {other.name!r}", "choose another name")
    row = GroupRow(name=new.name, display_name=new.display_name or new.name)
    for field in _PLAIN_FIELDS:
        setattr(row, field, getattr(new, field))
    _set_quotas(row, new.user_quota, new.group_quota)
    store.add(uow, row)
    uow.audit(actor, "group.create", row.slug, group_id=row.id, name=row.name)
    uow.changed("group", row.id, "create", group_id=row.id)
    return store.to_model(row)


def update(uow: UnitOfWork, actor: Actor, ref: str, update: GroupUpdate) -> Group:
    """Change a group. Its admins may set the job timeout, platform admins everything."""
    row = resolve_group(uow, actor, ref, lock=True)
    _require_rights(actor, row, update.model_fields_set - {"version"} - _BY_GROUP_ADMINS)
    before = store.to_model(row)
    check_version(update.version, row.version, before)
    fields = given(update, nullable=_NULLABLE)
    for field in fields.intersection(_PLAIN_FIELDS):
        setattr(row, field, getattr(update, field))
    if "display_name" in fields:
        row.display_name = update.display_name or row.name
    _set_quotas(row, update.user_quota or before.user_quota, update.group_quota or before.group_quota)
    uow.session.flush()
    after = store.to_model(row)
    if after != before:
        old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
        differing = {
            field: {"from": old[field], "to": new[field]} for field in sorted(fields) if old[field] != new[field]
        }
        uow.audit(actor, "group.update", row.slug, group_id=row.id, changes=differing)
        uow.changed("group", row.id, "update", group_id=row.id)
    return after


def _require_rights(actor: Actor, row: GroupRow, more: Collection[str]) -> None:
    """Raises unless the actor may set these fields, beside those that the group's admins may."""
    settings = allowed(actor, "group.settings", group_id=row.id)
    if settings and not more:
        return
    try:
        require(actor, "group.edit", group_id=row.id, visible=True)
    except Forbidden as refused:
        if not settings or refused.extra:  # what a token lacks is said by itself
            raise
        only = "only a platform admin may change it"
        errors = tuple(FieldError(field=field, message=only, fix="leave it out") for field in sorted(more))
        msg = f"Only a platform admin may change {', '.join(sorted(more))}."
        raise Forbidden(msg, errors=errors) from None


def delete(uow: UnitOfWork, actor: Actor, ref: str) -> None:
    """Delete a group: its people are out of it, its notebooks stop, and its slug is never used again."""
    row = resolve_group(uow, actor, ref, lock=True)
    require(actor, "group.edit", group_id=row.id, visible=True)
    firings.pause_all(uow, "the group was deleted", group_id=row.id)
    job_departures.group_deleted(uow, row)
    account_store.ask_to_stop(uow, member_store.touching(uow, row), "the group was deleted")
    for account_id in member_store.accounts_in(uow, row.id):
        uow.changed("membership", account_id, "delete", group_id=row.id, account_id=account_id)
    store.bury(uow, row)
    uow.audit(actor, "group.delete", row.slug, group_id=row.id, name=row.name)
    uow.changed("group", row.id, "delete", group_id=row.id)


def losses(uow: UnitOfWork, actor: Actor, ref: str) -> GroupLosses:
    """What would end, and be gone, if the group were deleted now."""
    row = resolve_group(uow, actor, ref)
    require(actor, "group.edit", group_id=row.id, visible=True)
    return overview.losses(uow, row)


def _set_quotas(row: GroupRow, user: Quota, group: Quota) -> None:
    try:
        check_quotas(user, group)
    except WrongValue as error:
        raise Invalid.field(error.field, str(error), error.fix) from None
    row.user_cpu, row.user_memory, row.user_gpu = user.cpu, user.memory, user.gpu
    row.group_cpu, row.group_memory, row.group_gpu = group.cpu, group.memory, group.gpu
