"""Fires recurring jobs at their due instants: wakes for the next one, and looks every second for clocks that are set."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from ..domain.claims import MachineCapacity
from ..domain.firing import GRACE
from ..operations import firings
from ..store import schedules
from ..store.database import Database
from ..store.unit_of_work import UnitOfWork

log = logging.getLogger(__name__)
LONGEST_WAIT = 1.0
"""Seconds; a clock that is set forward is noticed after so long."""
TOGETHER = 50
"""Recurring jobs that are fired in one transaction, so that many at once do not each wait for the disk."""
_MOST = 5000
_SOONEST = 0.01


class ScheduleController:
    """Sleeps until the next due instant. Whether an instant is due is decided in the transaction that accounts for it."""

    name = "schedules"
    hints = frozenset({"schedule"})

    def __init__(
        self,
        database: Database,
        capacity: Callable[[], Awaitable[MachineCapacity]],
    ) -> None:
        self._database = database
        self._capacity = capacity
        self._watched_since: datetime | None = None
        self._looked_at: datetime | None = None
        self.interval = LONGEST_WAIT

    async def step(self, now: datetime) -> None:
        """Fire what is due. One that cannot be fired holds up no other; it is raised once all were tried."""
        if self._looked_at is None:
            await self._look_again()
        self._watch()
        failures: list[Exception] = []
        failed: set[str] = set()
        fired = True
        while fired and (due := [s for s in await self._database.read(_due) if s not in failed]):
            capacity = await self._capacity()
            fired = False  # what another process fires just now is left to it
            for n in range(0, len(due), TOGETHER):
                done, wrong = await self._fire(due[n : n + TOGETHER], capacity)
                fired = fired or done
                failed.update(schedule_id for schedule_id, _ in wrong)
                failures += [error for _, error in wrong]
        self._watch()
        self.interval = await self._database.read(_wait)
        if failures:
            raise failures[0]

    def _watch(self) -> datetime:
        """From when on every instant has been waited for; anew after a gap: a clock set forward, a machine asleep."""
        now, before = self._database.clock(), self._looked_at
        if before is None or self._watched_since is None or now - before > GRACE:
            self._watched_since = now
        self._looked_at = now
        return self._watched_since

    async def _fire(self, due: Sequence[str], capacity: MachineCapacity) -> tuple[bool, list[tuple[str, Exception]]]:
        """Whether any was fired, and those that could not be."""
        try:
            return await self._database.write(_fire_all, due, capacity, self._watch()), []
        except Exception as error:
            if len(due) == 1:
                log.warning("the recurring job %s cannot be fired: %s", due[0], error)
                return False, [(due[0], error)]
        apart = [await self._fire([one], capacity) for one in due]
        return any(fired for fired, _ in apart), [failure for _, failures in apart for failure in failures]

    async def _look_again(self) -> None:
        ids = await self._database.read(schedules.running_ids)
        for n in range(0, len(ids), 100):
            await self._database.write(_look_again, ids[n : n + 100])


def _due(uow: UnitOfWork) -> list[str]:
    return schedules.due(uow, uow.now, limit=_MOST)


def _wait(uow: UnitOfWork) -> float:
    next_at = schedules.next_due(uow)
    wait = LONGEST_WAIT if next_at is None else (next_at - uow.now).total_seconds()
    return min(LONGEST_WAIT, max(_SOONEST, wait))


def _fire_all(uow: UnitOfWork, due: Sequence[str], capacity: MachineCapacity, watched_since: datetime) -> bool:
    batch = firings.Batch(capacity, watched_since)
    return any([firings.fire(uow, schedule_id, batch) for schedule_id in due])


def _look_again(uow: UnitOfWork, ids: Sequence[str]) -> None:
    for schedule_id in ids:
        firings.look_again(uow, schedule_id)
