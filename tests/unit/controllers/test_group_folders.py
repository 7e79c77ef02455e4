"""A folder that the cluster cannot make is told at its group, before anybody's start would wait for it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from primehub_services.controllers import GroupFolderController
from primehub_services.controllers.claims import PATIENCE
from primehub_services.controllers.ports import EngineUnavailable
from primehub_services.domain.groups import GroupUpdate
from primehub_services.domain.pods import ClaimNeed
from primehub_services.operations import groups
from primehub_services.store.database import Database
from tests.support.clock import FixedClock
from tests.support.factories import Cast

WHY = "its storage cannot be made: only ReadWriteOnce is supported"
SAID = "Its storage cannot be made: only ReadWriteOnce is supported."


class Folders:
    """A cluster that says what it is told to."""

    def __init__(self) -> None:
        self.said: dict[str, str] = {}
        self.asked: list[str] = []
        self.away = False

    async def trouble(self, need: ClaimNeed) -> str:
        if self.away:
            raise EngineUnavailable("the cluster does not answer")
        self.asked.append(need.name)
        return self.said.get(need.name, "")


def problem(database: Database, cast: Cast) -> str:
    return database.read_now(groups.get, cast.platform_admin, "research").folder_problem


async def test_a_folder_that_cannot_be_made_is_told_until_it_can_and_spoils_no_edit(
    database: Database, cast: Cast, clock: FixedClock
) -> None:
    folders = Folders()
    controller = GroupFolderController(database, folders)
    version = database.read_now(groups.get, cast.platform_admin, "research").version
    folders.said = {"project-research": "its claim is not bound to a volume yet"}
    await controller.step(clock.now)
    await controller.step(clock.now + PATIENCE - timedelta(seconds=1))
    assert problem(database, cast) == "", "a claim that was made just now is not bound yet"
    await controller.step(clock.now + PATIENCE)
    assert problem(database, cast) == "Its claim is not bound to a volume yet."

    folders.said = {"project-research": WHY}
    await controller.step(clock.now)
    assert problem(database, cast) == SAID
    change = GroupUpdate(version=version, description="new")
    assert database.write_now(groups.update, cast.platform_admin, "research", change).folder_problem == SAID

    folders.away = True
    with pytest.raises(EngineUnavailable):
        await controller.step(clock.now)
    assert problem(database, cast) == SAID

    folders.away, folders.said = False, {}
    await controller.step(clock.now)
    assert problem(database, cast) == ""


async def test_a_claim_that_waits_again_has_its_time_again(database: Database, cast: Cast, clock: FixedClock) -> None:
    folders = Folders()
    controller = GroupFolderController(database, folders)
    waits = {"project-research": "its claim is not bound to a volume yet"}
    for said, seconds in ((waits, 0), ({}, 5), (waits, 12)):
        folders.said = said
        await controller.step(clock.now + timedelta(seconds=seconds))
    assert problem(database, cast) == ""


async def test_a_group_without_a_folder_is_not_looked_at(database: Database, cast: Cast, clock: FixedClock) -> None:
    folders = Folders()
    controller = GroupFolderController(database, folders)
    await controller.step(clock.now)
    assert folders.asked.count("project-research") == 1
    version = database.read_now(groups.get, cast.platform_admin, "research").version
    off = GroupUpdate(version=version, shared_volume=False)
    database.write_now(groups.update, cast.platform_admin, "research", off)
    await controller.step(clock.now)
    assert folders.asked.count("project-research") == 1
