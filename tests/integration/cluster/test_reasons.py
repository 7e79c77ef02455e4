"""Why a notebook waits or is refused: the cluster's reasons in plain words, within two seconds of the cluster's knowing them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

from primehub_services.domain.pods import project_claim
from tests.support.cluster import MAKER, claim_of, class_of_nobody, quota, quota_of, told_in_time
from tests.support.mesh import mesh
from tests.support.names import unique
from tests.support.waiting import wait_for_async

from .platform import ClusterPlatform

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.cluster]
NO_CLASS = "no-such-class-of-storage"
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


async def waits(platform: ClusterPlatform, group: str, size: str, known: str, told: str) -> None:
    """Somebody's notebook of this size waits, and why is told in time: in the API, and by the command."""
    person = await platform.person(f"p_{uuid.uuid4().hex[:8]}", group)
    notebook = await platform.begin(person, size=size, group=group)

    async def says() -> bool:
        found = await platform.ask(person, "GET", f"/notebooks/{notebook}")
        assert found["phase"] == "STARTING", found
        return any(told in event["message"] for event in found["events"])

    await told_in_time(lambda: platform.namespace.warned_of(f"notebook-{notebook}", known), says)
    assert told in await platform.command(person, "notebooks", "status", notebook)
    await platform.ask(person, "DELETE", f"/notebooks/{notebook}")
    await platform.phase(person, notebook, "STOPPED")


@pytest.mark.alone
async def test_a_full_node_a_gpu_that_no_node_has_and_labels_that_none_has_are_told_while_it_waits(
    platform: ClusterPlatform,
) -> None:
    nothing = {"cpu": None, "memory": None, "gpu": None}
    group = unique("waiting")
    await platform.ask("admin", "POST", "/groups", {"name": group, "user_quota": nothing, "group_quota": nothing})
    names = {word: unique(word) for word in NO_NODE}
    for word, (size, *_) in NO_NODE.items():
        body = {"name": names[word], "cpu_limit": 1, "memory_limit": "512Mi"} | size
        await platform.ask("admin", "POST", "/instance-types", body)
    await asyncio.gather(
        *(waits(platform, group, names[word], known, told) for word, (_, known, told) in NO_NODE.items())
    )


def passed(since: str, until: str) -> float:
    """Seconds between two of the API's times."""
    return (datetime.fromisoformat(until) - datetime.fromisoformat(since)).total_seconds()


async def with_home(platform: ClusterPlatform, person: str) -> None:
    """The person's files are there, so that a start is nothing but a pod."""
    slug = (await platform.ask("admin", "GET", f"/users/{person}"))["slug"]
    platform.namespace.apply(claim_of(f"claim-{slug}", "ReadWriteOnce"))
    await wait_for_async(lambda: bound(platform, f"claim-{slug}"), 60, what="the home is bound")


@pytest.mark.alone
async def test_a_quota_of_the_cluster_is_waited_for_with_its_numbers_until_there_is_room_or_it_is_stopped(
    platform: ClusterPlatform, person: str
) -> None:
    stays, goes = person, await platform.person(f"p_{uuid.uuid4().hex[:8]}")
    await asyncio.gather(with_home(platform, stays), with_home(platform, goes))
    notebooks: dict[str, str] = {}

    async def says(person: str, text: str) -> bool:
        found = await platform.ask(person, "GET", f"/notebooks/{notebooks[person]}")
        assert found["phase"] == "STARTING", found
        return any(text in event["message"] for event in found["events"])

    async def told_after(person: str, text: str) -> float:
        """Seconds from the step before, after which the hub asks for the pod, until the person can read it."""

        async def told() -> tuple[str, str] | None:
            found = await platform.ask(person, "GET", f"/notebooks/{notebooks[person]}")
            assert found["phase"] == "STARTING", found
            steps = [(found["created_at"], ""), *((event["at"], event["message"]) for event in found["events"])]
            return next(((before, at) for (before, _), (at, said) in pairwise(steps) if text in said), None)

        found = await wait_for_async(told, 60, what=f"{person} is told")
        assert found is not None
        return passed(*found)

    def allowed(memory: str) -> bool:
        """Whether the quota counts, and no pod of an earlier test any more."""
        status = (platform.namespace.get("quota", "team") or {}).get("status") or {}
        return status == {"hard": {"limits.memory": memory}, "used": {"limits.memory": "0"}}

    with quota(platform.namespace, limits_memory="100Mi"):
        await wait_for_async(lambda: allowed("100Mi"), 120, what="the quota counts")
        for each in (stays, goes):
            notebooks[each] = await platform.begin(each)
        full = "The cluster's quota team would be exceeded: 512Mi memory (limits) asked, 0 memory (limits) in use of"
        # nothing but the refused pod says that the cluster knows it
        late = await asyncio.gather(*(told_after(each, f"{full} 100Mi") for each in (stays, goes)))
        assert max(late) < 2, late
        platform.namespace.apply(quota_of(limits_memory="200Mi"))
        await told_in_time(
            lambda: allowed("200Mi"),
            lambda: says(stays, f"{full} 200Mi memory (limits). It is more than the quota has in all"),
        )
        assert full in " ".join((await platform.command(stays, "notebooks", "status", notebooks[stays])).split())
        await platform.ask(goes, "DELETE", f"/notebooks/{notebooks[goes]}")
        stopped = await platform.phase(goes, notebooks[goes], "STOPPED")
        assert goes in stopped["reason"]
        assert platform.pod(notebooks[stays]) is None
    await platform.phase(stays, notebooks[stays], "RUNNING")
    await platform.ask(stays, "DELETE", f"/notebooks/{notebooks[stays]}")
    await platform.phase(stays, notebooks[stays], "STOPPED")


