"""Print spawns per second of both sides, pair by pair, and the median ratio (at least 0.9 is wanted).

PrimeHub's side runs all of it: the mixin with its claims, the API, the controllers, polls every five seconds and
clients on the event stream. Both hubs stay up; only one works at a time, and which goes first alternates.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time

from benchmarks.hub_overhead.sides import Side, both


async def measure(side: Side, spawns: int, at_once: int) -> tuple[float, float]:
    """Spawns per second, from the first request until the last server is ready; and the hub's CPU for one, in ms.

    The servers are stopped again.
    """
    gate = asyncio.Semaphore(at_once)

    async def one(i: int) -> None:
        async with gate:
            await side.spawn(i)

    async def stop(i: int) -> None:
        async with gate:
            await side.stop(i)

    begun, cpu = time.perf_counter(), side.hub_cpu()
    await asyncio.gather(*(one(i) for i in range(spawns)))
    rate = spawns / (time.perf_counter() - begun)
    cost = (side.hub_cpu() - cpu) / spawns * 1000
    await asyncio.gather(*(stop(i) for i in range(spawns)))
    return rate, cost


async def run(arguments: argparse.Namespace) -> None:
    """All pairs."""
    ratios = []
    async with both(people=arguments.people, groups=arguments.groups, streams=arguments.streams) as (plain, primehub):
        for side in (plain, primehub):
            await measure(side, 20, arguments.at_once)  # warm caches and pools
        print(f"{'pair':<6}{'plain/s':>10}{'PrimeHub/s':>12}{'ratio':>8}{'hub CPU ms, each':>20}")
        for pair in range(arguments.pairs):
            order = (plain, primehub) if pair % 2 == 0 else (primehub, plain)
            found = {side.name: await measure(side, arguments.spawns, arguments.at_once) for side in order}
            (rate, cost), (our_rate, our_cost) = found["plain"], found["primehub"]
            ratios.append(our_rate / rate)
            costs = f"{cost:.0f} and {our_cost:.0f}"
            print(f"{pair + 1:<6}{rate:>10.1f}{our_rate:>12.1f}{ratios[-1]:>8.2f}{costs:>20}", flush=True)
    print(f"median ratio {statistics.median(ratios):.2f}")


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--groups", type=int, default=200)
    parser.add_argument("--streams", type=int, default=50)
    parser.add_argument("--spawns", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=20)
    parser.add_argument("--pairs", type=int, default=5)
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
