"""Secrets: of the platform for groups (pull, git), of a group or a person for workloads (env). Never read back."""

from __future__ import annotations

from typing import Final

from ..domain.identity import Actor, Role
from ..domain.names import as_reference
from ..domain.paging import Page, PageQuery
from ..domain.permissions import Relation, relations, require
from ..domain.problems import Conflict, Forbidden, Invalid, NotFound
from ..domain.secrets import Secret, SecretCreate, SecretKind, SecretUpdate
from ..store import catalog
from ..store import secrets as store
from ..store.crypto import Keyring
from ..store.orm import SecretRow
from ..store.orm.base import new_id
from ..store.unit_of_work import UnitOfWork
from . import _catalog
from ._editing import check_version, given, page_of
from .groups import resolve_group

CHANGE: Final = "secret"
KIND = CHANGE


def list_(uow: UnitOfWork, actor: Actor, query: PageQuery, *, group: str | None = None) -> Page[Secret]:
    """Those whose names the actor may know; with ``group`` those that this group owns or may use."""
    _no_notebooks(actor)
    rows = _visible(uow, actor)
    if group is not None:
        group_id = resolve_group(uow, actor, group).id
        rows = [row for row in rows if row.owner_group_id == group_id or group_id in row.groups]
    page, total = store.list_(uow, query, [row.id for row in rows])
    return page_of(store.to_models(uow, page, _catalog.seen_by(actor)), total, query)


def get(uow: UnitOfWork, actor: Actor, reference: str) -> Secret:
    """The one with this slug, else with this name, one's own first. Raises ``NotFound``."""
    return store.to_models(uow, [_find(uow, actor, reference)], _catalog.seen_by(actor))[0]


def create(uow: UnitOfWork, actor: Actor, spec: SecretCreate, *, keyring: Keyring) -> Secret:
    """Make a secret. Kinds pull and git: platform admins; env: for a group that one administers, or for oneself.

    Raises ``Conflict`` where the owner has a secret of that name.
    """
    account_id, owner = _owner(uow, actor, spec)
    _check_fields(spec)
    groups = _catalog.group_ids(uow, spec.groups)
    if store.name_taken(uow, spec.name, account_id=account_id, owner_group_id=owner):
        _catalog.taken("a secret", spec.name)
    row = SecretRow(
        id=new_id(),
        name=spec.name,
        slug=catalog.new_slug(uow, SecretRow, spec.name, owner=account_id or owner or ""),
        display_name=spec.display_name,
        kind=spec.kind.value,
        registry_host=spec.registry,
        username=spec.username,
        account_id=account_id,
        owner_group_id=owner,
        groups=groups,
        created_at=uow.now,
    )
    store.put_value(uow, keyring, row, spec.value)
    uow.session.add(row)
    uow.session.flush()
    uow.audit(actor, "secret.create", row.slug, group_id=owner, kind=row.kind, groups=list(spec.groups))
    _tell(uow, row, "create", groups)
    return store.to_models(uow, [row], _catalog.seen_by(actor))[0]


def update(uow: UnitOfWork, actor: Actor, reference: str, change: SecretUpdate, *, keyring: Keyring) -> Secret:
    """Change a secret; a value that is given takes the old one's place.

    Raises ``Conflict`` with the current one where somebody else was faster.
    """
    row = _editable(uow, actor, reference)
    before = store.to_models(uow, [row], None)[0]
    check_version(change.version, row.version, before)
    fields = given(change, nullable=())
    kind = SecretKind(row.kind)
    if "groups" in fields and kind is SecretKind.ENV and change.groups:
        raise Invalid.field("groups", "an env secret belongs to its owner alone", "leave it out")
    had = list(row.groups)
    if change.groups is not None:
        row.groups = _catalog.group_ids(uow, change.groups)
        _check_not_needed(uow, row, set(had) - set(row.groups))
    for field, column in (("display_name", "display_name"), ("registry", "registry_host"), ("username", "username")):
        if field in fields:
            setattr(row, column, getattr(change, field))
    _check_registry(kind, row.registry_host, row.username)
    if change.value is not None:
        store.put_value(uow, keyring, row, change.value)
    row.updated_at = uow.now
    uow.session.flush()
    after = store.to_models(uow, [row], None)[0]
    differing = _catalog.differences(before, after)
    differing.pop("updated_at", None)
    if change.value is not None:
        differing["value"] = "changed"
    uow.audit(actor, "secret.update", row.slug, group_id=row.owner_group_id, **differing)
    _tell(uow, row, "update", [*had, *row.groups])
    return store.to_models(uow, [row], _catalog.seen_by(actor))[0]


