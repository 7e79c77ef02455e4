"""What a start waits for, and how faults of the cluster meanwhile do not end it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientConnectionError
from jupyterhub.spawner import SpawnException
from kubernetes_asyncio.client import ApiException

from primehub_services.client import ApiProblem
from primehub_services.domain.handshake import ClaimState
from primehub_services.domain.launch import Mount, MountKind
from primehub_services.domain.pod_reasons import PodReason, refusal
from primehub_services.domain.volumes import NfsSource
from primehub_spawner import kube_room
from primehub_spawner.kube_mounts import CannotMount, Spare
from primehub_spawner.kube_room import Room
from tests.support.sandbox import make_plan

QUOTA = "exceeded quota: team, requested: pods=1, used: pods={used}, limited: pods=4"
NOW = datetime(2026, 3, 1, tzinfo=UTC)
SHARE = Mount(kind=MountKind.DATASET, slug="share", path="/datasets/share", source=NfsSource(server="nfs", path="/x"))
OWN = Mount(kind=MountKind.DATASET, slug="own", path="/datasets/own")


class Claims:
    """PrimeHub, which says of a start what it is told to."""

    def __init__(self, *said: str | ApiProblem | None) -> None:
        self._said = list(said)

    async def state(self, _start: str) -> ClaimState:
        found = self._said.pop(0) if self._said else None
        if isinstance(found, ApiProblem):
            raise found
        return ClaimState(stop_requested=found)


def full(used: int) -> ApiException:
    """The cluster's refusal."""
    error = ApiException(status=403, reason="Forbidden")
    error.body = QUOTA.format(used=used)
    return error


async def enter(*answers: bool | ApiException, claims: Claims | None = None) -> tuple[bool, list[str]]:
    """What becomes of a pod of which the cluster says this, and what its person is told."""
    told: list[PodReason] = []
    left = list(answers)

    async def ask() -> bool:
        answer = left.pop(0)
        if isinstance(answer, ApiException):
            raise answer
        return answer

    room = Room(
        claims or Claims(),  # type: ignore[arg-type]
        "one",
        refusal=lambda error: refusal(error.status, error.body),
        tell=told.append,
    )
    made = await room.enter(ask)
    return made, [reason.sentence for reason in told]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kube_room, "TRY_EVERY", 0)


async def test_a_start_that_waits_for_a_quota_is_not_ended_by_a_cluster_or_a_platform_that_is_away_for_a_moment() -> (
    None
):
    problem = ApiProblem(0, "unreachable", "nobody answers", {})
    made, told = await enter(full(4), False, False, full(4), full(3), True, claims=Claims(None, problem))
    assert made
    assert [text.split(": ")[1] for text in told] == [f"1 pods asked, {n} pods in use of 4 pods." for n in (4, 3)]
    # who does not wait is told at once, so that another try is KubeSpawner's affair
    assert await enter(False) == (False, [])


async def test_a_start_that_waits_for_a_quota_ends_when_its_end_is_asked_for() -> None:
    with pytest.raises(SpawnException, match="Stopped by ann"):
        await enter(full(4), full(4), claims=Claims(None, "Stopped by ann"))


async def test_what_waiting_cannot_help_is_not_waited_for() -> None:
    error = ApiException(status=403, reason="Forbidden")
    error.body = "failed quota: team: must specify limits.cpu"
    with pytest.raises(ApiException):
        await enter(error)


class FakeCluster:
    """Claims as they are, or an error in place of all."""

    def __init__(self, claims: Mapping[str, Any], error: Exception | None = None) -> None:
        self.claims, self.error = claims, error

    async def claim(self, name: str) -> Mapping[str, Any] | None:
        if self.error is not None:
            raise self.error
        return self.claims.get(name)

    async def claim_events(self, _name: str) -> Sequence[Mapping[str, Any]]:
        return [{"reason": "ProvisioningFailed", "message": "the pool is full"}]


async def test_storage_that_cannot_be_made_is_given_a_while_and_a_claim_that_went_away_none() -> None:
    bound, pending = {"status": {"phase": "Bound"}}, {"status": {"phase": "Pending"}}
    cluster = FakeCluster({"dataset-share": bound, "dataset-own": pending})
    spare = Spare(cluster, make_plan(mounts=(SHARE, OWN)))  # type: ignore[arg-type]
    await spare.check([], NOW)
    await spare.check([], NOW + timedelta(seconds=14))
    with pytest.raises(CannotMount) as late:
        await spare.check([], NOW + timedelta(seconds=15))
    assert late.value.why == {"dataset-own": "its storage cannot be made: the pool is full"}
    cluster.claims = {"dataset-own": pending}
    spare = Spare(cluster, make_plan(mounts=(SHARE, OWN)))  # type: ignore[arg-type]
    with pytest.raises(CannotMount) as gone:
        await spare.check([], NOW)
    assert list(gone.value.why) == ["dataset-share"]


@pytest.mark.parametrize("error", [ClientConnectionError("no route"), ApiException(status=503, reason="away")])
async def test_a_cluster_that_does_not_answer_takes_no_volume_from_a_pod(error: Exception) -> None:
    spare = Spare(FakeCluster({}, error), make_plan(mounts=(SHARE,)))  # type: ignore[arg-type]
    await spare.check([], NOW)
