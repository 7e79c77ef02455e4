"""When a provider is asked again about somebody, and what each of its answers means for them."""

from __future__ import annotations

import asyncio
import base64
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from jupyterhub.crypto import CryptKeeper

from hub_config import confirmations
from hub_config.confirmations import RETRY, Confirmations, Grant, Refused
from primehub_services.client import ApiClient
from primehub_services.client.accounts import AccountsClient
from primehub_services.domain.handshake import ProviderSignIn

ISSUER = "https://id"
EVERY, AT_MOST = 300, 3600


@pytest.fixture(autouse=True)
def _key() -> Iterator[None]:
    CryptKeeper.instance().keys = [b"k" * 32]
    yield
    CryptKeeper.clear_instance()


class Clock:
    """Both of the process's clocks, which the tests set."""

    def __init__(self) -> None:
        self.now = 5000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now + 1e9


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(confirmations, "time", made)
    return made


class User:
    """As the hub has one."""

    name = "ann"

    def __init__(self) -> None:
        self.kept: Any = None
        self.orm_user = SimpleNamespace(id=1, cookie_id="before")
        none = SimpleNamespace(filter_by=lambda **_: ())
        self.db = SimpleNamespace(query=lambda _: none, commit=lambda: None)

    async def get_auth_state(self) -> Any:
        return self.kept

    async def save_auth_state(self, state: Any) -> None:
        self.kept = state


@dataclass
class World:
    """Ann, her provider, and PrimeHub's API."""

    clock: Clock
    issuer: str = ISSUER
    user: User = field(default_factory=User)
    trouble: Exception | None = None
    asked: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    api_status: int = 200
    vouched_name: str = "ann"
    confirmations: Any = None
    under_way: asyncio.Event | None = None
    """Set when the provider was asked; it then waits for ``go_on``."""
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def renewed(self, grant: Grant) -> dict[str, Any]:
        self.asked.append(grant.refresh_token)
        await asyncio.sleep(0)
        if self.under_way is not None:
            self.under_way.set()
            await self.go_on.wait()
        if self.trouble is not None:
            raise self.trouble
        return {"access_token": "a", "refresh_token": f"{grant.refresh_token}+"}

    async def person(self, tokens: dict[str, Any], grant: Grant) -> ProviderSignIn:
        return ProviderSignIn(issuer=ISSUER, subject=grant.subject, username="ann", renewal=True)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.told.append(request.url.path.rpartition("/")[2])
        if self.api_status != 200:
            return httpx.Response(self.api_status, json={"code": "x", "status": self.api_status})
        state = {"name": self.vouched_name, "display_name": "", "enabled": True, "platform_admin": False}
        return httpx.Response(200, json=state | {"must_change_password": False, "groups": []})

    def restart(self) -> None:
        """The hub's: what is in memory is forgotten."""
        accounts = AccountsClient(ApiClient("http://api", "t", transport=httpx.MockTransport(self.answer)))
        log = logging.getLogger("test")
        self.confirmations = Confirmations(self, accounts, every=EVERY, at_most=AT_MOST, log=log)

    async def sign_in(self, **changes: Any) -> None:
        grant = replace(Grant(ISSUER, "s1", "r", lasting=True, confirmed_at=self.clock.time()), **changes)
        self.user.kept = await grant.sealed()
        self.confirmations.signed_in("ann", grant)

    async def hold(self) -> bool:
        held: bool = await self.confirmations.hold(self.user)
        return held


@pytest.fixture
async def world(clock: Clock) -> World:
    made = World(clock)
    made.restart()
    await made.sign_in()
    return made


async def test_the_provider_is_asked_when_it_is_time_and_once_for_all_that_wait(world: World) -> None:
    assert await world.hold()
    world.clock.now += EVERY - 1
    assert await world.hold()
    assert world.asked == []
    world.clock.now += 1
    assert await asyncio.gather(*(world.hold() for _ in range(5))) == [True] * 5
    assert (world.asked, world.told) == (["r"], ["provider-sign-in"])


async def test_a_new_refresh_token_takes_the_place_of_the_old_one(world: World) -> None:
    for _ in range(2):
        world.clock.now += EVERY
        await world.hold()
    assert world.asked == ["r", "r+"]


async def test_a_hub_that_was_started_anew_asks_nobody_too_early(world: World) -> None:
    world.clock.now += EVERY - 1
    world.restart()
    assert await world.hold()
    assert world.asked == []
    world.clock.now += 2
    assert await world.hold()
    assert world.asked == ["r"]


