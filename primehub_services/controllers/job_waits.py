"""For how long workloads have been seen to wait, and to run."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from ..domain.workloads import PLACED, Observation, ObservedState


@dataclass(slots=True)
class _Wait:
    last: datetime | None = None
    """When it was seen to wait; None after a look that the engine did not answer."""
    waited: float = 0.0
    pending: float = 0.0


class Waits:
    """In memory, by attempt: what nobody saw does not count, neither the time before the engine had it nor one in which the
    engine could not be asked, in which it could have been placed no more than looked at. A new process begins anew."""

    def __init__(self) -> None:
        self._known: dict[str, _Wait] = {}

    def seen(self, attempt_id: str, observation: Observation, now: datetime) -> tuple[float, float]:
        """Seconds for which it has waited for a place without a break, and for which it has not begun in all."""
        if observation.state is ObservedState.UNKNOWN:
            if (away := self._known.get(attempt_id)) is not None:
                away.last = None
            return 0.0, 0.0
        if observation.state is not ObservedState.PENDING:
            self._known.pop(attempt_id, None)
            return 0.0, 0.0
        wait = self._known.setdefault(attempt_id, _Wait())
        passed = 0.0 if wait.last is None else max(0.0, (now - wait.last).total_seconds())
        wait.last = now
        wait.pending += passed
        wait.waited = 0.0 if observation.reason == PLACED else wait.waited + passed
        return wait.waited, wait.pending

    def keep(self, living: Collection[str]) -> None:
        """Forget all others."""
        for attempt_id in self._known.keys() - set(living):
            del self._known[attempt_id]


class Runs:
    """For how long attempts have run, in memory: by the clock when each was first seen to run, then by one that nobody sets
    and that stands still while the machine sleeps. A new process begins anew."""

    def __init__(self) -> None:
        self._began: dict[str, float] = {}

    def seen(self, attempt_id: str, ran: float, passed: float) -> float:
        """Seconds. ``ran`` is what the clock says, ``passed`` what the steady one says."""
        return passed - self._began.setdefault(attempt_id, passed - ran)

    def keep(self, living: Collection[str]) -> None:
        """Forget all others."""
        for attempt_id in self._began.keys() - set(living):
            del self._began[attempt_id]