@pytest.mark.alone
async def test_what_pod_security_forbids_is_told_and_nothing_is_left(
    platform: ClusterPlatform, person: str, tmp_path: Path
) -> None:
    await with_home(platform, person)
    with mesh(platform.namespace, tmp_path):
        told = await platform.refused(person)
    assert "The cluster's security level (restricted) forbids it:" in told
    assert 'container "mesh" must not include "NET_ADMIN"' in told
    last = (await platform.ask(person, "GET", "/notebooks"))["items"][0]
    # the pod is asked for after the last step that the start came to
    took = passed([last["created_at"], *(event["at"] for event in last["events"])][-1], last["ended_at"])
    assert took < 2, f"told {took:.1f} s after the cluster was asked: {last}"
    assert (last["phase"], last["reason"]) == ("FAILED", told)
    assert told in " ".join((await platform.command(person, "notebooks", "status")).split())
    assert platform.pod(last["id"]) is None


def bound(platform: ClusterPlatform, name: str) -> bool:
    """Whether the claim has its storage."""
    return ((platform.namespace.get("pvc", name) or {}).get("status") or {}).get("phase") == "Bound"


async def volume(platform: ClusterPlatform, name: str) -> None:
    """A data volume that is a claim of this name, and to which the group research may write."""
    source = {"type": "pvc", "claim": name}
    groups = [{"group": "research", "writable": True}]
    await platform.ask("admin", "POST", "/volumes", {"name": name, "source": source, "groups": groups})


async def test_a_claim_that_is_not_there_or_does_not_let_the_group_write_is_said_before_a_start(
    platform: ClusterPlatform, person: str
) -> None:
    modes = {"gone": "ReadWriteMany", "for-readers": "ReadOnlyMany", "for-one": "ReadWriteOncePod"}
    names = {word: f"{word}-{person[2:]}" for word in modes}

    async def left_out(name: str) -> str:
        options = await platform.ask(person, "GET", "/groups/research/launch-options")
        return str(next(volume["left_out"] for volume in options["volumes"] if volume["name"] == name))

    async def says(word: str, told: str) -> None:
        async def so() -> bool:
            found = await left_out(names[word])
            return told in found if told else not found

        await told_in_time(lambda: bound(platform, names[word]), so)

    for word, mode in modes.items():
        await volume(platform, names[word])
        platform.namespace.apply(claim_of(names[word], mode))
    try:
        await asyncio.gather(
            says("gone", ""),
            says("for-readers", "can only be read (ReadOnlyMany), and a group may write to it"),
            says("for-one", "is for one pod at a time (ReadWriteOncePod)"),
        )
        platform.namespace.kubectl("delete", "pvc", names["gone"], "--wait=false")

        async def missing() -> bool:
            return f"Its claim {names['gone']} is not in the cluster" in await left_out(names["gone"])

        await told_in_time(lambda: platform.namespace.get("pvc", names["gone"]) is None, missing)
        shown = " ".join((await platform.command(person, "notebooks", "options", "--group", "research")).split())
        for word, name in names.items():
            assert await left_out(name) in shown, word
    finally:
        for name in names.values():
            await platform.ask("admin", "DELETE", f"/volumes/{name}")


async def test_a_volume_of_the_platforms_own_that_cannot_be_made_is_said_before_a_start_until_it_is_made(
    platform: ClusterPlatform, person: str
) -> None:
    name = f"own-{person[2:]}"

    async def left_out() -> str | None:
        options = await platform.ask(person, "GET", "/groups/research/launch-options")
        return next((volume["left_out"] for volume in options["volumes"] if volume["name"] == name), None)

    async def says(told: str) -> bool:
        return told in (await left_out() or "")

    async def says_nothing() -> bool:
        return await left_out() == ""

    with quota(platform.namespace, persistentvolumeclaims="0"):
        counted = ("get", "quota", "team", "-o", "jsonpath={.status.hard}")
        await wait_for_async(lambda: platform.namespace.kubectl(*counted), 60, what="the quota counts")
        source = {"type": "pvc", "capacity": 1}
        body = {"name": name, "source": source, "groups": [{"group": "research", "writable": True}]}
        made = await platform.ask("admin", "POST", "/volumes", body)
        full = f"Its claim dataset-{made['slug']} cannot be made: The cluster's quota team would be exceeded"
        await told_in_time(lambda: True, lambda: says(full))
    try:
        await wait_for_async(lambda: bound(platform, f"dataset-{made['slug']}"), 60, what="the claim is made and bound")
        await wait_for_async(says_nothing, 60, what="nothing is said any more")
        claim = platform.namespace.get("pvc", f"dataset-{made['slug']}") or {}
        assert claim["spec"]["resources"] == {"requests": {"storage": "1Gi"}}
    finally:
        await platform.ask("admin", "DELETE", f"/volumes/{name}")


