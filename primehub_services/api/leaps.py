"""Whether time went on as the clock says: it may be set forward, and while a machine sleeps nobody can be active."""

from __future__ import annotations

import time
from collections.abc import Callable

LEAP = 60.0
"""Seconds by which the clock may get ahead of what passed between two looks."""
UNTIL_HEARD = 360.0
"""Seconds after a leap until it is known again who works: a notebook server tells the hub at least every five minutes."""


class Leaps:
    """Compares the clock with one that nobody sets and that stands still while the machine sleeps.

    It begins with the process: a leap before that is not seen.
    """

    def __init__(self, clock: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._steady = steady
        self._ahead = clock() - steady()
        self._until = steady()

    def lately(self) -> bool:
        """Whether there was one since the last look, or so lately that what seems idle may be in use."""
        now = self._steady()
        ahead = self._clock() - now
        if ahead - self._ahead > LEAP:
            self._until = now + UNTIL_HEARD
        self._ahead = ahead
        return now < self._until
