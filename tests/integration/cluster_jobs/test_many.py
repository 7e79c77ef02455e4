"""Many jobs at once against a quota: it is the quota that holds them back, exactly, and they go in their order."""

from __future__ import annotations

import asyncio

import pytest

from .platform import OVER, Bench

pytestmark = [pytest.mark.cluster, pytest.mark.asyncio(loop_scope="session")]
GRAIN = {"cpu_limit": "0.05", "cpu_request": "0.05", "memory_limit": "64Mi"}


async def most_at_once(bench: Bench, group: str, quota: str, count: int) -> int:
    """Run so many jobs in a new group, in which a person may have so much CPU; how many pods there were at once."""
    made = await bench.admin.ask("POST", "/groups", {"name": group, "user_quota": {"cpu": quota}})
    assert made.status_code == 201, made.text
    put = await bench.admin.ask("PUT", f"/groups/{group}/members/p_on_cluster", {"role": "member"})
    assert put.status_code == 200, put.text
    await bench.size(f"grain-{group}", **GRAIN)
    ids = [await bench.submit(f"echo {number}", group=group, instance_type=f"grain-{group}") for number in range(count)]
    most, left = 0, set(ids)
    async with asyncio.timeout(15 * count):
        while left:
            pods = await asyncio.to_thread(bench.namespace.list, "pods", f"primehub.io/group={group}")
            living = [pod for pod in pods if pod["status"]["phase"] in ("Pending", "Running")]
            most = max(most, len(living))
            found = (await bench.person.ask("GET", f"/jobs?group={group}&active=false&page_size=100")).json()
            left = set(ids) - {job["id"] for job in found["items"]}
    jobs = [await bench.job(job) for job in ids]
    assert {job["phase"] for job in jobs} == {"SUCCEEDED"}
    assert {len(job["attempts"]) for job in jobs} == {1}
    assert all(job["phase"] in OVER for job in jobs)
    began = [job["attempts"][0]["created_at"] for job in jobs]
    assert began == sorted(began)
    return most


async def test_a_hundred_jobs_go_five_at_a_time_and_a_wider_quota_beside_them_lets_more_go(bench: Bench) -> None:
    five, twelve = await asyncio.gather(
        most_at_once(bench, "five", "0.25", 100), most_at_once(bench, "twelve", "0.6", 24)
    )
    assert five == 5
    assert 5 < twelve <= 12