async def test_a_groups_folder_that_its_class_cannot_make_is_said_at_the_group_and_no_notebook_waits_for_it(
    platform: ClusterPlatform, person: str
) -> None:
    group = unique("unfounded")
    claim = project_claim(group)
    platform.namespace.apply(claim_of(claim, storage_class=NO_CLASS))
    made = await platform.ask("admin", "POST", "/groups", {"name": group, "user_quota": {"cpu": 2}})
    assert project_claim(made["slug"]) == claim
    await platform.ask("admin", "PUT", f"/groups/{group}/members/{person}", {"role": "member"})

    async def told() -> str:
        problem = str((await platform.ask("admin", "GET", f"/groups/{group}"))["folder_problem"])
        return problem if NO_CLASS in problem else ""

    problem = await wait_for_async(told, 120, what="it is said at the group")
    assert problem.startswith("Its storage cannot be made: "), problem
    options = await platform.ask(person, "GET", f"/groups/{group}/launch-options")
    assert [mount["left_out"] for mount in options["mounts"] if mount["kind"] == "project"] == [problem]
    notebook = await platform.begin(person, group=group)
    running = await platform.phase(person, notebook, "RUNNING")
    (left_out,) = running["left_out"]
    assert left_out.startswith(f"{group}: its storage cannot be made: "), left_out
    assert NO_CLASS in left_out
    assert left_out in " ".join((await platform.command(person, "notebooks", "status", notebook)).split())
    pod = platform.pod(notebook)
    assert pod is not None
    assert claim not in str(pod["spec"]["volumes"])
    await platform.ask(person, "DELETE", f"/notebooks/{notebook}")
    await platform.phase(person, notebook, "STOPPED")


async def test_a_claim_that_goes_and_one_that_nobody_makes_are_told_while_a_notebook_waits_and_cost_their_volumes_alone(
    platform: ClusterPlatform, person: str
) -> None:
    taken, unmade, label = (f"{word}-{person[2:]}" for word in ("taken", "unmade", "later"))
    small = {"cpu_limit": 1, "cpu_request": 0.05, "memory_limit": "512Mi", "memory_request": "64Mi"}
    await platform.ask("admin", "POST", "/instance-types", {"name": label, "node_selector": {label: "yes"}, **small})
    notebook = ""

    async def says(text: str) -> bool:
        found = await platform.ask(person, "GET", f"/notebooks/{notebook}")
        return any(text in event["message"] for event in found["events"])

    try:
        with class_of_nobody(platform.namespace) as nobodys:
            platform.namespace.apply(claim_of(taken))
            platform.namespace.apply(claim_of(unmade, storage_class=nobodys))
            await asyncio.gather(volume(platform, taken), volume(platform, unmade))
            notebook = await platform.begin(person, size=label)
            await wait_for_async(lambda: says("without the labels that"), 60, what="it waits for a node")
            platform.namespace.kubectl("delete", "pvc", taken)
            with labelled_node(platform, label):
                known = f'persistentvolumeclaim "{taken}" not found'
                pod = f"notebook-{notebook}"
                gone = f"Without {taken}: its claim {taken} is not in the cluster"
                await told_in_time(lambda: bool(platform.namespace.warned_of(pod, known)), lambda: says(gone))
                waits = f"It waits for the volume {unmade}: its claim {unmade} waits for {MAKER}"
                known = f"external provisioner '{MAKER}'"
                await told_in_time(lambda: platform.namespace.warned(unmade, known), lambda: says(waits))
                running = await platform.phase(person, notebook, "RUNNING")
        shown = await platform.command(person, "notebooks", "status", notebook)
    finally:
        if notebook:
            await platform.ask(person, "DELETE", f"/notebooks/{notebook}")
        for name in (taken, unmade):
            await platform.ask("admin", "DELETE", f"/volumes/{name}")
        platform.namespace.kubectl("delete", "pvc", unmade, "--ignore-not-found", "--wait=false")
    assert len(running["left_out"]) == 2, running
    assert gone.removeprefix("Without ") in shown
    # as the cluster said it last, which repeats itself every 15 s
    words = (
        f"its claim {unmade} waits for {MAKER}, which makes it",
        f"its storage is not made: {MAKER}, which makes it",
    )
    assert any(f"{unmade}: {text}" in shown for text in words), shown
    await platform.phase(person, notebook, "STOPPED")


@contextmanager
def labelled_node(platform: ClusterPlatform, label: str) -> Iterator[None]:
    """Some node has this label until the block ends."""
    node = platform.namespace.list("nodes")[0]["metadata"]["name"]
    platform.namespace.kubectl("label", "node", node, f"{label}=yes")
    try:
        yield
    finally:
        platform.namespace.kubectl("label", "node", node, f"{label}-")
