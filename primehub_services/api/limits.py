"""How often somebody who is not signed in may ask."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable

from ..domain.problems import TooMany

KEYS = 10_000


class RateLimit:
    """``tries`` in any ``seconds``, for each key; a token bucket. Only as many keys are remembered as fit."""

    def __init__(self, *, tries: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._tries = tries
        self._rate = tries / seconds
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> None:
        """Count one try. Raises ``TooMany`` where there have been enough."""
        now = self._clock()
        left, then = self._buckets.pop(key, (float(self._tries), now))
        left = min(float(self._tries), left + (now - then) * self._rate)
        allowed = left >= 1
        self._buckets[key] = (left - 1 if allowed else left, now)
        while len(self._buckets) > KEYS:
            self._buckets.popitem(last=False)
        if not allowed:
            wait = math.ceil((1 - left) / self._rate)
            msg = f"Too many requests from here. Try again in {wait} s."
            raise TooMany(msg, retry_after_s=wait)
