"""Folders are made, repositories are fetched again and again, and what fails is said and tried again."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from primehub_services.controllers.volumes import AT_ONCE, FETCH_EVERY, VolumeController
from primehub_services.domain.paging import PageQuery
from primehub_services.domain.secrets import SecretCreate, SecretUpdate
from primehub_services.domain.volumes import FETCHING, GitSource, Volume, VolumeCreate, VolumeUpdate
from primehub_services.engines.base import VolumeFailed
from primehub_services.operations import audit, secrets, volumes
from primehub_services.store.crypto import Keyring
from primehub_services.store.database import Database
from primehub_services.store.orm import SecretRow
from tests.support.clock import FixedClock
from tests.support.factories import Cast
from tests.support.waiting import wait_for_async

POLICY = volumes.local_policy([], Path("/no/data"))
URL = "https://git.example.org/team/code.git"
COMMIT, NEXT = "a" * 40, "b" * 40


class Engine:
    """Volumes of an engine; answers what it is told to."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.asked: list[tuple[str, str, str | None]] = []
        self.answer: str | Exception = COMMIT
        self.slow: dict[str, asyncio.Event] = {}
        self.cancelled: list[str] = []
        self.at_once = self.most = 0

    async def provision(self, slug: str) -> None:
        self.made.append(slug)
        if isinstance(self.answer, Exception):
            raise self.answer

    async def fetch(self, slug: str, source: GitSource, secret: str | None) -> str:
        self.asked.append((slug, source.url, secret))
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            if slug in self.slow:
                await self.slow[slug].wait()
        except asyncio.CancelledError:
            self.cancelled.append(slug)
            raise
        finally:
            self.at_once -= 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    return Keyring.load_or_create(tmp_path / "key")


class World:
    """A store, an engine, a controller, and a clock that stands still until it is moved."""

    def __init__(self, database: Database, cast: Cast, clock: FixedClock, keyring: Keyring) -> None:
        self.database, self.cast, self.clock, self.keyring = database, cast, clock, keyring
        self.engine = Engine()
        self.controller = VolumeController(database, self.engine, keyring, clock=clock)

    def make(self, name: str = "code", **source: Any) -> Volume:
        spec = VolumeCreate.model_validate(
            {"name": name, "source": source or {"type": "git", "url": URL}, "all_groups": True}
        )
        return self.database.write_now(volumes.create, self.cast.platform_admin, spec, policy=POLICY)

    def change(self, slug: str = "code", **source: Any) -> Volume:
        change = VolumeUpdate.model_validate({"version": self.volume(slug).version, "source": source})
        return self.database.write_now(volumes.update, self.cast.platform_admin, slug, change, policy=POLICY)

    def volume(self, slug: str = "code") -> Volume:
        return self.database.read_now(volumes.get, self.cast.platform_admin, slug)

    async def step(self, after: timedelta = timedelta(0)) -> None:
        self.clock.advance(after.total_seconds())
        await self.controller.step(self.clock.now)
        await self.controller.idle()


@pytest.fixture
def world(database: Database, cast: Cast, clock: FixedClock, keyring: Keyring) -> World:
    return World(database, cast, clock, keyring)


async def test_a_new_repository_is_left_out_until_it_was_fetched(world: World) -> None:
    assert world.make().message == FETCHING
    await world.step()
    found = world.volume()
    assert found.message == ""
    assert found.content is not None
    assert (found.content.commit, found.content.problem) == (COMMIT, "")
    assert found.version == 1, "an administrator's edit is not in vain for it"


async def test_it_is_fetched_again_after_ten_minutes_and_no_sooner(world: World) -> None:
    world.make()
    await world.step()
    await world.step(FETCH_EVERY - timedelta(seconds=1))
    assert len(world.engine.asked) == 1
    world.engine.answer = NEXT
    await world.step(timedelta(seconds=1))
    assert len(world.engine.asked) == 2
    content = world.volume().content
    assert content is not None
    assert content.commit == NEXT


async def test_one_that_took_long_rests_as_long_as_any_other(world: World) -> None:
    world.make()
    world.engine.slow["code"] = asyncio.Event()
    await world.controller.step(world.clock.now)
    await wait_for_async(lambda: world.engine.asked, what="it is being fetched")
    world.clock.advance(2 * FETCH_EVERY.total_seconds())
    world.engine.slow["code"].set()
    await world.controller.idle()
    await world.step(FETCH_EVERY - timedelta(seconds=1))
    assert len(world.engine.asked) == 1
    await world.step(timedelta(seconds=1))
    assert len(world.engine.asked) == 2


async def test_a_failure_is_said_and_tried_again_later_and_later(world: World) -> None:
    world.make()
    world.engine.answer = VolumeFailed("The server does not answer.")
    await world.step()
    assert world.volume().message == "The server does not answer."
    tries = []
    for second in range(0, 1800, 5):
        before = len(world.engine.asked)
        await world.step(timedelta(seconds=5))
        if len(world.engine.asked) > before:
            tries.append(second + 5)
    assert [after - before for before, after in zip([0, *tries], tries, strict=False)] == [
        15,
        30,
        60,
        120,
        240,
        480,
        600,
    ]
    world.engine.answer = COMMIT
    await world.step(FETCH_EVERY)
    assert world.volume().message == ""


