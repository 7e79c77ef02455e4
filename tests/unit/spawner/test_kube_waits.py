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
from primehub_services.domain.claim_reasons import claim_trouble, lasting_trouble
from primehub_services.domain.handshake import ClaimState
from primehub_services.domain.launch import Mount, MountKind
from primehub_services.domain.pod_reasons import PodReason, of_pod, refusal
from primehub_services.domain.pods import MANY_NODES, ClaimNeed
from primehub_services.domain.volumes import NfsSource
from primehub_spawner import kube_room
from primehub_spawner.kube_mounts import CannotMount, Storage
from primehub_spawner.kube_room import Room
from tests.support.sandbox import make_plan

QUOTA = "exceeded quota: team, requested: pods=1, used: pods={used}, limited: pods=4"
NOW = datetime(2026, 3, 1, tzinfo=UTC)
SHARE = Mount(kind=MountKind.DATASET, slug="share", path="/datasets/share", source=NfsSource(server="nfs", path="/x"))
HOME = Mount(kind=MountKind.HOME, slug="ann", path="/home/jovyan")
OWN = Mount(kind=MountKind.DATASET, slug="own", path="/datasets/own")
OWN_NEED = ClaimNeed("dataset-own", MountKind.DATASET, "own", True, MANY_NODES)


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
    """Claims as they are and what is said of each, or an error in place of all."""

    def __init__(self, claims: Mapping[str, Any], error: Exception | None = None) -> None:
        self.claims, self.error = claims, error
        self.event: dict[str, Any] = {"reason": "ProvisioningFailed", "message": "the pool is full"}

    async def claim(self, name: str) -> Mapping[str, Any] | None:
        if self.error is not None:
            raise self.error
        return self.claims.get(name)

    async def claim_events(self, _name: str) -> Sequence[Mapping[str, Any]]:
        return [self.event | {"firstTimestamp": NOW.isoformat()}]


BOUND, PENDING = {"status": {"phase": "Bound"}}, {"status": {"phase": "Pending"}}
POD = {"metadata": {"creationTimestamp": NOW.isoformat()}, "spec": {}}


async def looked(cluster: FakeCluster, after: int, pod: dict[str, Any] = POD, known: PodReason | None = None) -> str:
    """What a pod with all of these volumes is said to wait for, so many seconds after it was made."""
    storage = Storage(cluster, make_plan(mounts=(HOME, SHARE, OWN)))  # type: ignore[arg-type]
    why = await storage.why(pod, [], known, NOW + timedelta(seconds=after))
    return "" if why is None else why.sentence


async def test_storage_that_cannot_be_made_is_said_at_once_and_given_a_while_but_the_persons_own_is_waited_for() -> (
    None
):
    there = {"claim-ann": BOUND, "dataset-share": BOUND, "dataset-own": BOUND}
    cluster = FakeCluster(there | {"dataset-own": PENDING})
    assert await looked(cluster, 14) == "It waits for the volume own: its storage cannot be made: the pool is full."
    with pytest.raises(CannotMount) as late:
        await looked(cluster, 15)
    assert late.value.why == {"dataset-own": "its storage cannot be made: the pool is full"}
    cluster.claims = there | {"claim-ann": PENDING}
    assert await looked(cluster, 60) == "It waits for your own files: its storage cannot be made: the pool is full."
    del there["dataset-share"]
    cluster.claims = there
    with pytest.raises(CannotMount) as gone:
        await looked(cluster, 2)
    assert list(gone.value.why) == ["dataset-share"]
    # the pod that is made then has nothing of it
    held = PodReason("volume", "A volume cannot be mounted yet.")
    anew = Storage(cluster, make_plan(mounts=(HOME, SHARE, OWN)), gone.value.why)  # type: ignore[arg-type]
    assert await anew.why(POD, [], held, NOW + timedelta(seconds=2)) is held


