"""Starts jobs from the queue: hears what changed, and has each group decided about where a job may go now."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from ..domain.claims import MachineCapacity
from ..operations import queue as operations
from ..operations.queue import Admission, MachineLeft, MachineWait
from ..store import changes, queue
from ..store.database import Database
from ..store.queue import Moment
from .runner import Every

log = logging.getLogger(__name__)
LOOK_EVERY = timedelta(seconds=30)
"""Every group in which a job waits is looked at again after this long, whatever was heard."""
LISTEN_EVERY = 8
"""Decisions, before it is heard what changed meanwhile: who comes to an empty group does not wait for long queues."""


class QueueController:
    """As soon as something changed, and every two seconds.

    What it remembers is only which groups are worth a decision, and may be lost: a decision reads all it rests on.
    """

    name = "queue"
    interval = 2.0
    hints = frozenset({"job", "notebook", "group", "settings"})

    def __init__(self, database: Database, capacity: Callable[[], Awaitable[MachineCapacity]]) -> None:
        self._database = database
        self._capacity = capacity
        self._cursor: changes.Cursor | None = None
        self._look = Every(LOOK_EVERY)
        self._due: dict[str, None] = {}
        """Groups to decide about, in this order."""
        self._aging = Every(timedelta(seconds=self.interval / 2))
        self._moment: Moment | None = None
        """Back-offs that had ended by then, and places that were kept, are known."""
        self._for_machine: dict[str, MachineWait] = {}
        """Groups in which jobs wait for the machine alone."""
        self._released = False
        """Whether something may have been given back since the last of those was tried."""
        self._tried: set[str] = set()
        """Those that were tried since something was given back."""

    async def step(self, now: datetime) -> None:
        """Decide about every group that is due. One that cannot be decided about holds up no other; raises its error."""
        await self._listen(now)
        capacity = await self._capacity()
        failures: list[Exception] = []
        decided = 0
        while (group_id := await self._next(capacity)) is not None:
            try:
                await self._decide(capacity, group_id)
            except Exception as error:
                log.exception("the queue of the group %s cannot be decided about", group_id)
                failures.append(error)
            decided += 1
            if decided % LISTEN_EVERY == 0:
                await self._listen(now)
        if failures:
            raise failures[0]

    async def _listen(self, now: datetime) -> None:
        if self._cursor is None:
            self._cursor = await self._database.read(changes.newest)
        heard = await self._database.read(queue.news, self._cursor)
        self._cursor = heard.cursor
        self._due |= dict.fromkeys(heard.groups)
        if heard.groups:
            self._released = True
            self._tried.clear()
        moment = await self._database.read(queue.moment)
        if self._aging.due(moment.now):
            if self._moment is not None:
                self._due |= dict.fromkeys(await self._database.read(queue.come_of_age, self._moment, moment))
            self._moment = moment
            self._aging.done(moment.now)
        if heard.everywhere or self._look.due(now):
            self._look.done(now)
            self._due |= dict.fromkeys(await self._database.read(queue.waiting_groups))

    async def _decide(self, capacity: MachineCapacity, group_id: str) -> None:
        admission: Admission = await self._database.write(operations.admit, capacity, group_id)
        if admission.more:
            self._due[group_id] = None
        self._for_machine.pop(group_id, None)
        if admission.for_machine is not None:
            self._for_machine[group_id] = admission.for_machine

    async def _next(self, capacity: MachineCapacity) -> str | None:
        """The next group to decide about: one where something changed, else the first that what was released may do for."""
        if self._due:
            group_id = next(iter(self._due))
            del self._due[group_id]
            return group_id
        if not self._released:
            return None
        left = await self._database.read(operations.machine_left, capacity)
        for group_id, wait in sorted(self._for_machine.items(), key=lambda item: item[1].since):
            if left is not None and group_id not in self._tried and _may_do(left, wait):
                self._tried.add(group_id)
                return group_id
        self._released = False
        return None


def _may_do(left: MachineLeft, wait: MachineWait) -> bool:
    there = left.unused if wait.kept else left.open
    return all(want <= have for want, have in zip(wait.least, there, strict=True))
