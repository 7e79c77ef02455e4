"""Images: of the platform, made by its admins, and of a group, made by the group's."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ..domain.identity import Actor
from ..domain.images import ContainerSource, EnvironmentSource, Image, ImageCreate, ImageUpdate
from ..domain.paging import Page, PageQuery
from ..domain.permissions import Relation, allowed, relations, require
from ..domain.problems import Invalid, NotFound
from ..domain.secrets import SecretKind
from ..store import catalog
from ..store import images as store
from ..store import secrets as secret_store
from ..store.orm import ImageRow
from ..store.unit_of_work import UnitOfWork
from . import _catalog
from ._editing import check_version, given, page_of
from .groups import resolve_group

KIND = "image"


def list_(uow: UnitOfWork, actor: Actor, query: PageQuery, *, group: str | None = None) -> Page[Image]:
    """Those that the actor may see; with ``group`` (slug or name) those that it has or owns."""
    seen = _catalog.seen_in(uow, actor, group)
    rows, total = catalog.page(uow, ImageRow, query, seen, sorts=store.SORTS)
    return page_of(_as_seen(uow, actor, rows), total, query)


def get(uow: UnitOfWork, actor: Actor, reference: str) -> Image:
    """The one with this slug or name. Raises ``NotFound``."""
    return _as_seen(uow, actor, [_catalog.find(uow, actor, ImageRow, KIND, reference)])[0]


def _as_seen(uow: UnitOfWork, actor: Actor, rows: Sequence[ImageRow]) -> list[Image]:
    """The images; which secret one is fetched with, only for those who may name one."""
    images = store.to_models(uow, rows, _catalog.seen_by(actor))
    makers = {Relation.PLATFORM_ADMIN, Relation.GROUP_ADMIN}
    return [
        image if relations(actor, group_id=row.owner_group_id) & makers else _without_secret(image)
        for row, image in zip(rows, images, strict=True)
    ]


def _without_secret(image: Image) -> Image:
    source = image.source
    if not isinstance(source, ContainerSource):
        return image
    return image.model_copy(update={"source": source.model_copy(update={"pull_secret": None})})


def image_for_log(uow: UnitOfWork, actor: Actor, reference: str) -> Image:
    """The image whose build's log the actor may read: who may change it. Raises ``NotFound`` or ``Forbidden``."""
    return store.to_models(uow, [_editable(uow, actor, reference)], _catalog.seen_by(actor))[0]


def create(uow: UnitOfWork, actor: Actor, spec: ImageCreate, *, accepts: Collection[str]) -> Image:
    """Make an image: of the platform, or of the group ``spec.group``. ``accepts`` are the engine's source types.

    Raises ``Conflict`` where the owner has an image of that name.
    """
    owner = _owner(uow, actor, spec.group)
    spec = _with_source(uow, actor, _for_owner(spec, owner), owner, accepts)
    groups = _catalog.group_ids(uow, spec.groups)
    if store.name_taken(uow, spec.name, owner):
        _catalog.taken("an image", spec.name)
    row = ImageRow(
        name=spec.name,
        slug=catalog.new_slug(uow, ImageRow, spec.name, owner=owner or ""),
        owner_group_id=owner,
        source=spec.source.model_dump(mode="json"),
        created_at=uow.now,
    )
    store.put(row, spec)
    store.ask_for_build(row)
    uow.session.add(row)
    uow.session.flush()
    catalog.set_groups(uow, row, groups)
    uow.audit(actor, "image.create", row.slug, group_id=owner, spec=spec.model_dump(mode="json"))
    uow.session.flush()
    store.tell(uow, row, "create")
    return store.to_models(uow, [row], _catalog.seen_by(actor))[0]


def update(uow: UnitOfWork, actor: Actor, reference: str, change: ImageUpdate, *, accepts: Collection[str]) -> Image:
    """Change an image. A new source is made or checked before it can be used; what runs goes on as it is.

    Raises ``Conflict`` with the current one where somebody else was faster, ``Invalid`` where the whole would not be
    valid.
    """
    row = _editable(uow, actor, reference)
    before = store.to_models(uow, [row], None)[0]
    check_version(change.version, row.version, before)
    fields = given(change, nullable=())
    spec = _catalog.merged(ImageCreate, before, {field: getattr(change, field) for field in fields})
    if row.owner_group_id is not None and (spec.all_groups or spec.groups):
        field = "all_groups" if spec.all_groups else "groups"
        raise Invalid.field(field, "a group's own image is for that group alone", "leave it out")
    new_source = "source" in fields and spec.source != before.source
    if new_source:
        spec = _with_source(uow, actor, spec, row.owner_group_id, accepts)
    had, was_global = catalog.group_ids_of(uow, row), row.all_groups
    store.put(row, spec)
    catalog.touch(row)
    catalog.set_groups(uow, row, _catalog.group_ids(uow, spec.groups))
    if new_source:
        row.source = spec.source.model_dump(mode="json")
        store.ask_for_build(row)
    uow.session.flush()
    after = store.to_models(uow, [row], None)[0]
    uow.audit(actor, "image.update", row.slug, group_id=row.owner_group_id, **_catalog.differences(before, after))
    store.tell(uow, row, "update", also=had, everyone=was_global)
    return store.to_models(uow, [row], _catalog.seen_by(actor))[0]


