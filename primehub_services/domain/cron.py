"""Cron expressions: read, checked, and turned into due instants.

**Daylight saving**, as Debian's cron does it: a time of day that is fixed (``30 2 * * *``) runs once a day: where the
clocks skip it, right after the skip; where they go through it twice, the first time. A time with ``*`` in its minute
or hour (``*/30 * * * *``) follows elapsed time: nothing in a skipped hour, both times in a repeated one.

**Days**, as Debian's cron does it: where day of month and day of week are both given, a day that fits either is due;
where one of them begins with ``*``, both must fit.
"""

from __future__ import annotations

import difflib
import functools
import re
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice, pairwise, takewhile

from cronsim import CronSim, CronSimError

from .cron_words import reading
from .problems import FieldError, Invalid

FIELDS = ("minute", "hour", "day of month", "month", "day of week")
_ALLOWED = (
    "0 to 59",
    "0 to 23",
    "1 to 31, L (the last day) or LW (the last weekday)",
    "1 to 12 or JAN to DEC",
    "0 to 7 (0 and 7 are Sunday) or SUN to SAT, MON#2 (the second Monday) or 5L (the last Friday)",
)
_LARGEST_STEP = (59, 23, 31, 12, 7)
_STEP = re.compile(r"/0*(\d+)\Z")
_NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_LOOKED_AT = 300
"""Due instants among which two that are too close are looked for."""
_DAY = timedelta(days=1)
_ENUMERATED = timedelta(days=3)
"""A stretch up to so long is counted instant by instant."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """The due instants of a span of time."""

    first: datetime
    last: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Cron:
    """A checked expression in its time zone. Moments go in and come out in UTC."""

    expression: str
    zone: tzinfo

    @property
    def reading(self) -> str:
        """The expression in words."""
        return reading(self.expression)

    def after(self, moment: datetime) -> datetime | None:
        """The first due instant that is later than ``moment``; None where none comes within 50 years."""
        return next(self._from(moment), None)

    def upcoming(self, moment: datetime, count: int) -> tuple[datetime, ...]:
        """The first ``count`` due instants later than ``moment``."""
        return tuple(islice(self._from(moment), count))

    def stretch(self, after: datetime, until: datetime) -> Stretch | None:
        """What is due later than ``after`` and up to ``until``. Quick for years of every minute, too."""
        first = self.after(after)
        if first is None or first > until:
            return None
        if until - after <= _ENUMERATED:
            return self._enumerated(after, until)
        parts = [part for part in self._by_days(after, until) if part is not None]
        return Stretch(first, parts[-1].last, sum(part.count for part in parts))

    def _from(self, moment: datetime) -> Iterator[datetime]:
        last = moment
        simulated = CronSim(self.expression, moment.astimezone(self.zone))
        for local in simulated:
            instant = local.astimezone(UTC)
            # in a repeated hour the simulation begins with the first time through; two times that the clocks skip
            # can become the same moment
            if instant > last:
                last = instant
                yield instant

    def _enumerated(self, after: datetime, until: datetime) -> Stretch | None:
        due = list(takewhile(lambda instant: instant <= until, self._from(after)))
        return Stretch(due[0], due[-1], len(due)) if due else None

    def _by_days(self, after: datetime, until: datetime) -> Iterator[Stretch | None]:
        """The stretch in windows from one local midnight to the next, so that whole days need not be walked."""
        simulated = CronSim(self.expression, datetime(2000, 1, 1, tzinfo=UTC))
        times = len(simulated.minutes) * len(simulated.hours)
        first_time = timedelta(hours=min(simulated.hours), minutes=min(simulated.minutes))
        last_time = timedelta(hours=max(simulated.hours), minutes=max(simulated.minutes))
        instant = timedelta(microseconds=1)  # windows are (begin, end], days are [begin, end)
        day = after.astimezone(self.zone).date() + _DAY
        begin = _midnight(day, self.zone)
        yield self._enumerated(after, begin - instant)
        while begin + _DAY + _DAY < until:
            end = _midnight(day + _DAY, self.zone)
            if end - begin != _DAY:
                yield self._enumerated(begin - instant, end - instant)
            elif simulated.match_day(day) and day.month in simulated.months:
                yield Stretch(begin + first_time, begin + last_time, times)
            begin, day = end, day + _DAY
        yield self._enumerated(begin - instant, until)


def parse(expression: str, timezone: str, *, at_least: int = 60) -> Cron:
    """The expression in the zone of that IANA name.

    Raises ``Invalid`` that names the field of the five that is wrong and what it may be, for one that never comes, and
    for due instants less than ``at_least`` seconds apart.
    """
    zone = _zone(timezone)
    words = expression.split()
    given = _NICKNAMES.get(expression.strip().lower())
    if given is not None:
        raise _invalid("nicknames are not taken", f"write {given!r}")
    if len(words) != len(FIELDS):
        fix = f"give {len(FIELDS)} with spaces between: {', '.join(FIELDS)}; 0 4 * * * is every day at 04:00"
        raise _invalid(f"has {len(words)} fields", fix)
    errors = [error for n, word in enumerate(words) if (error := _wrong(n, word)) is not None]
    if errors:
        raise Invalid("; ".join(f"{e.field}: {e.message}" for e in errors), errors=tuple(errors))
    cron = Cron(" ".join(words).upper(), zone)
    _check_comes(cron, at_least)
    return cron


def stored(expression: str, timezone: str) -> Cron:
    """One that was checked before."""
    return Cron(expression, _zone(timezone))


def _wrong(n: int, word: str) -> FieldError | None:
    allowed = f"{FIELDS[n]} is {_ALLOWED[n]}; * is any, 1-5 a range, 1,3 a list, */2 every second"
    for term in word.split(","):
        step = _STEP.search(term)
        if step is not None and int(step[1]) > _LARGEST_STEP[n]:
            message = f"{FIELDS[n]}: the step of {term!r} is larger than {_LARGEST_STEP[n]}"
            return FieldError(field="cron", message=message, fix=allowed)
        if "/" in term and "L" in term.upper():
            return FieldError(field="cron", message=f"{FIELDS[n]}: {term!r} has a step after L", fix=allowed)
    try:
        CronSim(" ".join("*" if other != n else word for other in range(len(FIELDS))), datetime(2000, 1, 1))
    except (CronSimError, ValueError):
        return FieldError(field="cron", message=f"{FIELDS[n]}: {word!r} cannot be read", fix=allowed)
    return None


def _check_comes(cron: Cron, at_least: int) -> None:
    try:
        soon = cron.upcoming(datetime(2026, 1, 1, tzinfo=UTC), _LOOKED_AT if at_least > 60 else 1)
    except CronSimError:
        soon = ()
    if not soon:
        day, month = cron.expression.split()[2:4]
        raise _invalid(
            f"never comes: no month {month} has a day {day}", "choose a day that the months have; L is the last one"
        )
    closest = min((b - a for a, b in pairwise(soon)), default=timedelta.max)
    if closest < timedelta(seconds=at_least):
        raise _invalid(
            f"two runs are only {closest.total_seconds():.0f} s apart",
            f"the administrators allow no less than {at_least} s",
        )


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    if name not in zones():
        near = difflib.get_close_matches(name, zones(), n=1, cutoff=0.6)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise Invalid.field(
            "timezone", f"there is no time zone {name!r}", f"{hint}Use a name like 'Europe/Berlin' or 'UTC'"
        )
    return zoneinfo.ZoneInfo(name)


@functools.cache
def zones() -> frozenset[str]:
    """The names of all time zones; not ``localtime``, which is another one on each machine."""
    return frozenset(zoneinfo.available_timezones() - {"localtime", "Factory"})


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def _invalid(message: str, fix: str) -> Invalid:
    return Invalid.field("cron", message, fix)
