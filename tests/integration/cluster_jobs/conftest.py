"""One platform whose jobs are pods of a namespace of its own, for all tests of this folder."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from .platform import Bench, running_bench


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def bench(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    """The platform, with a person in a group, an image and sizes."""
    async with running_bench(tmp_path_factory.mktemp("jobs-on-cluster")) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="session")
async def over(bench: Bench) -> AsyncIterator[None]:
    """The test leaves no job to the next."""
    yield
    await bench.end_all()
