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


async def measure(side: Side, spawns: int, at_once: int) -> tuple[float, dict[str, float]]:
    """Spawns per second, from the first request until the last server is ready; and the CPU for one, in ms, of the
    hub and what belongs to it. The servers are stopped again.
    """
    gate = asyncio.Semaphore(at_once)

    async def one(i: int) -> None:
        async with gate:
            await side.spawn(i)

    async def stop(i: int) -> None:
        async with gate:
            await side.stop(i)

    begun, cpu = time.perf_counter(), side.cpu()
    await asyncio.gather(*(one(i) for i in range(spawns)))
    rate = spawns / (time.perf_counter() - begun)
    cost = {part: (used - cpu.get(part, 0.0)) / spawns * 1000 for part, used in side.cpu().items()}
    await asyncio.gather(*(stop(i) for i in range(spawns)))
    return rate, cost


async def run(arguments: argparse.Namespace) -> None:
    """All pairs."""
    ratios, used = [], []
    async with both(people=arguments.people, groups=arguments.groups, streams=arguments.streams) as (plain, primehub):
        for side in (plain, primehub):
            await measure(side, 20, arguments.at_once)  # warm caches and pools
        print(f"{'pair':<6}{'plain/s':>10}{'PrimeHub/s':>12}{'ratio':>8}   CPU ms each: plain hub, hub, services")
        for pair in range(arguments.pairs):
            order = (plain, primehub) if pair % 2 == 0 else (primehub, plain)
            found = {side.name: await measure(side, arguments.spawns, arguments.at_once) for side in order}
            (rate, cost), (our_rate, our_cost) = found["plain"], found["primehub"]
            ratios.append(our_rate / rate)
            used.append((cost["hub"], our_cost["hub"], our_cost["services"]))
            line = f"{pair + 1:<6}{rate:>10.1f}{our_rate:>12.1f}{ratios[-1]:>8.2f}"
            print(line + "".join(f"{ms:>12.1f}" for ms in used[-1]), flush=True)
    medians = "".join(f"{statistics.median(ms):>12.1f}" for ms in zip(*used, strict=True))
    print(f"{'median':<28}{statistics.median(ratios):>8.2f}{medians}")


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
