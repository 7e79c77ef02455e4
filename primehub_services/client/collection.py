"""One noun of the API: what every noun can be asked."""

from __future__ import annotations

from typing import Any, Generic, TypeVar
from urllib.parse import quote

from pydantic import BaseModel

from ..domain.paging import Page
from .base import ApiClient

M = TypeVar("M", bound=BaseModel)
PAGE_SIZE = 200


def given(query: dict[str, Any]) -> dict[str, Any]:
    """The parts of a query that were given: none is sent for what is left out."""
    return {key: value for key, value in query.items() if value is not None}


class Collection(Generic[M]):
    """One noun of the API. ``ref`` is a slug, a name, or an id. Every method raises ``ApiProblem``."""

    def __init__(self, client: ApiClient, path: str, model: type[M]) -> None:
        self._client = client
        self._path = path
        self._model = model

    def path(self, ref: str) -> str:
        """The path of one thing."""
        return f"{self._path}/{quote(ref, safe='')}"

    async def page(self, **query: Any) -> Page[M]:
        """One page; ``query`` is as in the API (``page``, ``page_size``, ``search``, ``sort``, ...)."""
        answer = await self._client.call("GET", self._path, query=given(query))
        page: Page[M] = self._client.read(Page[self._model], answer)  # type: ignore[name-defined]  # made at run time
        return page

    async def all(self, **query: Any) -> list[M]:
        """Every one, page after page."""
        items: list[M] = []
        number = 1
        while True:
            page = await self.page(**{"page_size": PAGE_SIZE, **query, "page": number})
            items += page.items
            if not page.items or len(items) >= page.total:
                return items
            number += 1

    async def get(self, ref: str) -> M:
        """One."""
        return await self._read("GET", self.path(ref))

    async def create(self, body: BaseModel | dict[str, Any]) -> M:
        """A new one."""
        return await self._read("POST", self._path, body=body)

    async def update(self, ref: str, changes: dict[str, Any]) -> M:
        """Change the given fields. Where they hold no ``version``, that of now is meant: the last change wins."""
        if "version" not in changes:
            now = await self.get(ref)
            changes = {**changes, "version": now.model_dump()["version"]}
        return await self._read("PATCH", self.path(ref), body=changes)

    async def delete(self, ref: str) -> None:
        """Delete it."""
        await self._client.call("DELETE", self.path(ref))

    async def _read(self, method: str, path: str, body: Any = None) -> M:
        return await self._client.fetch(self._model, method, path, body=body)
