"""Notebooks as pods: started, refused, ended, found again, on a real cluster by a real hub."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from primehub_services.blobs import FolderLogStore, notebook_key
from primehub_services.domain.pods import operators_manifests
from primehub_services.domain.volumes import HostPathSource
from primehub_spawner.kube import ABANDONED
from tests.support.waiting import wait_for_async

from .platform import UID, ClusterPlatform

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.cluster]


async def test_a_notebook_answers_tells_its_story_and_leaves_its_log(platform: ClusterPlatform, person: str) -> None:
    notebook = await platform.begin(person)
    running = await platform.phase(person, notebook, "RUNNING")
    messages = [event["message"] for event in running["events"]]
    assert any(message.startswith("A place is found on the node") for message in messages), messages
    assert any("the image" in message for message in messages), messages
    assert "The server's process has begun." in messages
    pod = platform.pod(notebook)
    assert pod is not None
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"http://{pod['status']['podIP']}:8888/user/{person}/api")
    assert "version" in answer.json()
    assert "jupyterhub" in (await platform.log_of(person, notebook)).lower()

    await platform.ask(person, "DELETE", f"/notebooks/{notebook}")
    stopped = await platform.phase(person, notebook, "STOPPED")
    assert person in stopped["reason"]
    # its log is kept before its pod goes
    await wait_for_async(lambda: platform.pod(notebook) is None, 60, what="the pod is put away")
    assert "jupyterhub" in (await platform.log_of(person, notebook)).lower()
    claims = {claim["metadata"]["name"]: claim for claim in platform.namespace.list("pvc")}
    homes = [name for name in claims if name.startswith("claim-")]
    assert homes
    assert all(claims[name]["status"]["phase"] == "Bound" for name in homes)


async def test_what_the_person_wrote_is_there_again_at_the_next_start(platform: ClusterPlatform, person: str) -> None:
    notebook = await platform.begin(person)
    await platform.phase(person, notebook, "RUNNING")
    pod = platform.pod(notebook)
    assert pod is not None
    name = pod["metadata"]["name"]
    platform.namespace.kubectl("exec", name, "--", "sh", "-c", "id -u; echo mine > ~/kept.txt")
    who = platform.namespace.kubectl("exec", name, "--", "sh", "-c", "id -u; cat /proc/1/status | grep NoNewPrivs")
    assert who.split() == [str(UID), "NoNewPrivs:", "1"]
    written = platform.namespace.kubectl("exec", name, "--", "sh", "-c", "touch /opt/mine 2>&1", check=False)
    assert "Read-only file system" in written
    nothing = platform.namespace.kubectl(
        "exec",
        name,
        "--",
        "sh",
        "-c",
        "ls /var/run/secrets/kubernetes.io 2>&1; env | grep -c _SERVICE_HOST",
        check=False,
    )
    assert "No such file" in nothing
    assert nothing.split()[-1] == "1" or nothing.split()[-1] == "0"
    await platform.ask(person, "DELETE", f"/notebooks/{notebook}")
    await platform.phase(person, notebook, "STOPPED")
    again = await platform.begin(person)
    await platform.phase(person, again, "RUNNING")
    pod = platform.pod(again)
    assert pod is not None
    assert platform.namespace.kubectl("exec", pod["metadata"]["name"], "--", "cat", "/home/jovyan/kept.txt") == "mine\n"
    await platform.ask(person, "DELETE", f"/notebooks/{again}")
    await platform.phase(person, again, "STOPPED")


async def test_why_no_node_takes_it_is_said_while_it_waits_and_a_stop_ends_the_waiting(
    platform: ClusterPlatform, person: str
) -> None:
    notebook = await platform.begin(person, size="nowhere")

    async def told() -> bool:
        found = await platform.ask(person, "GET", f"/notebooks/{notebook}")
        return any(
            "without the labels that the instance type asks for" in event["message"] for event in found["events"]
        )

    await wait_for_async(told, 60, what="the reason is told")
    await platform.ask(person, "DELETE", f"/notebooks/{notebook}")
    await platform.phase(person, notebook, "STOPPED")
    assert platform.pod(notebook) is None


async def test_an_image_that_is_not_there_is_said_while_it_is_tried(platform: ClusterPlatform, person: str) -> None:
    notebook = await platform.begin(person, image="absent")

    async def told() -> bool:
        found = await platform.ask(person, "GET", f"/notebooks/{notebook}")
        return any("The registry of 127.0.0.1:1/none:1 does not answer" in e["message"] for e in found["events"])

    await wait_for_async(told, 60, what="the reason is told")
    await platform.ask(person, "DELETE", f"/notebooks/{notebook}")
    await platform.phase(person, notebook, "STOPPED")


async def test_a_volume_without_its_claim_is_said_before_the_start_and_costs_the_volume_alone(
    platform: ClusterPlatform, person: str
) -> None:
    name = f"v-{person[2:]}"
    source = {"type": "pvc", "claim": f"made-for-{name}"}
    await platform.ask("admin", "POST", "/volumes", {"name": name, "source": source, "all_groups": True})

    async def left_out() -> str:
        options = await platform.ask(person, "GET", "/groups/research/launch-options")
        return str(next(volume["left_out"] for volume in options["volumes"] if volume["name"] == name))

    told = await wait_for_async(left_out, 120, what="the volume is left out")
    assert told.startswith(f"Its claim made-for-{name} is not in the cluster")
    notebook = await platform.begin(person)
    running = await platform.phase(person, notebook, "RUNNING")
    assert any(event["message"] == f"Without {name}: {told}" for event in running["events"])
    await platform.ask(person, "DELETE", f"/notebooks/{notebook}")
    await platform.phase(person, notebook, "STOPPED")

    claim = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "10Mi"}}}
    platform.namespace.apply(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": f"made-for-{name}"},
            "spec": claim,
        }
    )

    async def taken_up() -> bool:
        return await left_out() == ""

    # that it is said in two seconds is measured with claims that are there before (`test_reasons`)
    await wait_for_async(taken_up, 120, what="it is taken up")
    notebook = await platform.begin(person)
    await platform.phase(person, notebook, "RUNNING")
    pod = platform.pod(notebook)
    assert pod is not None
    here = ("exec", pod["metadata"]["name"], "--", "sh", "-c")
    shown = platform.namespace.kubectl(*here, f"ls -ld ~/datasets/{name}; touch ~/datasets/{name}/x 2>&1", check=False)
    assert f"-> /datasets/{name}" in shown
    assert "Read-only file system" in shown
    await platform.ask(person, "DELETE", f"/notebooks/{notebook}")
    await platform.phase(person, notebook, "STOPPED")


async def test_storage_that_cannot_be_mounted_costs_its_volume_alone_and_is_said_before_the_next_start(
    platform: ClusterPlatform, person: str
) -> None:
    name = f"b-{person[2:]}"
    source = {"type": "hostPath", "path": f"/nowhere/{person}"}
    made = await platform.ask("admin", "POST", "/volumes", {"name": name, "source": source, "all_groups": True})
    given = HostPathSource.model_validate(source)
    manifests = operators_manifests(made["slug"], given, platform.namespace.name)
    for manifest in manifests:
        platform.namespace.apply(manifest)
    try:

        async def left_out() -> str:
            options = await platform.ask(person, "GET", "/groups/research/launch-options")
            return str(next(volume["left_out"] for volume in options["volumes"] if volume["name"] == name))

        async def bound() -> bool:
            return await left_out() == ""

        await wait_for_async(bound, 120, what="the claim is bound, and nothing is known of what is behind it")
        notebook = await platform.begin(person)
        running = await platform.phase(person, notebook, "RUNNING")
        messages = [event["message"] for event in running["events"]]
        assert any(message.startswith(f"Without {made['slug']}: it cannot be mounted: ") for message in messages), (
            messages
        )
        told = await wait_for_async(left_out, 120, what="it is left out of the next start")
        assert told.startswith("It cannot be mounted: ")
        assert "is not a directory" in told
    finally:
        platform.namespace.kubectl("delete", "pv", manifests[0]["metadata"]["name"], "--wait=false", check=False)
        await platform.ask("admin", "DELETE", f"/volumes/{made['slug']}")
    await platform.ask(person, "DELETE", f"/notebooks/{notebook}")
    await platform.phase(person, notebook, "STOPPED")


async def test_a_hub_that_was_killed_finds_its_pods_again(platform: ClusterPlatform, person: str) -> None:
    # as long and as odd as a hub name may be
    other = await platform.person(f"{person}.{'x' * 60}"[:58] + "_-.@z")
    stays, goes = await platform.begin(person), await platform.begin(other)
    await platform.phase(person, stays, "RUNNING")
    await platform.phase(other, goes, "RUNNING")
    before = platform.pod(stays)
    assert before is not None
    store = FolderLogStore(platform.data_dir / "blobs")
    await wait_for_async(lambda: store.size(notebook_key(goes)) > 0, 30, what="its log is kept while it runs")
    platform.kill()
    platform.namespace.kubectl("delete", "pod", "-l", f"primehub.io/start={goes}", "--wait=true")
    await platform.start()

    async def found() -> bool:
        server = await platform.server(person)
        return bool(server and server["ready"] and await platform.server(other) is None)

    await wait_for_async(found, 120, what="the hub knows what runs")
    assert (await platform.ask(person, "GET", f"/notebooks/{stays}"))["phase"] == "RUNNING"
    after = platform.pod(stays)
    assert after is not None
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    ended = await platform.ask(other, "GET", f"/notebooks/{goes}")
    assert ended["phase"] in ("STOPPED", "FAILED")
    # the pod that somebody deleted took nothing of it along
    assert "jupyterhub" in (await platform.log_of(other, goes)).lower()
    await platform.ask(person, "DELETE", f"/notebooks/{stays}")
    await platform.phase(person, stays, "STOPPED")


async def test_a_hub_that_was_killed_in_the_middle_of_a_start_leaves_nothing_behind(
    platform: ClusterPlatform, person: str
) -> None:
    notebook = await platform.begin(person, size="nowhere")
    await wait_for_async(lambda: platform.pod(notebook), 60, what="the pod is made")
    platform.kill()
    await platform.start()

    async def over() -> bool:
        found = await platform.ask(person, "GET", f"/notebooks/{notebook}")
        return found["phase"] in ("STOPPED", "FAILED") and platform.pod(notebook) is None

    await wait_for_async(over, 60, what="nothing is claimed and nothing runs")
    ended = await platform.ask(person, "GET", f"/notebooks/{notebook}")
    assert (ended["phase"], ended["reason"]) == ("FAILED", ABANDONED)


@pytest.mark.alone
async def test_who_leaves_the_group_loses_the_pod(platform: ClusterPlatform, person: str) -> None:
    notebook = await platform.begin(person)
    await platform.phase(person, notebook, "RUNNING")
    await platform.ask("admin", "DELETE", f"/groups/research/members/{person}")
    began = asyncio.get_running_loop().time()

    async def gone() -> bool:
        pod = platform.pod(notebook)
        return pod is None or pod["status"]["phase"] in ("Succeeded", "Failed")

    await wait_for_async(gone, 20, what="the pod has ended")
    assert asyncio.get_running_loop().time() - began < 15


async def test_a_pod_that_nobody_claimed_is_ended_and_put_away(platform: ClusterPlatform) -> None:
    labels = {
        "primehub.io/instance": "primehub",
        "primehub.io/kind": "notebook",
        "primehub.io/start": "nobodys",
    }
    nobody = {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}}
    container = {
        "name": "notebook",
        "image": (await platform.ask("admin", "GET", "/images/notebook"))["source"]["url"],
        "command": ["sleep", "600"],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    platform.namespace.apply(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "notebook-nobodys", "labels": labels},
            "spec": {
                "restartPolicy": "Never",
                "terminationGracePeriodSeconds": 1,
                "securityContext": nobody,
                "containers": [container],
            },
        }
    )
    await wait_for_async(
        lambda: platform.namespace.get("pod", "notebook-nobodys") is None, 180, what="the pod is put away"
    )
