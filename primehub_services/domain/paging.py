"""Lists, a page at a time."""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar

from pydantic import ConfigDict, Field

from .model import Model

T = TypeVar("T")


class PageQuery(Model):
    """Which part of a list: the words of the query string."""

    page: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    page_size: Annotated[int, Field(ge=1, le=200)] = 50
    search: Annotated[str, Field(max_length=200)] = ""
    sort: Annotated[str, Field(max_length=40, pattern=r"^-?[a-z_]*$")] = ""
    """A field's name; ``-`` before it for the other direction."""

    @property
    def offset(self) -> int:
        """Rows before the first of this page."""
        return (self.page - 1) * self.page_size


class Page(Model, Generic[T]):
    """A part of a list, and how long the whole is."""

    # pydantic looks for docstrings in the source line that says Page[...], and trips over long expressions there
    model_config = ConfigDict(use_attribute_docstrings=False)

    items: tuple[T, ...]
    total: int
    page: int
    page_size: int
