"""p95 of 200-row lists at 2,000 users and 200 groups, through the proxy, and the services' memory at idle.

Wanted: each list under 100 ms, the process under 150 MB. The lists are read as a platform admin, who sees all rows.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time

import httpx

from benchmarks.hub_overhead.sides import Side, primehub

ROOT = "/services/primehub/api/v1"
LISTS = {"users": "/users?page_size=200", "groups": "/groups?all=true&page_size=200", "audit": "/audit?page_size=200"}
MB = 1_000_000


async def measure(side: Side, requests: int) -> None:
    """Print one line for each list."""
    token = await side.token(0, "custom:primehub:admin")
    headers = {"Authorization": f"token {token}"}
    async with httpx.AsyncClient(base_url=side.url + ROOT, headers=headers, timeout=60, trust_env=False) as client:
        print(f"{'list':<10}{'rows':>6}{'median ms':>12}{'p95 ms':>10}")
        for name, path in LISTS.items():
            times = []
            for _ in range(requests):
                begun = time.perf_counter()
                answer = await client.get(path)
                times.append((time.perf_counter() - begun) * 1000)
                answer.raise_for_status()
            cuts = statistics.quantiles(times, n=20)
            print(f"{name:<10}{len(answer.json()['items']):>6}{statistics.median(times):>12.1f}{cuts[18]:>10.1f}")


async def run(arguments: argparse.Namespace) -> None:
    """Start, read the memory at rest, measure."""
    async with primehub(people=arguments.people, groups=arguments.groups) as side:
        services = side.services()
        memory = services.memory_full_info()
        print(f"services at idle: {memory.rss / MB:.0f} MB resident, {memory.uss / MB:.0f} MB its own")
        await measure(side, arguments.requests)
        print(f"services after {arguments.requests * len(LISTS)} requests: {services.memory_info().rss / MB:.0f} MB")


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--groups", type=int, default=200)
    parser.add_argument("--requests", type=int, default=200)
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
