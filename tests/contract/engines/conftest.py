"""Every engine goes through every test here."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.contract.engines.rigs import RIGS, Rig
from tests.support.sandbox import plain_python

__all__ = ["plain_python", "rig"]


MARKS = {"kubernetes": pytest.mark.cluster}


@pytest.fixture(params=[pytest.param(name, marks=MARKS.get(name, ())) for name in sorted(RIGS)])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    """An engine with nothing in it."""
    async with RIGS[request.param](request) as made:
        yield made
