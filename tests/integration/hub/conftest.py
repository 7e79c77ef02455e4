"""One hub for all tests of this folder; each test uses people of its own."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from .fake_api import FakeApi, Person
from .harness import Browser, Hub, running_hub


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Hub, FakeApi]]:
    """The hub and its fake API."""
    async with running_hub(tmp_path_factory.mktemp("hub")) as both:
        yield both


@pytest.fixture
def hub(shared: tuple[Hub, FakeApi]) -> Hub:
    """The hub."""
    return shared[0]


@pytest.fixture
def api(shared: tuple[Hub, FakeApi]) -> Iterator[FakeApi]:
    """The fake API, put back into its usual mood afterwards."""
    fake = shared[1]
    yield fake
    fake.refuse, fake.away, fake.locked = None, False, 0
    fake.slow_plans = fake.dying_plans = False
    fake.environment, fake.branding = {}, {}


@pytest.fixture
def person(api: FakeApi) -> str:
    """The name of somebody with an account that nobody else uses."""
    name = f"p{uuid.uuid4().hex[:10]}"
    api.people[name] = Person()
    return name


@pytest_asyncio.fixture(loop_scope="session")
async def browser(hub: Hub) -> AsyncIterator[Browser]:
    """A browser with nobody signed in."""
    async with Browser(hub) as opened:
        yield opened