async def test_claims_are_looked_at_only_where_nothing_else_holds_a_pod_up() -> None:
    cluster = FakeCluster({}, AssertionError("nobody asks"))
    assert await looked(cluster, 0) == ""
    assert await looked(cluster, 60, POD | {"spec": {"nodeName": "n1"}}) == ""
    full = PodReason("unschedulable", "No node can take it.")
    assert await looked(cluster, 60, known=full) == full.sentence


@pytest.mark.parametrize("error", [ClientConnectionError("no route"), ApiException(status=503, reason="away")])
async def test_a_cluster_that_does_not_answer_takes_no_volume_from_a_pod(error: Exception) -> None:
    assert await looked(FakeCluster({}, error), 60) == ""


def test_storage_that_nobody_makes_is_told_from_storage_that_is_being_made() -> None:
    words = "Waiting for a volume to be created either by the external provisioner 'x.org/y' or manually by the system"
    event = {"reason": "ExternalProvisioning", "message": words, "firstTimestamp": NOW.isoformat()}

    def said(seconds: int) -> str:
        last = {"lastTimestamp": (NOW + timedelta(seconds=seconds)).isoformat()}
        return claim_trouble(OWN_NEED, PENDING, [event | last])[0]

    assert said(14) == "its claim dataset-own waits for x.org/y, which makes it, and is not bound to a volume yet"
    assert said(15) == "its storage is not made: x.org/y, which makes it, has not answered for the claim dataset-own"


def test_a_claim_whose_pod_has_a_node_waits_for_none_whatever_was_said_in_the_same_second() -> None:
    waits = {"reason": "WaitForFirstConsumer", "firstTimestamp": (NOW - timedelta(hours=1)).isoformat()}
    fails = {"reason": "ProvisioningFailed", "message": "the pool is full", "firstTimestamp": NOW.isoformat()}
    placed = PENDING | {"metadata": {"annotations": {"volume.kubernetes.io/selected-node": "n1"}}}
    told = "its storage cannot be made: the pool is full"
    assert claim_trouble(OWN_NEED, PENDING, [waits]) == ("", True)
    assert claim_trouble(OWN_NEED, placed, [fails, waits]) == (told, False)
    # for how long counts from what it waits for, not from what was said before
    assert lasting_trouble(OWN_NEED, placed, [fails, waits], NOW + timedelta(seconds=14)) == ""
    assert lasting_trouble(OWN_NEED, placed, [fails, waits], NOW + timedelta(seconds=15)) == told


@pytest.mark.parametrize(
    ("used", "told"),
    [
        (
            "Volume is already used by pod(s) notebook-0123456789abcdef",
            "Your own files are on a disk that one node at a time can have, and your other notebook runs on another node.",
        ),
        (
            "Volume is already exclusively attached to one node and can't be attached to another",
            "Your own files are on a disk that one node at a time can have, and the node where they were used last has not "
            "given it back.",
        ),
    ],
)
async def test_who_has_the_disk_with_the_persons_files_is_said(used: str, told: str) -> None:
    cluster = FakeCluster({"claim-ann": BOUND | {"spec": {"volumeName": "pvc-1"}}, "dataset-share": BOUND})
    storage = Storage(cluster, make_plan(mounts=(HOME, SHARE)))  # type: ignore[arg-type]
    message = f'Multi-Attach error for volume "pvc-1" {used}'
    event = {"type": "Warning", "reason": "FailedAttachVolume", "message": message, "lastTimestamp": NOW.isoformat()}
    pod = POD | {"spec": {"nodeName": "n2"}, "status": {"phase": "Pending"}}
    why = await storage.why(pod, [event], of_pod(pod, [event]), NOW + timedelta(minutes=1))
    assert why is not None
    assert why.sentence == told
    # another pod's disk is another affair
    other = event | {"message": message.replace("pvc-1", "pvc-2")}
    storage = Storage(cluster, make_plan(mounts=(HOME, SHARE)))  # type: ignore[arg-type]
    known = of_pod(pod, [other])
    assert await storage.why(pod, [other], known, NOW + timedelta(minutes=1)) is known
    assert known is not None
    assert "pvc-2" in known.sentence
