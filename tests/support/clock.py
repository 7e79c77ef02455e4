"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


class FixedClock:
    """Call it for the time; ``advance`` moves it, ``now`` may be set."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now
        self._passed = 0.0

    def __call__(self) -> datetime:
        """The time that it stands at."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Time passes. A negative number sets the clock back."""
        self.now += timedelta(seconds=seconds)
        self._passed += max(0.0, seconds)

    def set_by(self, seconds: float) -> None:
        """Somebody sets it, forward or back, or the machine slept: no time passes for what runs."""
        self.now += timedelta(seconds=seconds)

    def steady(self) -> float:
        """Seconds that passed, whatever the clock was set to."""
        return self._passed
