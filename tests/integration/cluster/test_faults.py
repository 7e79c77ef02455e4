"""Notebooks while a component of the cluster is away: those that run, those that start, and those that are to end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.cluster import Fault, faults
from tests.support.waiting import wait_for_async

from .platform import ClusterPlatform

pytestmark = [pytest.mark.cluster, pytest.mark.asyncio(loop_scope="session")]
PATIENCE = 120


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


async def test_an_api_server_that_is_away_ends_no_notebook_and_a_start_goes_on_or_says_why_not(
    platform: ClusterPlatform, person: str, fault: Fault
) -> None:
    starts = await platform.person(f"{person}-starts")
    runs = await platform.begin(person)
    await platform.phase(person, runs, "RUNNING")
    before = platform.pod(runs)
    begun = await platform.begin(starts)
    await wait_for_async(lambda: platform.pod(begun), 60, what="the pod is made")
    fault("kill", "apiserver")
    fault("start", "apiserver")

    async def settled() -> bool:
        found = await looked(platform, starts, begun)
        return found["phase"] == "RUNNING" or (found["phase"] == "FAILED" and found["reason"])

    await wait_for_async(settled, PATIENCE, what="the start is over")
    assert (await looked(platform, person, runs))["phase"] == "RUNNING"
    after = platform.pod(runs)
    assert before is not None
    assert after is not None
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    for who, notebook in ((person, runs), (starts, begun)):
        await platform.ask(who, "DELETE", f"/notebooks/{notebook}")
        await over(platform, who, notebook)
    await holds_nothing(platform, person, starts)
    await no_pod_is_left(platform, runs, begun)
