"""Why a job waits or is refused: the cluster's reasons in plain words, within two seconds of the cluster's knowing them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from primehub_services.domain.pods import operators_manifests
from primehub_services.domain.volumes import HostPathSource
from tests.support.cluster import MAKER, claim_of, class_of_nobody, quota, told_in_time
from tests.support.mesh import mesh
from tests.support.names import unique
from tests.support.waiting import wait_for_async

from .platform import OVER, Bench

UNMOUNTED_S = 60
"""Seconds in which a job goes on without a volume that no node can mount: 15 until that is sure, and two starts."""
pytestmark = [pytest.mark.cluster, pytest.mark.asyncio(loop_scope="session"), pytest.mark.usefixtures("over")]


async def says_in_time(bench: Bench, job: str, text: str, known: str, *, of: str = "") -> dict[str, Any]:
    """The job, whose message has this text soon after the cluster has warned of ``known``: of what it runs, or of ``of``."""

    async def told() -> bool:
        return text in (await bench.job(job))["message"]

    await told_in_time(lambda: bench.namespace.warned(of or f"{job}-", known), told)
    return await bench.job(job)


def counts(bench: Bench) -> bool:
    """Whether the quota that was set does."""
    return bool((bench.namespace.get("quota", "team") or {}).get("status", {}).get("hard"))


async def end(bench: Bench, job: str) -> None:
    """It waits no more."""
    await bench.person.ask("POST", f"/jobs/{job}/cancel")
    assert (await bench.until(job, *OVER))["phase"] == "CANCELLED"


async def test_a_quota_of_the_cluster_is_told_with_its_numbers_and_the_job_runs_once_it_is_lifted(bench: Bench) -> None:
    with quota(bench.namespace, limits_memory="100Mi"):
        await wait_for_async(lambda: counts(bench), 60, what="the quota counts")
        job = await bench.submit("echo ran")
        waiting = await says_in_time(bench, job, "The cluster's quota team would be exceeded", "exceeded quota: team")
        assert "384Mi memory (limits) asked" in waiting["message"]  # what keeps its log and files included
        assert waiting["phase"] == "PREPARING"
    done = await bench.until(job, *OVER)
    assert (done["phase"], len(done["attempts"])) == ("SUCCEEDED", 1), done


@pytest.mark.alone
async def test_a_full_node_and_a_gpu_that_no_node_has(bench: Bench) -> None:
    huge, graphics = unique("huge"), unique("graphics")
    await bench.size(huge, cpu_limit="500", cpu_request="500", memory_limit="1Gi")
    await bench.size(graphics, gpu_limit=1)
    none = {"cpu": None, "memory": None, "gpu": None}
    group = (await bench.admin.ask("GET", "/groups/research")).json()
    body = {"version": group["version"], "user_quota": none, "group_quota": none}
    changed = await bench.admin.ask("PATCH", "/groups/research", body)
    assert changed.status_code == 200, changed.text
    large = await bench.submit("true", instance_type=huge)
    waiting = await says_in_time(bench, large, "too little free CPU", "Insufficient cpu")
    assert waiting["phase"] == "PREPARING"
    drawn = await bench.submit("true", instance_type=graphics)
    await says_in_time(bench, drawn, "GPU", "Insufficient nvidia.com/gpu")
    await end(bench, large)
    await end(bench, drawn)


async def test_what_pod_security_forbids_ends_the_job_with_the_clusters_words(bench: Bench, tmp_path: Path) -> None:
    with mesh(bench.namespace, tmp_path):
        job = await bench.submit("true")
        known = "violates PodSecurity"
        found = await says_in_time(bench, job, "The cluster's security level (restricted) forbids it", known)
    assert 'container "mesh" must not include "NET_ADMIN"' in found["message"]
    done = await bench.until(job, *OVER)
    assert (done["phase"], done["reason"], len(done["attempts"])) == ("FAILED", "Invalid", 1), done
    await bench.dropped()


async def test_volumes_that_nobody_bound_or_that_no_node_can_mount_are_left_out_and_the_jobs_own_record_says_so(
    bench: Bench,
) -> None:
    away, unbound = unique("away"), unique("unbound")
    nowhere = {"type": "hostPath", "path": f"/nowhere/{bench.namespace.name}"}
    sources = {unbound: {"type": "pvc", "claim": "nobody-made-it"}, away: nowhere}
    volume, claim = operators_manifests(away, HostPathSource.model_validate(nowhere), bench.namespace.name)
    for manifest in (volume, claim):
        bench.namespace.apply(manifest)
    try:
        for name, source in sources.items():
            made = await bench.admin.ask("POST", "/volumes", {"name": name, "source": source, "all_groups": True})
            assert made.status_code == 201, made.text

        async def bound() -> bool:
            found = bench.namespace.get("pvc", claim["metadata"]["name"]) or {}
            told = (await bench.admin.ask("GET", f"/volumes/{away}")).json()["message"]
            return (found.get("status") or {}).get("phase") == "Bound" and told == ""

        await wait_for_async(bound, 60, what="the claim is bound, and nothing is known of what is behind it")
        done = await bench.until(await bench.submit(f"ls /datasets/{unbound}"), *OVER)
    finally:
        bench.namespace.kubectl("delete", "pv", volume["metadata"]["name"], "--wait=false", check=False)
        bench.namespace.kubectl("delete", "pvc", claim["metadata"]["name"], "--wait=false", check=False)
        for name in sources:
            await bench.admin.ask("DELETE", f"/volumes/{name}")
    assert (done["phase"], done["reason"]) == ("FAILED", "Exited"), done
    assert [attempt["reason"] for attempt in done["attempts"]] == ["NotPlaced", "Exited"]
    took = datetime.fromisoformat(done["ended_at"]) - datetime.fromisoformat(done["created_at"])
    assert took.total_seconds() < UNMOUNTED_S
    of_away, of_unbound = sorted(text.lower() for text in done["left_out"])
    assert of_unbound.startswith(f"{unbound}: its claim nobody-made-it is not in the cluster"), of_unbound
    assert of_away.startswith(f"{away}: it cannot be mounted: "), of_away


@pytest.mark.alone
async def test_a_claim_that_goes_and_one_that_nobody_makes_are_told_while_a_job_waits(bench: Bench) -> None:
    taken, unmade = unique("taken-away"), unique("never-made")
    with class_of_nobody(bench.namespace) as nobodys:
        bench.namespace.apply(claim_of(taken))
        bench.namespace.apply(claim_of(unmade, storage_class=nobodys))
        for name in (taken, unmade):
            body = {"name": name, "source": {"type": "pvc", "claim": name}, "all_groups": True}
            assert (await bench.admin.ask("POST", "/volumes", body)).status_code == 201
        try:
            with quota(bench.namespace, limits_memory="100Mi"):
                await wait_for_async(lambda: counts(bench), 60, what="the quota counts")
                job = await bench.submit(f"ls /datasets/{taken}")
                await bench.says(job, "quota team")
                bench.namespace.kubectl("delete", "pvc", taken)
            known = f'persistentvolumeclaim "{taken}" not found'
            waiting = await says_in_time(bench, job, f"Its claim {taken} is not in the cluster", known)
            assert waiting["phase"] == "PENDING"  # made anew without it
            text = f"It waits for the volume {unmade}: its claim {unmade} waits for {MAKER}"
            waiting = await says_in_time(bench, job, text, f"external provisioner '{MAKER}'", of=unmade)
            assert waiting["phase"] == "PREPARING"
            await end(bench, job)
        finally:
            for name in (taken, unmade):
                await bench.admin.ask("DELETE", f"/volumes/{name}")
                bench.namespace.kubectl("delete", "pvc", name, "--ignore-not-found", "--wait=false")
    (left_out,) = (await bench.job(job))["left_out"]
    assert left_out.lower().startswith(f"{taken}: its claim {taken} is not in the cluster"), left_out
