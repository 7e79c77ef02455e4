"""Lists, a page at a time: searching, sorting and counting, the same way for every noun."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from ..domain.paging import PageQuery
from ..domain.problems import Invalid
from .unit_of_work import UnitOfWork


def findable(reference: str) -> bool:
    """Whether a database could hold the text at all: PostgreSQL refuses even to look for a NUL."""
    return "\0" not in reference


def matching(search: str, *columns: Any) -> sa.ColumnElement[bool]:
    """Whether any of the columns holds the text, in any case. No text matches everything."""
    if not search:
        return sa.true()
    # SQLite folds the case of ASCII alone: the text as it was written must be found too
    return sa.or_(
        *(sa.func.lower(c).contains(search.lower(), autoescape=True) for c in columns),
        *(c.contains(search, autoescape=True) for c in columns),
    )


def page(
    uow: UnitOfWork,
    statement: sa.Select[*tuple[Any, ...]],
    query: PageQuery,
    *,
    sorts: Mapping[str, Any],
    default: str,
    key: Any,
    counted: sa.Select[int] | None = None,
) -> tuple[Sequence[Any], int]:
    """The rows of one page of ``statement``, and how many there are in all.

    ``sorts`` maps what may be said in ``sort`` to columns; ``default`` is one of its keys, ``-`` before it for the
    other direction; ``key`` is a unique column that settles ties, so that no row is on two pages; ``counted`` counts
    the rows where that needs less than the statement. Rows of a single
    entity come as that entity. Raises ``Invalid`` for another word.
    """
    word = query.sort or default
    column = sorts.get(word.removeprefix("-"))
    if column is None:
        raise Invalid.field("sort", f"cannot sort by {word!r}", f"use one of {', '.join(sorts)}")
    # databases differ in where they put nulls
    order = column.desc().nulls_last() if word.startswith("-") else column.asc().nulls_last()
    if counted is None:
        counted = sa.select(sa.func.count()).select_from(statement.order_by(None).subquery())
    total = uow.session.scalar(counted) or 0
    rows = uow.session.execute(statement.order_by(order, key).limit(query.page_size).offset(query.offset))
    return rows.scalars().all() if len(statement.column_descriptions) == 1 else rows.all(), total
