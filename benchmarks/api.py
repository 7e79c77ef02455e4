"""p95 of 200-row lists at 2,000 users and 200 groups, and of the page of a group with 10,000 jobs, through the proxy;
and the services' memory at idle.

Wanted: each list under 100 ms, the process under 150 MB. The lists are read as a platform admin, who sees all rows.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from datetime import timedelta
from functools import partial

import httpx
import sqlalchemy as sa

from benchmarks.hub_overhead.sides import Side, primehub
from benchmarks.support.stores import job_row
from primehub_services.domain.identity import Actor
from primehub_services.store import settings
from primehub_services.store.orm import GroupRow, JobRow, MembershipRow
from primehub_services.store.unit_of_work import UnitOfWork

ROOT = "/services/primehub/api/v1"
LISTS = {
    "users": "/users?page_size=200",
    "groups": "/groups?all=true&page_size=200",
    "audit": "/audit?page_size=200",
    # what the page of a group's jobs asks for: the first page, its counts, the last page, a search
    "jobs": "/jobs?group=group0&page_size=50",
    "job counts": "/job-counts?group=group0",
    "last jobs": "/jobs?group=group0&page_size=50&page={last}",
    "found jobs": "/jobs?group=group0&page_size=50&search=job+7",
}
MB = 1_000_000
AUDITED = 1000
"""Rows of the audit log."""


def fill(jobs: int, uow: UnitOfWork) -> None:
    """So many jobs that have ended in the first group, a minute apart, of which none is forgotten."""
    settings.save(uow, settings.load(uow).model_copy(update={"job_limit": 0}))
    group = uow.session.scalars(sa.select(GroupRow).where(GroupRow.slug == "group0")).one()
    member = uow.session.scalars(sa.select(MembershipRow.account_id).where(MembershipRow.group_id == group.id)).first()
    assert member is not None
    whose = (group.id, group.slug, member)
    ends = [("SUCCEEDED", "", 0), ("FAILED", "Exited", 1), ("CANCELLED", "Cancelled", None)]
    rows = []
    for number in range(jobs):
        at = uow.now - timedelta(minutes=jobs - number)
        phase, reason, code = ends[number % 3]
        end = {"phase": phase, "reason": reason, "exit_code": code, "ended_at": at + timedelta(seconds=50)}
        rows.append(job_row(whose, number, at, instance_type="tiny", memory=1024**2, **end))
    uow.session.execute(sa.insert(JobRow), rows)
    admin = Actor(service="benchmark", scopes=frozenset())
    for number in range(AUDITED):
        uow.audit(admin, "group.update", "group0", group_id=group.id, description={"from": str(number), "to": "x"})


async def measure(side: Side, requests: int, last: int) -> None:
    """Print one line for each list."""
    token = await side.token(0, "custom:primehub:admin")
    headers = {"Authorization": f"token {token}"}
    async with httpx.AsyncClient(base_url=side.url + ROOT, headers=headers, timeout=60, trust_env=False) as client:
        print(f"{'list':<12}{'rows':>6}{'median ms':>12}{'p95 ms':>10}")
        for name, path in LISTS.items():
            times = []
            for _ in range(requests):
                begun = time.perf_counter()
                answer = await client.get(path.format(last=last))
                times.append((time.perf_counter() - begun) * 1000)
                answer.raise_for_status()
            cuts = statistics.quantiles(times, n=20)
            rows = len(answer.json().get("items", ()))
            if "page_size=200" in path and rows != 200:
                raise SystemExit(f"{name}: {rows} rows where 200 are to be measured")
            print(f"{name:<12}{rows:>6}{statistics.median(times):>12.1f}{cuts[18]:>10.1f}")


async def run(arguments: argparse.Namespace) -> None:
    """Start, read the memory at rest, measure."""
    jobs = partial(fill, arguments.jobs)
    async with primehub(people=arguments.people, groups=arguments.groups, fill=jobs) as side:
        services = side.services()
        memory = services.memory_full_info()
        print(f"services at idle: {memory.rss / MB:.0f} MB resident, {memory.uss / MB:.0f} MB its own")
        await measure(side, arguments.requests, max(1, arguments.jobs // 50))
        print(f"services after {arguments.requests * len(LISTS)} requests: {services.memory_info().rss / MB:.0f} MB")


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--groups", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--requests", type=int, default=200)
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
