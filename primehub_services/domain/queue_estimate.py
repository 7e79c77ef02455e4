"""When a waiting job may start: the queue, walked on in thought. Pure.

It rests on how long jobs usually take and on their timeouts, and knows nothing of jobs that are yet to come: a guess,
for people. Where something before a job may run for ever, there is no saying.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import median

from .queue import Amounts, Elsewhere, GroupRooms, Room, Waiting, Walk

MOST_JOBS = 100
"""Jobs at the front of a queue for which it is done."""
MOST_WALKS = 200
_LIKE_IT = 10
"""Past runs of a kind that count, the latest."""


@dataclass(frozen=True, slots=True)
class Run:
    """What takes room until it ends; ``counted`` is whether it counts against its person's quota."""

    group_id: str
    account_id: str
    limits: Amounts
    requests: Amounts
    ends_at: datetime | None
    counted: bool = True


@dataclass(frozen=True, slots=True)
class PastRun:
    """A job that succeeded."""

    account_id: str
    name: str
    instance_type: str
    seconds: float


def usual_seconds(
    past: Sequence[PastRun], account_id: str, name: str, instance_type: str, timeout: int
) -> float | None:
    """How long such a job takes: as its person's jobs of its name do, else all of that name, else all of that size, else
    at most its timeout (seconds; 0 is none). ``past`` begins with the latest."""
    alike: tuple[Callable[[PastRun], bool], ...] = (
        lambda run: run.name == name and run.account_id == account_id,
        lambda run: run.name == name,
        lambda run: run.instance_type == instance_type,
    )
    for is_alike in alike:
        found = [run.seconds for run in past if is_alike(run)][:_LIKE_IT]
        if found:
            usual = median(found)
            return min(usual, timeout) if timeout else usual
    return float(timeout) if timeout else None


@dataclass(frozen=True, slots=True)
class Limits:
    """The budgets, without what is used of them."""

    user: Amounts
    group: Amounts
    machine: Amounts


def estimate(
    jobs: Sequence[Waiting],
    seconds: Mapping[str, float | None],
    running: Sequence[Run],
    limits: Limits,
    *,
    now: datetime,
    keep_after: timedelta,
    elsewhere: Sequence[Elsewhere] = (),
) -> dict[str, datetime]:
    """By job of one group, in the queue's order: when it may start. Those of which nothing can be said are absent."""
    waiting, taken, found, at = list(jobs[:MOST_JOBS]), list(running), {}, now
    for _ in range(MOST_WALKS):
        taken = [run for run in taken if run.ends_at is None or run.ends_at > at]
        waiting = [replace(job, kept=job.kept or at - job.queued_at >= keep_after) for job in waiting]
        walk = _walk(waiting, taken, limits, elsewhere)
        for job in walk.going:
            found[job.id] = at
            length = seconds.get(job.id)
            ends = None if length is None else at + timedelta(seconds=max(length, 1.0))
            taken.append(Run(job.group_id, job.account_id, job.limits, job.requests, ends))
        waiting = [job for job in waiting if job.id not in found]
        following = min((run.ends_at for run in taken if run.ends_at is not None), default=None)
        if not waiting or following is None:
            break
        at = following
    return found


def _walk(waiting: Sequence[Waiting], taken: Sequence[Run], limits: Limits, elsewhere: Sequence[Elsewhere]) -> Walk:
    machine = Room(limits.machine)
    rooms = {job.group_id: GroupRooms(Room(limits.group), limits.user) for job in waiting}
    for run in taken:
        machine.take(run.requests)
        if run.group_id in rooms:
            rooms[run.group_id].group.take(run.limits)
            if run.counted:
                rooms[run.group_id].of(run.account_id).take(run.limits)
    return Walk(machine, rooms, elsewhere).ask_all(waiting)
