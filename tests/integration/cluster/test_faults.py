"""Notebooks while a component of the cluster is away: those that run, those that start, and those that are to end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from primehub_spawner.kube import AWAY
from tests.support.cluster import Fault, cluster_image, faults
from tests.support.names import unique
from tests.support.waiting import wait_for_async

from .platform import START_S, ClusterPlatform

pytestmark = [pytest.mark.cluster, pytest.mark.asyncio(loop_scope="session")]
PATIENCE = 120
UNPLACED = "didn't match Pod's node affinity/selector"
UNWATCHED = b"Error when watching resources"
"""What the hub's log says as soon as a watch of it ends, and none can be begun."""


@pytest.fixture
def fault() -> Iterator[Fault]:
    """Kills a component of the cluster; what was killed is started again in the end."""
    with faults() as act:
        yield act


async def looked(platform: ClusterPlatform, who: str, notebook: str) -> dict[str, Any]:
    """A notebook as it is now."""
    found: dict[str, Any] = await platform.ask(who, "GET", f"/notebooks/{notebook}")
    return found


async def over(platform: ClusterPlatform, who: str, notebook: str) -> dict[str, Any]:
    """A notebook, once it is over."""

    async def ended() -> dict[str, Any] | None:
        found = await looked(platform, who, notebook)
        return found if found["phase"] in ("STOPPED", "FAILED") else None

    found = await wait_for_async(ended, PATIENCE, what=f"the notebook of {who} is over")
    assert found is not None
    return found


async def holds_nothing(platform: ClusterPlatform, *people: str) -> None:
    """Wait until nothing is held for these people."""

    async def nothing() -> bool:
        holders = (await platform.ask("admin", "GET", "/groups/research/usage"))["holders"]
        return not {holder["user"] for holder in holders} & set(people)

    await wait_for_async(nothing, 30, what=f"nothing is held for {people}")


async def no_pod_is_left(platform: ClusterPlatform, *notebooks: str) -> None:
    """Wait until none of their pods is there."""
    await wait_for_async(
        lambda: not [notebook for notebook in notebooks if platform.pod(notebook)], PATIENCE, what="the pods are gone"
    )


async def test_a_kubelet_that_is_away_costs_what_the_cluster_gave_up_and_locks_nobody_out(
    platform: ClusterPlatform, person: str, fault: Fault
) -> None:
    stops, starts = [await platform.person(f"{person}{what}") for what in ("-stops", "-starts")]
    evicted, stopped = await platform.begin(person), await platform.begin(stops)
    await platform.phase(person, evicted, "RUNNING")
    await platform.phase(stops, stopped, "RUNNING")
    begun = await platform.begin(starts)
    await wait_for_async(lambda: platform.pod(begun), 60, what="the pod is made")
    fault("kill", "kubelet")
    # which is what the cluster does by itself once its patience is over, after five minutes
    platform.namespace.kubectl("delete", "pods", "-l", f"primehub.io/start={evicted}", "--wait=false")
    await platform.ask(stops, "DELETE", f"/notebooks/{stopped}")
    lost = await over(platform, person, evicted)
    assert (lost["phase"], lost["reason"]) == ("FAILED", "Its node went away.")
    assert (await over(platform, stops, stopped))["reason"] == f"stopped by {stops}"
    await holds_nothing(platform, person, stops)
    again = await platform.begin(person)

    # the node ends what it still has, and begins what waits for it
    fault("start", "kubelet")
    await platform.phase(person, again, "RUNNING")
    await platform.phase(starts, begun, "RUNNING")
    await no_pod_is_left(platform, evicted, stopped)
    for who, notebook in ((person, again), (starts, begun)):
        await platform.ask(who, "DELETE", f"/notebooks/{notebook}")
        await platform.phase(who, notebook, "STOPPED")
    await holds_nothing(platform, person, starts)


def container_runs(platform: ClusterPlatform, notebook: str) -> bool:
    """Whether what the notebook's pod is for has begun."""
    found = ((platform.pod(notebook) or {}).get("status") or {}).get("containerStatuses") or [{}]
    return "running" in (found[0].get("state") or {})


async def test_an_api_server_that_is_away_ends_no_notebook_and_no_start_and_who_asks_meanwhile_is_told(
    platform: ClusterPlatform, person: str, fault: Fault
) -> None:
    listens, unplaced, asks = [await platform.person(f"{person}{what}") for what in ("-listens", "-unplaced", "-asks")]
    gate, source = unique("go-on"), {"type": "container", "url": cluster_image("test/shell")}
    shell = (await platform.ask("admin", "POST", "/images", {"name": unique("shell"), "source": source}))["slug"]
    # one runs; the container of one runs, and its server listens once it is let; and one has a pod without a node
    runs = await platform.begin(person)
    begun = await platform.begin(listens, image=shell, environment={"HOLD_START": gate})
    waits = await platform.begin(unplaced, size="nowhere")
    await platform.phase(person, runs, "RUNNING")
    before = platform.pod(runs)
    await wait_for_async(lambda: container_runs(platform, begun), START_S, what="the one's container runs")
    await wait_for_async(
        lambda: platform.namespace.warned_of(f"notebook-{waits}", UNPLACED), START_S, what="the other has no node"
    )
    read = platform.log.stat().st_size

    fault("kill", "apiserver")
    await wait_for_async(
        lambda: UNWATCHED in platform.log.read_bytes()[read:], PATIENCE, what="the hub has noticed that it is away"
    )
    assert await platform.refused(asks) == AWAY
    phases = {runs: (person, "RUNNING"), begun: (listens, "STARTING"), waits: (unplaced, "STARTING")}
    for notebook, (who, phase) in phases.items():
        assert (await looked(platform, who, notebook))["phase"] == phase
    fault("start", "apiserver")

    let = ("exec", f"notebook-{begun}", "--", "sh", "-c", f"touch ~/{gate} && echo let")
    # one that has just begun refuses everybody for a moment
    await wait_for_async(lambda: platform.namespace.kubectl(*let, check=False), PATIENCE, what="the one is let")
    await platform.phase(listens, begun, "RUNNING")
    assert (await looked(platform, unplaced, waits))["phase"] == "STARTING"
    assert (await looked(platform, person, runs))["phase"] == "RUNNING"
    after = platform.pod(runs)
    assert before is not None
    assert after is not None
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    for notebook, (who, _) in phases.items():
        await platform.ask(who, "DELETE", f"/notebooks/{notebook}")
    for notebook, (who, _) in phases.items():
        assert (await over(platform, who, notebook))["phase"] == "STOPPED"
    await holds_nothing(platform, person, listens, unplaced, asks)
    await no_pod_is_left(platform, *phases)
