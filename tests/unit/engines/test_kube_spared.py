"""A job that waits for storage which cannot be mounted: what it can do without, and what it cannot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from primehub_services.domain.launch import Mount, MountKind
from primehub_services.domain.workloads import UNMOUNTABLE, Observation, ObservedState
from primehub_services.engines.base import EngineUnavailable
from primehub_services.engines.kubernetes.cluster import ClusterRefusal
from primehub_services.engines.kubernetes.spared import Spared
from tests.support.sandbox import make_plan

PENDING = Observation(state=ObservedState.PENDING, message="A volume cannot be mounted yet.")
MOUNTS = (
    Mount(kind=MountKind.PROJECT, slug="team", path="/project/team"),
    Mount(kind=MountKind.PROJECT, slug="other", path="/project/other"),
    Mount(kind=MountKind.DATASET, slug="share", path="/datasets/share"),
)
CLAIMS = ("project-team", "project-other", "dataset-share")


def failed(claim: str, lasted: int) -> dict[str, Any]:
    """A node's warning about the storage of a claim, of now."""
    now = datetime.now(UTC)
    return {
        "reason": "FailedMount",
        "message": f'MountVolume.SetUp failed for volume "pv-{claim}" : /x is not a directory',
        "firstTimestamp": (now - timedelta(seconds=lasted)).isoformat(),
        "lastTimestamp": now.isoformat(),
        "involvedObject": {"uid": "u1"},
    }


class Namespace:
    """A cluster in which each claim is bound to a volume of its name. ``listed``: how often all pods were asked for."""

    listed = 0

    async def get(self, _kind: str, name: str) -> dict[str, Any]:
        return {"spec": {"volumeName": f"pv-{name}"}, "status": {"phase": "Bound"}}

    async def list_(self, _kind: str, _query: object) -> tuple[list[dict[str, Any]], str]:
        self.listed += 1
        return [], "1"


def spared(*warnings: dict[str, Any]) -> Spared:
    return Spared(Namespace(), lambda: warnings)  # type: ignore[arg-type]


def pod() -> dict[str, Any]:
    volumes = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in CLAIMS]
    metadata = {"uid": "u1", "labels": {"primehub.io/group": "team"}}
    return {"metadata": metadata, "spec": {"volumes": [*volumes, {"name": "tmp", "emptyDir": {}}]}}


@pytest.mark.parametrize("claim", ["project-other", "dataset-share"])
async def test_what_it_can_do_without_holds_it_up_no_longer_than_a_notebook(claim: str) -> None:
    seen = await spared().seen(PENDING, [pod()], [failed(claim, 15)])
    assert (seen.state, seen.reason) == (ObservedState.PENDING, UNMOUNTABLE)
    assert seen.message == f"The storage of its claim {claim} cannot be mounted: /x is not a directory."
    assert await spared().seen(PENDING, [pod()], [failed(claim, 14)]) == PENDING


async def test_what_came_right_before_its_image_was_fetched_holds_it_up_no_more() -> None:
    mounted = pod() | {"status": {"conditions": [{"type": "PodReadyToStartContainers", "status": "True"}]}}
    assert await spared().seen(PENDING, [mounted], [failed("dataset-share", 15)]) == PENDING


@pytest.mark.parametrize("error", [EngineUnavailable("no answer"), ClusterRefusal(403, "forbidden")])
async def test_a_claim_that_cannot_be_looked_at_costs_words_alone(error: Exception) -> None:
    class Away(Namespace):
        async def get(self, _kind: str, _name: str) -> dict[str, Any]:
            raise error

    found = await Spared(Away(), tuple).seen(PENDING, [pod()], [failed("dataset-share", 15)])  # type: ignore[arg-type]
    assert found == PENDING


async def test_its_groups_folder_is_waited_for() -> None:
    assert await spared().seen(PENDING, [pod()], [failed("project-team", 60)]) == PENDING


async def test_what_runs_is_never_held_up() -> None:
    running = Observation(state=ObservedState.RUNNING)
    assert await spared().seen(running, [pod()], [failed("dataset-share", 60)]) == running


async def test_the_next_pod_is_made_without_it_and_with_its_groups_folder_all_the_same() -> None:
    plan = make_plan(group="team", mounts=MOUNTS)
    found = await spared(*(failed(claim, 20) for claim in CLAIMS)).missing(plan)
    assert set(found) == {"project-other", "dataset-share"}
    assert await spared().missing(plan) == {}


@pytest.mark.parametrize("which", ["of others", "too long ago"])
async def test_warnings_that_do_not_count_cost_no_look_at_all_pods(which: str) -> None:
    old = (datetime.now(UTC) - timedelta(minutes=6)).isoformat()
    warning = failed("of-others", 20) if which == "of others" else failed("dataset-share", 20) | {"lastTimestamp": old}
    namespace = Namespace()
    assert await Spared(namespace, lambda: [warning]).missing(make_plan(group="team", mounts=MOUNTS)) == {}  # type: ignore[arg-type]
    assert namespace.listed == 0


@pytest.mark.parametrize(
    ("claim", "age", "reason"),
    [("dataset-share", 14, ""), ("dataset-share", 16, UNMOUNTABLE), ("project-team", 60, "")],
)
async def test_storage_that_is_not_made_is_said_and_long_waited_for_only_where_the_job_needs_it(
    claim: str, age: int, reason: str
) -> None:
    class Unmade(Namespace):
        async def get(self, kind: str, name: str) -> dict[str, Any]:
            return {"status": {"phase": "Pending"}} if name == claim else await super().get(kind, name)

        async def list_(self, kind: str, _query: object) -> tuple[list[dict[str, Any]], str]:
            first = (datetime.now(UTC) - timedelta(seconds=age)).isoformat()
            return [{"reason": "ProvisioningFailed", "message": "no room", "firstTimestamp": first}], "1"

    seen = await Spared(Unmade(), tuple).seen(PENDING, [pod()], [])  # type: ignore[arg-type]
    assert seen.reason == reason
    what = {"project-team": "the folder of the group team", "dataset-share": "the volume share"}[claim]
    told = "its storage cannot be made: no room."
    assert seen.message == (f"I{told[1:]}" if reason else f"It waits for {what}: {told} Ask your administrator.")
    placed = pod() | {"spec": {**pod()["spec"], "nodeName": "n1"}}
    assert await Spared(Unmade(), tuple).seen(PENDING, [placed], []) == PENDING  # type: ignore[arg-type]
