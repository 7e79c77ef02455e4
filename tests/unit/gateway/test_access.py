"""Who is let in, for how long an answer is good, and what happens while the API is away."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from primehub_services.client.base import ApiProblem
from primehub_services.client.routes import RoutesClient
from primehub_services.domain.problems import Forbidden, NotFound, Problem, Unauthenticated, Unavailable
from primehub_services.domain.routes import Access, Caller, Route
from primehub_services.gateway.access import GRACE, KEPT, Gate

PATH = "/research/iris/"
ROUTE = Route(id="r", prefix=PATH, target="http://a:1", group="research")


@dataclass
class Api(RoutesClient):
    """What the API says of each token; 200 lets in, 0 is no answer."""

    says: dict[str, int] = field(default_factory=dict)
    asked: int = 0
    slow: asyncio.Event | None = None

    async def caller(self, group: str, token: str) -> Caller:
        """See ``RoutesClient``."""
        self.asked += 1
        if self.slow is not None:
            await self.slow.wait()
        status = self.says.get(token, 401)
        if status != 200:
            raise ApiProblem(status, "code", "The token lacks a scope.", {})
        return Caller(name="ann")


class Clock:
    """Seconds that the test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def api() -> Api:
    """An API that lets ann in."""
    return Api({"ann": 200, "olga": 404, "narrow": 403, "old": 401})


@pytest.fixture
def clock() -> Clock:
    """A clock."""
    return Clock()


@pytest.fixture
def gate(api: Api, clock: Clock) -> Gate:
    """A gate that asks it."""
    return Gate(api, clock=clock)


async def test_members_are_let_in_and_are_asked_about_once_for_a_while(gate: Gate, api: Api, clock: Clock) -> None:
    for _ in range(3):
        assert await gate.check(ROUTE, PATH, "ann") == ROUTE
    assert api.asked == 1
    clock.now += KEPT
    await gate.check(ROUTE, PATH, "ann")
    assert api.asked == 2


@pytest.mark.parametrize(
    ("token", "kind"), [("olga", NotFound), ("narrow", Forbidden), ("old", Unauthenticated), (None, Unauthenticated)]
)
async def test_others_are_told_why_not(gate: Gate, token: str | None, kind: type[Problem]) -> None:
    with pytest.raises(kind):
        await gate.check(ROUTE, PATH, token)


async def test_an_outsider_cannot_tell_a_route_from_none(gate: Gate) -> None:
    said = []
    for route in (ROUTE, None):
        for token in ("olga", None):
            with pytest.raises(Problem) as refusal:
                await gate.check(route, PATH, token)
            said.append((token, type(refusal.value), refusal.value.detail))
    assert said[:2] == said[2:]


async def test_a_public_route_asks_nobody_and_one_with_keys_lets_nobody_in_yet(gate: Gate, api: Api) -> None:
    assert await gate.check(ROUTE.model_copy(update={"access": Access.PUBLIC}), PATH, None)
    with pytest.raises(NotFound):
        await gate.check(ROUTE.model_copy(update={"access": Access.KEY}), PATH, "ann")
    assert api.asked == 0


async def test_who_was_let_in_goes_on_for_a_while_without_the_api_and_nobody_else_comes(
    gate: Gate, api: Api, clock: Clock
) -> None:
    await gate.check(ROUTE, PATH, "ann")
    api.says = {"ann": 0, "bob": 0}
    clock.now += GRACE - 1
    assert await gate.check(ROUTE, PATH, "ann")
    with pytest.raises(Unavailable):
        await gate.check(ROUTE, PATH, "bob")
    clock.now += 2
    with pytest.raises(Unavailable):
        await gate.check(ROUTE, PATH, "ann")


async def test_many_requests_of_one_person_at_once_are_one_question(gate: Gate, api: Api) -> None:
    api.slow = asyncio.Event()
    asking = [asyncio.create_task(gate.check(ROUTE, PATH, "ann")) for _ in range(20)]
    await asyncio.sleep(0)
    asking[0].cancel()  # one that goes away takes nobody with it
    await asyncio.sleep(0)
    api.slow.set()
    assert await asyncio.gather(*asking[1:]) == [ROUTE] * 19
    assert api.asked == 1
