"""What every editing operation does alike."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar

from ..domain.model import Model
from ..domain.paging import Page, PageQuery
from ..domain.problems import Conflict, Invalid

M = TypeVar("M", bound=Model)


def check_version(asked: int, current: int, model: Model) -> None:
    """Raises ``Conflict`` with the row as it is now, where the change was made from an older one."""
    if asked != current:
        msg = "Somebody else changed this meanwhile. Load it again and repeat your change."
        raise Conflict(msg, current=model.model_dump(mode="json"))


def given(update: Model, *, nullable: Collection[str]) -> set[str]:
    """The fields that an update names. Raises ``Invalid`` for a null where none can be."""
    fields = update.model_fields_set - {"version"}
    for field in sorted(fields):
        if field not in nullable and getattr(update, field) is None:
            raise Invalid.field(field, "must not be null", "give a value, or leave the field out to keep it")
    return fields


def page_of(items: Collection[M], total: int, query: PageQuery) -> Page[M]:
    """A part of a list as it is answered. Unparametrized on purpose: the items are checked models already."""
    return Page.model_construct(items=tuple(items), total=total, page=query.page, page_size=query.page_size)