async def test_who_is_refused_is_out_until_they_sign_in(world: World) -> None:
    world.clock.now += EVERY
    world.trouble = Refused("no")
    assert not await world.hold()
    assert world.confirmations.is_out("ann")
    assert (world.told, world.user.kept) == (["provider-refusal"], None)
    assert world.user.orm_user.cookie_id != "before"
    world.trouble = None
    world.restart()
    assert not await world.hold()
    assert world.asked == ["r"]
    await world.sign_in()
    assert await world.hold()


async def test_the_end_of_a_grant_that_goes_with_the_session_ends_access_and_nothing_that_runs(world: World) -> None:
    await world.sign_in(lasting=False)
    world.clock.now += EVERY
    world.trouble = Refused("the session is over")
    assert not await world.hold()
    assert world.told == []


async def test_a_refusal_that_the_api_could_not_be_told_is_told_later(world: World) -> None:
    world.clock.now += EVERY
    world.trouble, world.api_status = Refused("no"), 503
    assert not await world.hold()
    world.clock.now += RETRY
    world.api_status = 200
    assert not await world.hold()
    assert (world.told, world.user.kept) == (["provider-refusal"] * 2, None)


@pytest.mark.parametrize("trouble", [OSError("refused"), ValueError("no JSON"), RuntimeError("503")])
async def test_while_the_provider_is_away_who_was_confirmed_goes_on_for_a_bounded_time(
    world: World, trouble: Exception
) -> None:
    world.trouble = trouble
    world.clock.now += EVERY
    assert await world.hold()
    assert await world.hold()
    assert len(world.asked) == 1
    world.clock.now += AT_MOST - EVERY
    assert not await world.hold()
    world.clock.now += RETRY
    world.trouble = None
    assert await world.hold()


async def test_who_gave_no_way_to_ask_signs_in_again_after_the_same_time(world: World) -> None:
    await world.sign_in(refresh_token="", lasting=False)
    world.clock.now += AT_MOST - 1
    assert await world.hold()
    world.clock.now += 1
    assert not await world.hold()
    assert world.asked == []


@pytest.mark.parametrize("status", [403, 404, 409])
async def test_whom_the_api_does_not_let_in_is_out(world: World, status: int) -> None:
    world.clock.now += EVERY
    world.api_status = status
    assert not await world.hold()


async def test_a_grant_of_somebody_else_is_worth_nothing(world: World) -> None:
    world.clock.now += EVERY
    world.vouched_name = "bob"
    assert not await world.hold()


async def test_an_api_that_is_away_throws_nobody_out(world: World) -> None:
    world.clock.now += EVERY
    world.api_status = 503
    assert await world.hold()


@pytest.mark.parametrize("kept", [None, {}, {"sealed": "nonsense"}, {"sealed": 1}])
async def test_who_left_no_grant_must_sign_in(world: World, kept: Any) -> None:
    world.restart()
    world.user.kept = kept
    assert not await world.hold()


async def test_a_sign_in_during_the_question_counts_more_than_its_answer(world: World) -> None:
    world.clock.now += EVERY
    world.trouble, world.under_way = Refused("the old one"), asyncio.Event()
    question = asyncio.create_task(world.hold())
    await world.under_way.wait()
    await world.sign_in()
    world.go_on.set()
    assert await question
    assert world.user.kept is not None


async def test_what_is_kept_can_be_read_by_nobody(world: World) -> None:
    assert set(world.user.kept) == {"sealed"}
    sealed = world.user.kept["sealed"].encode()
    for text in (sealed, base64.urlsafe_b64decode(sealed)):
        assert ISSUER.encode() not in text


async def test_also_who_does_nothing_is_asked_about(world: World) -> None:
    rows = [SimpleNamespace(id=1)]
    query = SimpleNamespace(filter=lambda _: rows)
    app = SimpleNamespace(db=SimpleNamespace(query=lambda _: query), users={1: world.user})
    world.clock.now += confirmations.EVERYBODY - 1
    await world.confirmations.look(app)
    assert world.asked == []
    world.clock.now += 1
    await world.confirmations.look(app)
    assert world.asked == ["r"]


def test_only_a_grant_that_outlives_the_session_is_lasting() -> None:
    request = ProviderSignIn(issuer=ISSUER, subject="s1", username="ann")
    asked = ["openid", "offline_access"]
    assert Grant.of(request, {"refresh_token": "r"}, asked).lasting
    assert not Grant.of(request, {"refresh_token": "r", "scope": "openid"}, asked).lasting
    assert not Grant.of(request, {"scope": "openid offline_access"}, asked).lasting
    assert abs(Grant.of(request, {}, asked).confirmed_at - time.time()) < 60
