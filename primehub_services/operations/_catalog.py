"""What instance types, images and volumes are checked for alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn, TypeVar

from pydantic import ValidationError

from ..domain.identity import Actor
from ..domain.model import Model
from ..domain.permissions import Relation, relations, require
from ..domain.problems import Conflict, FieldError, Invalid, NotFound
from ..domain.validation import field_errors
from ..store import catalog
from ..store import groups as group_store
from ..store.catalog import R, Seen
from ..store.unit_of_work import UnitOfWork
from .groups import resolve_group

M = TypeVar("M", bound=Model)


def seen_by(actor: Actor) -> Seen:
    """Ids of the groups whose things the actor may see; None is every group's. Raises where it may read nothing."""
    require(actor, "self.read")
    if Relation.PLATFORM_ADMIN in relations(actor):
        return None
    if actor.is_notebook:
        return frozenset(filter(None, [actor.notebook_group]))
    return frozenset(actor.roles)


def seen_in(uow: UnitOfWork, actor: Actor, group: str | None) -> Seen:
    """As ``seen_by``, narrowed to one group where it is given. Raises ``NotFound`` for one the actor cannot see."""
    if group is None:
        return seen_by(actor)
    row = resolve_group(uow, actor, group)
    require(actor, "group.read", group_id=row.id, visible=True)
    return frozenset({row.id})


def find(uow: UnitOfWork, actor: Actor, row_type: type[R], kind: str, reference: str, *, lock: bool = False) -> R:
    """The thing with this slug, else with this name, that the actor may see. Raises ``NotFound``."""
    row = catalog.find(uow, row_type, reference, seen_by(actor), lock=lock)
    if row is None:
        raise NotFound.of(kind, reference)
    return row


def group_ids(uow: UnitOfWork, references: Iterable[str], *, field: str = "groups") -> list[str]:
    """Ids of the groups that a platform admin names, in that order.

    Raises ``Invalid`` for the first unknown one, and where two references mean one group.
    """
    references = list(references)
    found = group_store.by_references(uow, references)
    for reference in references:
        if reference not in found:
            raise Invalid.field(field, f"there is no group {reference!r}", "name groups by their slug")
    ids = [found[reference].id for reference in references]
    if len(set(ids)) != len(ids):
        raise Invalid.field(field, "a group is named twice", "name each group once")
    return ids


def taken(kind: str, name: str) -> NoReturn:
    """Raises ``Conflict``: the name is another thing's."""
    message = f"there is {kind} {name!r} already"
    raise Conflict(f"name: {message}", errors=(FieldError(field="name", message=message, fix="choose another name"),))


def merged(create: type[M], current: Model, changes: Mapping[str, Any]) -> M:
    """The whole as it would be after the changes, checked as a new one is. Raises ``Invalid`` by field."""
    values = {field: getattr(current, field) for field in create.model_fields} | dict(changes)
    try:
        return create.model_validate(values)
    except ValidationError as error:
        message = "The change would leave something that is not valid."
        raise Invalid(message, errors=field_errors(error)) from None


def differences(before: Model, after: Model) -> dict[str, Any]:
    """What a change changed, for the audit log."""
    old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
    return {
        field: {"from": old[field], "to": new[field]}
        for field in old
        if old[field] != new[field] and field not in ("version", "phase", "progress", "message", "location")
    }
