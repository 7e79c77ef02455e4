"""What the API server's refusals mean."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from primehub_services.engines.base import EngineUnavailable
from primehub_services.engines.kubernetes.cluster import Cluster

CLAIM = {"kind": "PersistentVolumeClaim", "metadata": {"name": "project-team"}}


class Refusing:
    """An API server that has a conflict with everything, for this reason."""

    def __init__(self, reason: str) -> None:
        self._status = {"reason": reason, "message": "said why"}

    async def param_serialize(self, *_: Any, **__: Any) -> tuple[()]:
        return ()

    async def call_api(self, *_: Any, **__: Any) -> Any:
        async def text() -> str:
            return json.dumps(self._status)

        return SimpleNamespace(response=SimpleNamespace(status=409, text=text))


async def test_what_is_there_already_is_told_from_a_conflict_that_is_worth_another_try() -> None:
    there = Cluster(Refusing("AlreadyExists"), "primehub")  # type: ignore[arg-type]
    assert await there.create(CLAIM) is None
    # as when many are made at once under a quota
    conflict = Cluster(Refusing("Conflict"), "primehub")  # type: ignore[arg-type]
    with pytest.raises(EngineUnavailable, match="said why"):
        await conflict.create(CLAIM)
    with pytest.raises(EngineUnavailable, match="said why"):
        await conflict.apply(CLAIM)


class Pages:
    """An API server that answers one after the other: a status, and what it says."""

    def __init__(self, *answers: tuple[int, dict[str, Any]]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def param_serialize(self, *_: Any, query_params: list[tuple[str, str]], **__: Any) -> tuple[()]:
        self.asked.append(dict(query_params).get("continue", ""))
        return ()

    async def call_api(self, *_: Any, **__: Any) -> Any:
        status, body = self._answers.pop(0)

        async def text() -> str:
            return json.dumps(body)

        async def read(**_: Any) -> dict[str, Any]:
            return body

        answer = SimpleNamespace(status=status, text=text, json=read, release=lambda: None)
        return SimpleNamespace(response=answer)


def page(name: str, more: str = "") -> tuple[int, dict[str, Any]]:
    return 200, {"items": [{"metadata": {"name": name}}], "metadata": {"continue": more, "resourceVersion": "7"}}


GONE = (410, {"reason": "Expired", "message": "The provided continue parameter is too old"})


async def test_a_list_whose_pages_are_forgotten_is_begun_anew_once() -> None:
    pages = Pages(page("a", "next"), GONE, page("a", "next"), page("b"))
    items, version = await Cluster(pages, "primehub").list_("Pod", {})  # type: ignore[arg-type]
    assert ([item["metadata"]["name"] for item in items], version) == (["a", "b"], "7")
    assert pages.asked == ["", "next", "", "next"]
    pages = Pages(page("a", "next"), GONE, page("a", "next"), GONE)
    with pytest.raises(EngineUnavailable, match="too old"):
        await Cluster(pages, "primehub").list_("Pod", {})  # type: ignore[arg-type]
