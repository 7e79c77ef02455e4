"""Whether an idle notebook is to be stopped, where the clock leaps."""

from __future__ import annotations

import httpx
import pytest

from primehub_services.api.leaps import UNTIL_HEARD, Leaps
from primehub_services.domain.claims import MachineCapacity
from primehub_services.domain.handshake import ClaimEvent, ClaimRequest
from primehub_services.domain.launch import LaunchRequest
from primehub_services.domain.system import SystemSettingsUpdate
from primehub_services.operations import claims, notebooks, system
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support import factories
from tests.support.api import Api
from tests.support.clock import FixedClock
from tests.support.factories import Cast

People = dict[str, httpx.AsyncClient]


@pytest.fixture
def leaping(api: Api, cast: Cast, clock: FixedClock) -> FixedClock:
    """The clock of a platform on which ann's notebook runs, and is idle after ten minutes."""

    def fill(uow: UnitOfWork) -> None:
        factories.instance_type(uow)
        factories.image(uow)
        system.update(uow, cast.platform_admin, SystemSettingsUpdate(version=0, idle_timeout=600, idle_warning=60))

    database = api.context.database
    database.write_now(fill)
    request = LaunchRequest(group="research", instance_type="cpu-1", image="base")
    started = database.write_now(notebooks.start, cast.member, request, MachineCapacity())
    asked = ClaimRequest(user="ann", user_options={"start_id": started.id})
    database.write_now(claims.claim, cast.spawner, asked, MachineCapacity())
    database.write_now(claims.event, cast.spawner, started.id, ClaimEvent(event="ready", url="/user/ann/"))
    api.context.leaps = Leaps(lambda: clock().timestamp(), clock.steady)
    return clock


async def culled(people: People) -> bool:
    answer = (await people["culler"].get("/culling/decisions?user=ann")).json()
    return bool(answer["cull"])


async def test_a_notebook_that_was_idle_for_long_is_culled(people: People, leaping: FixedClock) -> None:
    leaping.advance(599)
    assert not await culled(people)
    leaping.advance(2)
    assert await culled(people)


async def test_after_a_leap_of_the_clock_nothing_is_culled_until_it_is_known_who_works(
    people: People, leaping: FixedClock
) -> None:
    leaping.advance(300)
    assert not await culled(people)
    leaping.set_by(3600)
    assert not await culled(people)
    leaping.advance(UNTIL_HEARD - 1)
    assert not await culled(people)
    leaping.advance(2)
    assert await culled(people)


async def test_a_clock_that_is_set_back_or_a_little_forward_is_no_leap(people: People, leaping: FixedClock) -> None:
    leaping.advance(700)
    leaping.set_by(-10)
    assert await culled(people)
    leaping.set_by(30)
    assert await culled(people)