def delete(uow: UnitOfWork, actor: Actor, reference: str) -> None:
    """Delete a secret and its value. Raises ``Conflict`` where images or volumes still name it."""
    row = _editable(uow, actor, reference)
    users = store.users_of(uow, row) if row.kind != SecretKind.ENV.value else []
    if users:
        msg = f"This secret is still used by {', '.join(users)}. Give those another secret first."
        raise Conflict(msg)
    uow.audit(actor, "secret.delete", row.slug, group_id=row.owner_group_id, kind=row.kind)
    _tell(uow, row, "delete", row.groups)
    store.bury(uow, row)
    uow.session.flush()


def _no_notebooks(actor: Actor) -> None:
    require(actor, "self.read")
    if actor.is_notebook:
        msg = "A notebook's own token cannot see secrets."
        raise Forbidden(msg)


def _visible(uow: UnitOfWork, actor: Actor) -> list[SecretRow]:
    everything = Relation.PLATFORM_ADMIN in relations(actor)
    account_id = actor.account.id if actor.account else None
    rows = store.candidates(uow, account_id=account_id, group_ids=actor.roles, everything=everything)
    return [row for row in rows if everything or row.kind == SecretKind.ENV.value or _shared_with_admin(actor, row)]


def _shared_with_admin(actor: Actor, row: SecretRow) -> bool:
    # what images and volumes are fetched with concerns only those who make them
    return any(actor.roles.get(group_id) is Role.ADMIN for group_id in row.groups)


def _find(uow: UnitOfWork, actor: Actor, reference: str) -> SecretRow:
    _no_notebooks(actor)
    name = as_reference(reference)
    visible = _visible(uow, actor)
    own = [row for row in visible if actor.account is not None and row.account_id == actor.account.id]
    found = next((row for row in visible if row.slug == name), None)
    found = found or next((row for row in [*own, *visible] if row.name == name), None)
    if found is None:
        raise NotFound.of(KIND, reference)
    return found


def _editable(uow: UnitOfWork, actor: Actor, reference: str) -> SecretRow:
    row = _find(uow, actor, reference)
    if row.owner_group_id is not None:
        require(actor, "group.secrets", group_id=row.owner_group_id, visible=True)
    elif row.account_id is not None and actor.account is not None and row.account_id == actor.account.id:
        require(actor, "self.write", visible=True)
    else:
        require(actor, "platform.admin", visible=True)
    return row


def _owner(uow: UnitOfWork, actor: Actor, spec: SecretCreate) -> tuple[str | None, str | None]:
    """The account's id or the group's id that will own it, if the actor may make it."""
    if spec.kind is not SecretKind.ENV:
        require(actor, "platform.admin")
        if spec.group is not None:
            raise Invalid.field("group", f"kind {spec.kind} belongs to the platform", "name the groups in groups")
        return None, None
    if spec.group is None:
        require(actor, "self.write")
        return (actor.account.id if actor.account else None), None
    _no_notebooks(actor)
    try:
        # locked, so that none is made while the group is being deleted
        group = resolve_group(uow, actor, spec.group, lock=True)
    except NotFound as error:
        raise Invalid.field("group", error.detail, "name one of your groups by its slug") from None
    require(actor, "group.secrets", group_id=group.id, visible=True)
    return None, group.id


def _check_fields(spec: SecretCreate) -> None:
    if spec.kind is SecretKind.ENV and spec.groups:
        raise Invalid.field("groups", "an env secret belongs to its owner alone", "make one for each group")
    _check_registry(spec.kind, spec.registry, spec.username)


def _check_registry(kind: SecretKind, registry: str, username: str) -> None:
    for field, value in (("registry", registry), ("username", username)):
        if kind is SecretKind.PULL and not value:
            raise Invalid.field(field, "is needed for kind pull", "give the one of the registry")
        if kind is not SecretKind.PULL and value:
            raise Invalid.field(field, f"has no meaning for kind {kind.value}", "leave it out")


def _check_not_needed(uow: UnitOfWork, row: SecretRow, group_ids: set[str]) -> None:
    """A group's images would go on being fetched with what is not the group's any more."""
    images = store.images_of(uow, row, group_ids)
    if images:
        message = f"the images {', '.join(images)} of a group that is left out are fetched with this secret"
        raise Invalid.field("groups", message, "give those another secret, or delete them, first")


def _tell(uow: UnitOfWork, row: SecretRow, action: str, groups: list[str]) -> None:
    if row.account_id is not None:
        uow.changed(CHANGE, row.id, action, group_id=catalog.NO_GROUP, account_id=row.account_id)
    else:
        catalog.tell(uow, CHANGE, row, action, everyone=False, groups=[row.owner_group_id, *groups])
