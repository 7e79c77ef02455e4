"""Runs a controller again and again: at its interval, sooner on a hint, later after failures."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

log = logging.getLogger(__name__)
LONGEST_WAIT = 5.0
"""Seconds; more would make recovery from a fault take longer than promised."""
SHORTEST_WAIT = 0.1
"""Seconds between two steps, so that a stream of hints is not a busy loop."""


class Every:
    """What a controller does every so often: due once its pause is over, and once the clock shows a time before the last.

    Without the latter nothing would be due for as long as the clock was set back.
    """

    def __init__(self, pause: timedelta) -> None:
        self.pause = pause
        self._last: datetime | None = None

    def due(self, now: datetime) -> bool:
        """Whether it is to be done; at first it is."""
        return self._last is None or not timedelta(0) <= now - self._last < self.pause

    def done(self, now: datetime) -> None:
        """Begin a pause."""
        self._last = now


class Controller(Protocol):
    """One concern. ``interval`` is in seconds."""

    name: str
    interval: float
    hints: frozenset[str]
    """The kinds of changes that are a reason to step sooner."""

    async def step(self, now: datetime) -> None:
        """Compare and act once. May raise anything: it is logged, and tried again."""


@dataclass(slots=True)
class Health:
    """How a controller is doing, for the health page."""

    last_success: datetime | None = None
    last_error: str = ""
    failures: int = 0
    """In a row."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Runner:
    """Keeps one controller going. Its failures are its own: no other controller waits or ends for them."""

    def __init__(self, controller: Controller, *, clock: Callable[[], datetime] = _utc_now) -> None:
        self.controller = controller
        self.health = Health()
        self._clock = clock
        self._hint = asyncio.Event()

    def hint(self) -> None:
        """Something may have changed: do not wait for the interval. Call it from the event loop."""
        self._hint.set()

    async def run(self) -> None:
        """Step until cancelled."""
        while True:
            self._hint.clear()
            await self.step()
            await self._wait()

    async def step(self) -> bool:
        """One step; whether it went well."""
        now = self._clock()
        try:
            await self.controller.step(now)
        except Exception as error:
            self.health.failures += 1
            self.health.last_error = f"{type(error).__name__}: {error}"
            # the first failure with all that is known, the same again and again in a line
            if self.health.failures == 1:
                log.exception("%s failed", self.controller.name)
            else:
                log.warning("%s failed (%d times): %s", self.controller.name, self.health.failures, error)
            return False
        self.health.failures = 0
        self.health.last_error = ""
        self.health.last_success = now
        return True

    def wait_s(self) -> float:
        """Seconds until the next step if nothing hints at one."""
        if not self.health.failures:
            return self.controller.interval
        longest = max(LONGEST_WAIT, self.controller.interval)
        return min(longest, 0.5 * float(2 ** min(self.health.failures, 10)))

    async def _wait(self) -> None:
        await asyncio.sleep(SHORTEST_WAIT)
        if self.health.failures:
            await asyncio.sleep(self.wait_s())  # a hint does not make a broken thing whole
            return
        with contextlib.suppress(TimeoutError):
            # not by wait_for, which in Python 3.11 loses a cancellation that comes together with a hint
            async with asyncio.timeout(max(0.0, self.wait_s() - SHORTEST_WAIT)):
                await self._hint.wait()
