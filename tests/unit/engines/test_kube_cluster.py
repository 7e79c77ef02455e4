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
