"""One platform in one namespace for all tests of this folder; each test uses people of its own."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.support.cluster import Namespace, foreign_image, own_namespace, require_cluster

from .platform import ClusterPlatform, running_platform


@pytest.fixture(scope="session")
def namespace() -> Iterator[Namespace]:
    """A namespace of a real cluster."""
    require_cluster()
    foreign_image()
    with own_namespace() as found:
        yield found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def platform(tmp_path_factory: pytest.TempPathFactory, namespace: Namespace) -> AsyncIterator[ClusterPlatform]:
    """The hub with its services."""
    async with running_platform(tmp_path_factory.mktemp("cluster"), namespace) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="session")
async def person(platform: ClusterPlatform) -> AsyncIterator[str]:
    """The name of a member of the first group, whom nobody else uses; no notebook is left after their test."""
    yield await platform.person(f"p_{uuid.uuid4().hex[:8]}")
    await platform.end_notebooks()
