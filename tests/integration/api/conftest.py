"""One platform for all tests of this folder; each test uses people of its own."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from .platform import ApiHub, Person, first_admin, new_person, running_platform


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def platform(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ApiHub]:
    """The hub with its services."""
    async with running_platform(tmp_path_factory.mktemp("platform")) as hub:
        yield hub


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def admin(platform: ApiHub) -> AsyncIterator[Person]:
    """The first administrator."""
    person = await first_admin(platform)
    yield person
    await person.aclose()


@pytest.fixture
def name() -> str:
    """A name that nobody else has."""
    return f"p{uuid.uuid4().hex[:10]}"


@pytest_asyncio.fixture(loop_scope="session")
async def person(platform: ApiHub, admin: Person, name: str) -> AsyncIterator[Person]:
    """A member of the first group, signed in."""
    found = await new_person(platform, admin, name, "research")
    yield found
    await found.aclose()