async def test_what_is_shown_stays_in_launches_while_its_repository_is_away(world: World) -> None:
    world.make()
    await world.step()
    world.engine.answer = VolumeFailed("The server does not answer.")
    await world.step(FETCH_EVERY)
    found = world.volume()
    assert found.message == ""
    assert found.content is not None
    assert (found.content.commit, found.content.problem) == (COMMIT, "The server does not answer.")
    world.engine.answer = COMMIT
    await world.step(FETCH_EVERY)
    content = world.volume().content
    assert content is not None
    assert content.problem == ""


async def test_another_url_is_fetched_at_once_and_left_out_until_it_was(world: World) -> None:
    world.make()
    await world.step()
    changed = world.change(type="git", url=f"{URL}2")
    assert (changed.message, changed.content) == (FETCHING, None)
    await world.step()
    assert [url for _, url, _ in world.engine.asked] == [URL, f"{URL}2"]
    assert world.volume().message == ""


async def test_what_came_of_an_earlier_url_is_not_written_down(world: World) -> None:
    world.make()
    world.engine.slow["code"] = asyncio.Event()
    await world.controller.step(world.clock.now)
    await wait_for_async(lambda: world.engine.asked)
    world.change(type="git", url=f"{URL}2")
    world.engine.slow["code"].set()
    await world.controller.idle()
    assert world.volume().message == FETCHING


async def test_a_deleted_volume_is_fetched_no_more(world: World) -> None:
    world.make()
    world.engine.slow["code"] = asyncio.Event()
    await world.controller.step(world.clock.now)
    await wait_for_async(lambda: world.engine.asked)
    world.database.write_now(volumes.delete, world.cast.platform_admin, "code")
    await world.controller.step(world.clock.now)
    await wait_for_async(lambda: world.engine.cancelled == ["code"])
    await world.step(FETCH_EVERY)
    assert len(world.engine.asked) == 1


async def test_a_slow_repository_holds_up_no_other_and_only_a_few_are_fetched_at_once(world: World) -> None:
    world.make("slow")
    world.engine.slow["slow"] = asyncio.Event()
    for number in range(AT_ONCE + 2):
        world.make(f"code-{number}")
    await world.controller.step(world.clock.now)
    await wait_for_async(lambda: len(world.engine.asked) == AT_ONCE + 3)
    assert world.engine.most <= AT_ONCE
    assert world.volume("code-0").message == ""
    world.engine.slow["slow"].set()
    await world.controller.idle()


async def test_the_secret_is_given_to_the_engine_and_a_new_value_is_tried_at_once(world: World) -> None:
    spec = SecretCreate.model_validate({"name": "key", "kind": "git", "value": "token-1"})
    made = world.database.write_now(secrets.create, world.cast.platform_admin, spec, keyring=world.keyring)
    world.make(type="git", url=URL, secret="key")
    world.engine.answer = VolumeFailed("The server refuses the sign-in.")
    await world.step()
    world.clock.advance(1)
    change = SecretUpdate.model_validate({"version": made.version, "value": "token-2"})
    world.database.write_now(secrets.update, world.cast.platform_admin, "key", change, keyring=world.keyring)
    world.engine.answer = COMMIT
    await world.step()
    assert [secret for _, _, secret in world.engine.asked] == ["token-1", "token-2"]
    events = world.database.read_now(audit.list_, world.cast.platform_admin, PageQuery()).items
    assert "token-" not in " ".join(event.model_dump_json() for event in events)


async def test_a_secret_that_is_gone_is_told_without_its_name(world: World) -> None:
    spec = SecretCreate.model_validate({"name": "key-of-the-lab", "kind": "git", "value": "token-1"})
    world.database.write_now(secrets.create, world.cast.platform_admin, spec, keyring=world.keyring)
    world.make(type="git", url=URL, secret="key-of-the-lab")
    world.database.write_now(
        lambda uow: uow.session.execute(sa.update(SecretRow).values(deleted_at=uow.now, updated_at=uow.now))
    )
    await world.step()
    assert "secret of kind git" in world.volume().message
    assert "key-of-the-lab" not in world.volume().message


async def test_every_change_of_what_is_shown_is_audited_once(world: World) -> None:
    world.make()
    for answer in (COMMIT, COMMIT, NEXT, VolumeFailed("away"), VolumeFailed("away"), NEXT):
        world.engine.answer = answer
        await world.step(FETCH_EVERY)
    events = world.database.read_now(audit.list_, world.cast.platform_admin, PageQuery()).items
    told = [(e.action, e.details) for e in reversed(events) if e.action.startswith("volume.fetch")]
    assert told == [
        ("volume.fetch", {"commit": COMMIT}),
        ("volume.fetch", {"commit": NEXT}),
        ("volume.fetch-failed", {"problem": "away"}),
    ]


async def test_the_folder_of_a_pvc_is_made_and_a_failure_said(world: World) -> None:
    world.make("corpus", type="pvc", capacity=5)
    world.engine.answer = VolumeFailed("The disk is full.")
    await world.step()
    assert world.volume("corpus").message == "The disk is full."
    world.engine.answer = COMMIT
    await world.step(timedelta(seconds=15))
    assert world.engine.made == ["corpus", "corpus"]
    assert world.volume("corpus").message == ""


async def test_a_clock_that_was_set_back_puts_off_no_fetch(world: World) -> None:
    world.make()
    await world.step()
    world.clock.set_by(-3600)
    await world.step()
    assert len(world.engine.asked) == 2
    await world.step(FETCH_EVERY - timedelta(seconds=1))
    assert len(world.engine.asked) == 2
    await world.step(timedelta(seconds=1))
    assert len(world.engine.asked) == 3
