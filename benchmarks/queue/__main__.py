"""Queue decisions per second with 200 groups and 1,000, 10,000 and 100,000 queued jobs, and how long one takes.

One decision is one admission transaction, as the controller makes it when a claim is given back: a job ends, and its
group is decided about. What is in use is full in every group, so each release lets one job go, with its claim, its
attempt and plan, audit and change, all committed. Half of the jobs have waited so long that their places are kept.

With a machine whose size is known all groups share that too, and what is kept of it counts for everybody.

``--notebooks`` measures instead how long a refused notebook start takes beside these queues.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from benchmarks.support.stores import fresh_stores, job_row, populate
from primehub_services.domain.claims import MachineCapacity
from primehub_services.domain.jobs import JobPhase, JobReason
from primehub_services.domain.launch import LaunchRequest
from primehub_services.domain.resources import Quota
from primehub_services.domain.units import GIB, Millicores
from primehub_services.operations import actors, job_starts, launches, queue
from primehub_services.store.database import Database
from primehub_services.store.orm import AccountRow, ClaimRow, GroupRow, JobRow, KeptPlaceRow, MembershipRow
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support import factories

GROUPS, PEOPLE = 200, 1000
CORES = 4
"""The quota of each group, and how many of its jobs run."""
AT_ONCE = 5000


@dataclass(frozen=True)
class Figures:
    """How fast it was."""

    rate: float
    median: float
    p99: float
    worst: float

    @classmethod
    def of(cls, times: list[float]) -> Figures:
        """From seconds of each; the times are milliseconds."""
        cuts = statistics.quantiles(times, n=100)
        return cls(len(times) / sum(times), cuts[49] * 1000, cuts[98] * 1000, max(times) * 1000)


def fill(store: Database, jobs: int) -> list[str]:
    """Groups with a quota of a few cores, and so many one-core jobs spread over them; the groups' ids."""
    store.write_now(populate, people=PEOPLE, groups=GROUPS)

    def prepare(uow: UnitOfWork) -> list[tuple[str, str, str]]:
        uow.session.execute(sa.update(GroupRow).values(group_cpu=CORES * 1000))
        factories.instance_type(uow, "cpu-1", cpu_limit=1000, memory_limit=GIB)
        found = uow.session.execute(
            sa.select(GroupRow.id, GroupRow.slug, MembershipRow.account_id)
            .join(MembershipRow, MembershipRow.group_id == GroupRow.id)
            .order_by(MembershipRow.account_id)
        )
        return [(group_id, slug, account_id) for group_id, slug, account_id in found]

    people = store.write_now(prepare)
    for rows in _batches(people, jobs):
        store.write_now(lambda uow, rows=rows: uow.session.execute(sa.insert(JobRow), rows(uow)))
    if not store.is_sqlite:
        store.write_now(lambda uow: uow.session.execute(sa.text("ANALYZE")))
    return list(dict.fromkeys(group_id for group_id, _, _ in people))


def _batches(people: list[tuple[str, str, str]], jobs: int) -> Iterator[object]:
    for begin in range(0, jobs, AT_ONCE):
        numbers = range(begin, min(begin + AT_ONCE, jobs))
        yield lambda uow, numbers=numbers: [_row(uow, people[i % len(people)], i, jobs) for i in numbers]


def _row(uow: UnitOfWork, whose: tuple[str, str, str], number: int, jobs: int) -> dict[str, object]:
    queued_at = uow.now - timedelta(seconds=1200 * (jobs - number) / jobs)
    waiting = {"phase": JobPhase.PENDING.value, "reason": JobReason.QUEUED.value}
    return job_row(whose, number, queued_at, instance_type="cpu-1", memory=GIB, **waiting)


def release(uow: UnitOfWork, group_id: str) -> bool:
    """The oldest running job of a group has ended; whether there was one."""
    claim = uow.session.scalars(
        sa.select(ClaimRow).where(ClaimRow.group_id == group_id).order_by(ClaimRow.created_at).limit(1)
    ).first()
    if claim is None:
        return False
    row = uow.session.get_one(JobRow, claim.server_name)
    uow.session.delete(claim)
    job_starts.end_job(uow, row, JobPhase.SUCCEEDED, JobReason.COMPLETED, "")
    return True


def measure(store: Database, groups: list[str], capacity: MachineCapacity, decisions: int) -> tuple[Figures, int]:
    """The decisions' figures, and how many jobs they let go."""
    for group_id in groups:
        while store.write_now(queue.admit, capacity, group_id).more:
            pass
    times, started = [], 0
    for i in range(decisions):
        group_id = groups[i % len(groups)]
        if not store.write_now(release, group_id):
            continue
        if capacity.bounded:
            # what is given back is kept for whoever waits longest, in whichever group
            group_id = store.read_now(oldest_place) or group_id
        begun = time.perf_counter()
        admission = store.write_now(queue.admit, capacity, group_id)
        times.append(time.perf_counter() - begun)
        started += len(admission.started)
    return Figures.of(times), started


def oldest_place(uow: UnitOfWork) -> str | None:
    """The group of the job that has waited longest for the machine alone."""
    statement = sa.select(KeptPlaceRow.group_id).where(KeptPlaceRow.for_machine).order_by(KeptPlaceRow.queued_at)
    return uow.session.scalars(statement.limit(1)).first()


def measure_notebooks(store: Database, capacity: MachineCapacity, checks: int) -> Figures:
    """How long it takes to refuse a notebook beside these queues."""
    names = store.read_now(lambda uow: list(uow.session.scalars(sa.select(AccountRow.name).limit(checks))))
    times = []
    for i in range(checks):
        name = names[i % len(names)]
        group = f"group{int(name.removeprefix('person')) % GROUPS}"
        request = LaunchRequest(group=group, instance_type="cpu-1", image="base")

        def check(uow: UnitOfWork, name: str = name, request: LaunchRequest = request) -> None:
            launches.assess(uow, actors.person(uow, name), request, capacity)

        begun = time.perf_counter()
        store.read_now(check)
        times.append(time.perf_counter() - begun)
    return Figures.of(times)


def main() -> None:
    """Print one line for each database, size and kind of machine."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, nargs="*", default=[1_000, 10_000, 100_000])
    parser.add_argument("--decisions", type=int, default=600)
    parser.add_argument("--notebooks", action="store_true")
    arguments = parser.parse_args()
    shared = MachineCapacity(quota=Quota(cpu=Millicores(GROUPS * CORES * 1000 * 3 // 4)))
    print(
        f"{'database':<12}{'machine':<10}{'queued':>8}{'per s':>8}{'median':>9}{'p99':>9}{'worst ms':>10}{'started':>9}"
    )
    for jobs in arguments.jobs:
        for machine, capacity in (("no bound", MachineCapacity()), ("shared", shared)):
            with fresh_stores() as stores:
                for name, store in stores.items():
                    groups = fill(store, jobs)
                    figures, started = measure(store, groups, capacity, arguments.decisions)
                    if arguments.notebooks:
                        figures, started = measure_notebooks(store, capacity, arguments.decisions), 0
                    numbers = f"{figures.rate:>8.0f}{figures.median:>9.2f}{figures.p99:>9.2f}{figures.worst:>10.2f}"
                    print(f"{name:<12}{machine:<10}{jobs:>8}{numbers}{started:>9}", flush=True)


if __name__ == "__main__":
    main()
