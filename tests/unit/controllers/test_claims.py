"""Volumes whose claims an operator binds: what the cluster says of them is told before anybody starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from primehub_services.controllers.claims import PATIENCE, ClaimController
from primehub_services.controllers.ports import EngineUnavailable
from primehub_services.domain.claim_reasons import NOT_YET
from primehub_services.domain.mount_reasons import CANNOT
from primehub_services.domain.paging import PageQuery
from primehub_services.domain.pods import ClaimNeed
from primehub_services.domain.volumes import VolumeCreate
from primehub_services.operations import volumes
from primehub_services.store import volumes as stored
from primehub_services.store.database import Database
from tests.support.clock import FixedClock
from tests.support.factories import Cast


class Claims:
    """A cluster that says what it is told to."""

    def __init__(self) -> None:
        self.said: dict[str, str] = {}
        self.failed: dict[str, str] = {}
        self.asked: list[str] = []
        self.away = False

    async def troubles(self, needs: Sequence[ClaimNeed]) -> Mapping[str, str]:
        if self.away:
            raise EngineUnavailable("the cluster does not answer")
        self.asked = [need.name for need in needs]
        return self.said

    async def unmountable(self, needs: Sequence[ClaimNeed]) -> Mapping[str, str]:
        return {need.name: self.failed[need.name] for need in needs if need.name in self.failed}


def make(database: Database, cast: Cast, name: str, **source: Any) -> None:
    """A volume of a cluster."""
    spec = VolumeCreate.model_validate({"name": name, "source": source, "all_groups": True})
    database.write_now(volumes.create, cast.platform_admin, spec, policy=volumes.cluster_policy("primehub"))


def messages(database: Database, cast: Cast) -> dict[str, str]:
    """What is told of each volume."""
    page = database.read_now(volumes.list_, cast.platform_admin, PageQuery())
    return {volume.name: volume.message for volume in page.items}


async def test_a_claim_that_is_not_bound_is_told_until_it_is(database: Database, cast: Cast, clock: FixedClock) -> None:
    make(database, cast, "share", type="nfs", server="nfs.example.org", path="/data")
    make(database, cast, "given", type="pvc", claim="made-before")
    make(database, cast, "own", type="pvc")
    claims = Claims()
    controller = ClaimController(database, claims)
    claims.said = {"dataset-share": "its claim dataset-share is not in the cluster"}

    await controller.step(clock.now)

    assert claims.asked == ["made-before", "dataset-own", "dataset-share"]
    told = messages(database, cast)
    assert told["share"] == "Its claim dataset-share is not in the cluster."
    assert told["given"] == ""

    claims.said = {}
    await controller.step(clock.now)
    assert messages(database, cast)["share"] == ""


async def test_storage_that_cannot_be_mounted_is_told_of_any_volume_until_it_can(
    database: Database, cast: Cast, clock: FixedClock
) -> None:
    make(database, cast, "share", type="nfs", server="nfs.example.org", path="/data")
    make(database, cast, "own", type="pvc")
    claims = Claims()
    controller = ClaimController(database, claims)
    claims.failed = {name: f"{CANNOT}no route to host" for name in ("dataset-share", "dataset-own")}
    await controller.step(clock.now)
    told = "It cannot be mounted: no route to host."
    assert messages(database, cast) == {"share": told, "own": told}

    claims.failed = {}
    await controller.step(clock.now)
    assert messages(database, cast) == {"share": "", "own": ""}


async def test_a_volume_of_ours_is_made_as_large_as_it_is_to_be_and_told_of_before_anybody_starts(
    database: Database, cast: Cast, clock: FixedClock
) -> None:
    make(database, cast, "own", type="pvc", capacity=5)
    claims = Claims()
    controller = ClaimController(database, claims)
    claims.said = {"dataset-own": f"its claim dataset-own {NOT_YET}"}
    await controller.step(clock.now)
    await controller.step(clock.now + PATIENCE - timedelta(seconds=1))
    assert messages(database, cast) == {"own": ""}, "a claim that was made just now is not bound yet"
    (asked,) = database.read_now(stored.with_claims)
    assert (asked.need.made_by_us, asked.need.capacity) == (True, 5)
    claims.said = {"dataset-own": "its storage cannot be made: the pool is full"}
    await controller.step(clock.now + PATIENCE)
    assert messages(database, cast) == {"own": "Its storage cannot be made: the pool is full."}
    claims.said = {}
    await controller.step(clock.now + PATIENCE)
    assert messages(database, cast) == {"own": ""}


async def test_what_another_controller_says_of_a_repository_is_not_taken_back(
    database: Database, cast: Cast, clock: FixedClock
) -> None:
    make(database, cast, "code", type="git", url="https://git.example.org/code")
    assert database.read_now(stored.with_claims) == []
    told = messages(database, cast)
    await ClaimController(database, Claims()).step(clock.now)
    assert messages(database, cast) == told


async def test_a_cluster_that_does_not_answer_changes_nothing(
    database: Database, cast: Cast, clock: FixedClock
) -> None:
    make(database, cast, "share", type="nfs", server="nfs.example.org", path="/data")
    claims = Claims()
    claims.away = True
    with pytest.raises(EngineUnavailable):
        await ClaimController(database, claims).step(clock.now)
    assert messages(database, cast) == {"share": ""}


async def test_a_clock_that_was_set_back_makes_no_claim_wait_longer_without_a_word(
    database: Database, cast: Cast, clock: FixedClock
) -> None:
    make(database, cast, "own", type="pvc", capacity=5)
    claims = Claims()
    claims.said = {"dataset-own": f"its claim dataset-own {NOT_YET}"}
    controller = ClaimController(database, claims)
    await controller.step(clock.now)
    clock.set_by(-3600)
    await controller.step(clock.now)
    await controller.step(clock.now + PATIENCE)
    assert NOT_YET in messages(database, cast)["own"]
