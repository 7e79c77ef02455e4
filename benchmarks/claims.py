"""Ledger decisions per second with 200 groups: claim and release, one at a time, as the API makes them.

Each decision resolves the group, the type and the image, counts what is held, reserves, writes the notebook's row
with its plan, the audit row and the change, and commits; a release ends the row and commits again.
"""

from __future__ import annotations

import argparse
import statistics
import time

from benchmarks.support.stores import fresh_stores, populate
from primehub_services.domain.claims import MachineCapacity
from primehub_services.domain.handshake import ClaimRequest
from primehub_services.domain.identity import Actor
from primehub_services.domain.permissions import Scope
from primehub_services.operations import claims
from primehub_services.store.database import Database

SPAWNER = Actor(service="primehub-spawner", scopes=frozenset({Scope.CLAIMS.value}))
GROUPS, PEOPLE = 200, 2000


def measure(store: Database, decisions: int) -> tuple[float, float, float]:
    """Decisions per second, and the median and 99th percentile of one, in milliseconds. All are held at once."""
    times = []
    starts = []
    for i in range(decisions):
        options = {"group": f"group{i % GROUPS}", "instance_type": "tiny", "image": "base"}
        request = ClaimRequest(user=f"person{i}", user_options=options)
        begun = time.perf_counter()
        starts.append(store.write_now(claims.claim, SPAWNER, request, MachineCapacity()).start_id)
        times.append(time.perf_counter() - begun)
    for start_id in starts:
        store.write_now(claims.release, SPAWNER, start_id)
    cuts = statistics.quantiles(times, n=100)
    return decisions / sum(times), cuts[49] * 1000, cuts[98] * 1000


def main() -> None:
    """Print one line for each database."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decisions", type=int, default=1000)
    arguments = parser.parse_args()
    print(f"{'database':<12}{'decisions/s':>12}{'median ms':>12}{'p99 ms':>10}")
    with fresh_stores() as stores:
        for name, store in stores.items():
            store.write_now(populate, people=PEOPLE, groups=GROUPS)
            rate, median, p99 = measure(store, arguments.decisions)
            print(f"{name:<12}{rate:>12.0f}{median:>12.2f}{p99:>10.2f}")


if __name__ == "__main__":
    main()
