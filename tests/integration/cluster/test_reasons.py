"""Why a notebook waits or is refused: the cluster's reasons in plain words, within two seconds of the cluster's knowing them."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

import pytest

from tests.support.cluster import told_in_time
from tests.support.mesh import mesh

from .platform import ClusterPlatform

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.cluster]
NO_NODE = {
    "huge": ({"cpu_limit": 500, "cpu_request": 500, "memory_limit": "1Gi"}, "Insufficient cpu", "too little free CPU"),
    "graphics": ({"gpu_limit": 1}, "Insufficient nvidia.com/gpu", "too little free GPUs"),
    "elsewhere": (
        {"node_selector": {"no-node": "has-this-one"}},
        "didn't match Pod's node affinity/selector",
        "without the labels that the instance type asks for",
    ),
}
"""Sizes that no node has: what the scheduler says of them, and what people are told."""


async def waits(platform: ClusterPlatform, size: str, known: str, told: str) -> None:
    """Somebody's notebook of this size waits, and why is told in time: in the API, and by the command."""
    person = await platform.person(f"p_{uuid.uuid4().hex[:8]}", "waiting")
    notebook = await platform.begin(person, size=size, group="waiting")

    async def says() -> bool:
        found = await platform.ask(person, "GET", f"/notebooks/{notebook}")
        assert found["phase"] == "STARTING", found
        return any(told in event["message"] for event in found["events"])

    await told_in_time(lambda: platform.namespace.warned_of(f"notebook-{notebook}", known), says)
    assert told in await platform.command(person, "notebooks", "status", notebook)
    await platform.ask(person, "DELETE", f"/notebooks/{notebook}")
    await platform.phase(person, notebook, "STOPPED")


async def test_a_full_node_a_gpu_that_no_node_has_and_labels_that_none_has_are_told_while_it_waits(
    platform: ClusterPlatform,
) -> None:
    nothing = {"cpu": None, "memory": None, "gpu": None}
    group = {"name": "waiting", "user_quota": nothing, "group_quota": nothing}
    await platform.ask("admin", "POST", "/groups", group)
    for name, (size, *_) in NO_NODE.items():
        await platform.ask(
            "admin", "POST", "/instance-types", {"name": name, "cpu_limit": 1, "memory_limit": "512Mi"} | size
        )
    await asyncio.gather(*(waits(platform, name, known, told) for name, (_, known, told) in NO_NODE.items()))


async def test_what_pod_security_forbids_is_told_and_nothing_is_left(
    platform: ClusterPlatform, person: str, tmp_path: Path
) -> None:
    with mesh(platform.namespace, tmp_path):
        told = await platform.refused(person)
    assert "The cluster's security level (restricted) forbids it:" in told
    assert 'container "mesh" must not include "NET_ADMIN"' in told
    last = (await platform.ask(person, "GET", "/notebooks"))["items"][0]
    assert (last["phase"], last["reason"]) == ("FAILED", told)
    assert told in " ".join((await platform.command(person, "notebooks", "status")).split())
    assert platform.pod(last["id"]) is None