def rebuild(uow: UnitOfWork, actor: Actor, reference: str) -> Image:
    """Make (or check) its environment again, with what its packages are now. Raises ``Invalid`` for a container."""
    row = _editable(uow, actor, reference)
    if row.source["type"] == "container":
        raise Invalid.field("source.type", "a container image is not made here", "change its URL instead")
    store.ask_for_build(row)
    uow.session.flush()
    uow.audit(actor, "image.rebuild", row.slug, group_id=row.owner_group_id)
    store.tell(uow, row, "update")
    return store.to_models(uow, [row], _catalog.seen_by(actor))[0]


def delete(uow: UnitOfWork, actor: Actor, reference: str) -> None:
    """Nobody can choose it any more; what runs in it goes on. Its slug is never used again."""
    row = _editable(uow, actor, reference)
    row.deleted_at = uow.now
    uow.audit(actor, "image.delete", row.slug, group_id=row.owner_group_id, name=row.name)
    uow.session.flush()
    store.tell(uow, row, "delete")


def _owner(uow: UnitOfWork, actor: Actor, group: str | None) -> str | None:
    """The owning group's id, if the actor may make images for it."""
    if group is None:
        require(actor, "platform.admin")
        return None
    require(actor, "self.read")
    try:
        # locked, so that none is made while the group is being deleted
        row = resolve_group(uow, actor, group, lock=True)
    except NotFound as error:
        raise Invalid.field("group", error.detail, "name one of your groups by its slug") from None
    require(actor, "group.images", group_id=row.id, visible=True)
    return row.id


def _editable(uow: UnitOfWork, actor: Actor, reference: str) -> ImageRow:
    row = _catalog.find(uow, actor, ImageRow, KIND, reference, lock=True)
    if row.owner_group_id is None:
        require(actor, "platform.admin", visible=True)
    else:
        require(actor, "group.images", group_id=row.owner_group_id, visible=True)
    return row


def _for_owner(spec: ImageCreate, owner: str | None) -> ImageCreate:
    if owner is None:
        return spec
    if spec.groups or (spec.all_groups and "all_groups" in spec.model_fields_set):
        field = "groups" if spec.groups else "all_groups"
        raise Invalid.field(field, "a group's own image is for that group alone", "leave it out")
    return spec.model_copy(update={"all_groups": False})


def _with_source(
    uow: UnitOfWork, actor: Actor, spec: ImageCreate, owner: str | None, accepts: Collection[str]
) -> ImageCreate:
    """The image with its source checked, and its pull secret by its slug, which never changes."""
    source = spec.source
    if source.type not in accepts:
        raise Invalid.field(
            "source.type",
            f"images of kind {source.type} cannot run here",
            f"use {' or '.join(sorted(accepts))}",
        )
    if isinstance(source, EnvironmentSource) and (source.prefix or source.base):
        # any folder of the machine would be shown to the image's users
        field = "source.prefix" if source.prefix else "source.base"
        path = source.prefix or source.base
        if not allowed(actor, "platform.admin"):
            raise Invalid.field(field, "only a platform admin may name a folder of the machine", "give packages alone")
        if not path.startswith("/") or ".." in path.split("/"):
            raise Invalid.field(field, "must be absolute and without '..'", "give the whole path")
    if isinstance(source, ContainerSource) and source.pull_secret is not None:
        found = secret_store.find_shared(uow, source.pull_secret, SecretKind.PULL, group_id=owner)
        if found is None:
            message = f"there is no secret {source.pull_secret!r} of kind pull that may be used here"
            raise Invalid.field("source.pull_secret", message, "ask a platform admin to share it with the group")
        return spec.model_copy(update={"source": source.model_copy(update={"pull_secret": found.slug})})
    return spec
