"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


class FixedClock:
    """Call it for the time; ``advance`` moves it, ``now`` may be set."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """The time that it stands at."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Move it on; by a negative number, back."""
        self.now += timedelta(seconds=seconds)
