"""Many jobs at once against a quota: it is the quota that holds them back, exactly, and they go in their order."""

from __future__ import annotations

import asyncio
import uuid
from asyncio.subprocess import PIPE

import pytest

from .platform import OVER, Bench

pytestmark = [pytest.mark.cluster, pytest.mark.asyncio(loop_scope="session")]
GRAIN = {"cpu_limit": "0.05", "cpu_request": "0.05", "memory_limit": "64Mi"}


LOOK = '{.type} {.object.metadata.name} {.object.status.phase}{"\\n"}'


async def most_until_gone(bench: Bench, group: str, count: int) -> int:
    """How many pods of a group live at the same time, watched until so many have come and gone."""
    words = ("get", "pods", "-l", f"primehub.io/group={group}", "-w", "--output-watch-events", "-o", f"jsonpath={LOOK}")
    watch = await asyncio.create_subprocess_exec("kubectl", "-n", bench.namespace.name, *words, stdout=PIPE)
    living: set[str] = set()
    gone: set[str] = set()
    most = 0
    try:
        assert watch.stdout is not None
        while len(gone) < count:
            what, pod, phase = (await watch.stdout.readline()).decode().split()
            (living.add if phase in ("Pending", "Running") else living.discard)(pod)
            if what == "DELETED":
                living.discard(pod)
                gone.add(pod)
            most = max(most, len(living))
    finally:
        watch.kill()
        await watch.wait()
    return most


async def most_at_once(bench: Bench, group: str, quota: str, count: int) -> int:
    """Run so many jobs in a new group, in which a person may have so much CPU; how many pods there were at once."""
    made = await bench.admin.ask("POST", "/groups", {"name": group, "user_quota": {"cpu": quota}})
    assert made.status_code == 201, made.text
    put = await bench.admin.ask("PUT", f"/groups/{group}/members/p_on_cluster", {"role": "member"})
    assert put.status_code == 200, put.text
    await bench.size(f"grain-{group}", **GRAIN)
    watching = asyncio.create_task(most_until_gone(bench, group, count))
    ids = [await bench.submit(f"echo {number}", group=group, instance_type=f"grain-{group}") for number in range(count)]
    async with asyncio.timeout(15 * count):
        most = await watching
    await bench.until(ids[-1], *OVER)
    jobs = [await bench.job(job) for job in ids]
    assert {job["phase"] for job in jobs} == {"SUCCEEDED"}
    assert {len(job["attempts"]) for job in jobs} == {1}
    assert all(job["phase"] in OVER for job in jobs)
    began = [job["attempts"][0]["created_at"] for job in jobs]
    assert began == sorted(began)
    return most


async def test_a_hundred_jobs_go_five_at_a_time_and_a_wider_quota_beside_them_lets_more_go(bench: Bench) -> None:
    once = uuid.uuid4().hex[:6]
    five, twelve = await asyncio.gather(
        most_at_once(bench, f"five-{once}", "0.25", 100), most_at_once(bench, f"twelve-{once}", "0.6", 24)
    )
    assert five == 5
    assert 5 < twelve <= 12
