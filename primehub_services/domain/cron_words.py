"""A cron expression in plain words: *At 04:00 on the 1st and 15th of the month, and also every Friday*."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

_MONTHS = tuple(
    [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ]
)
_DAYS = tuple(["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"])
_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_NAMES = {name[:3].upper(): n for n, name in enumerate(_MONTHS, 1)}
_DAY_NAMES = {name[:3].upper(): n for n, name in enumerate(_DAYS)}
_STEPPED = re.compile(r"\*/(\d+)\Z")
_MOST_TIMES = 6


def reading(expression: str) -> str:
    """The words of a checked expression of five fields."""
    minute, hour, day, month, weekday = expression.upper().split()
    times, daily = _times(minute, hour)
    days = _days(day, weekday)
    if not days and not daily:
        days = "every day"
    if month != "*":
        date = f"{day} {_months(month)}"
        one = day.isdigit() and weekday == "*" and len(_values(month, 3)) == 1
        comma = "," if ", " in days else ""  # the month is of both days
        days = f"on {date}" if one else f"{days}{comma} in {_months(month)}".strip()
    return f"{times}{'' if days.startswith(',') else ' '}{days}".strip()


def _times(minute: str, hour: str) -> tuple[str, bool]:
    """When on a day; and whether the words already say that it is every day."""
    minutes, hours = _values(minute, 0), _values(hour, 1)
    every_minutes = _whole_step(minute, 60)
    if hour == "*":
        return _hourly(minute, minutes, every_minutes), True
    every_hours = _whole_step(hour, 24)
    if len(minutes) == 1 and every_hours:
        return f"Every {every_hours} hours from {_clock(0, minutes[0])}", True
    if len(minutes) * len(hours) <= _MOST_TIMES:
        return f"At {_join([_clock(h, m) for h in hours for m in minutes])}", False
    if len(minutes) == 1:
        clocks = [_clock(hour, minutes[0]) for hour in hours]
        return f"Every hour from {clocks[0]} to {clocks[-1]}" if _is_run(hours) else f"At {_join(clocks)}", False
    if (every_minutes or minute == "*") and (_is_run(hours) or len(hours) == 1):
        often = f"Every {every_minutes} minutes" if every_minutes else "Every minute"
        return f"{often} from {_clock(hours[0], 0)} to {_clock(hours[-1], minutes[-1])}", False
    words = "Every minute" if minute == "*" else f"At {_plural('minute', len(minutes))} {_numbers(minutes)}"
    return f"{words} of the {_plural('hour', len(hours))} {_numbers(hours)}", False


def _hourly(minute: str, minutes: Sequence[int], every: int) -> str:
    if minute == "*":
        return "Every minute"
    if every:
        return f"Every {every} minutes"
    if minutes == [0]:
        return "Every hour, on the hour"
    if len(minutes) == 1:
        return f"Every hour, at {minutes[0]} {_plural('minute', minutes[0])} past"
    return f"Every hour, at the minutes {_numbers(minutes)}"


def _days(day: str, weekday: str) -> str:
    if day == "*" and weekday == "*":
        return ""
    on_days = "" if day == "*" else _days_of_month(day)
    on_weekdays = "" if weekday == "*" else _weekdays(weekday)
    if not on_days:
        if " to " in on_weekdays:
            return f", {on_weekdays}"
        return f"on {on_weekdays}" if on_weekdays.startswith("the ") else f"every {on_weekdays}"
    if not on_weekdays:
        return f"on {on_days}"
    if day.startswith("*") or weekday.startswith("*"):
        return f"on {on_days}, if it is {_one(on_weekdays)}"
    also = on_weekdays if on_weekdays.startswith("the ") else f"every {on_weekdays}"
    return f"on {on_days}, and also {also}"


def _one(weekdays: str) -> str:
    return weekdays if weekdays.startswith("the ") else f"a {weekdays}".replace(" and ", " or ")


def _days_of_month(field: str) -> str:
    step = _STEPPED.match(field)
    if step and int(step[1]) > 1 and len(_values(field, 2)) > 3:
        return f"every {_ordinal(int(step[1]))} day from the 1st of the month"
    special = {"L": "last day", "LW": "last weekday"}
    terms = field.split(",")
    numbers = sorted({n for term in terms if term not in special for n in _values(term, 2)})
    words = _runs(numbers, _ordinal)
    words += [special[term] for term in terms if term in special]
    return f"the {_join(words)} of the month"


def _weekdays(field: str) -> str:
    terms = field.split(",")
    plain = [term for term in terms if "#" not in term and not _is_last(term)]
    numbers = sorted({n % 7 for term in plain for n in _values(term, 4)}, key=lambda n: (n + 6) % 7)
    if len(numbers) == 7:
        return "day"
    words: list[str] = []
    if numbers:
        monday_first = [(n + 6) % 7 for n in numbers]
        names = [_DAYS[(n + 1) % 7] for n in monday_first]
        if len(numbers) > 2 and _is_run(monday_first):
            words.append(f"{names[0]} to {names[-1]}")
        else:
            words += names
    for term in terms:
        if "#" in term:
            name, _, nth = term.partition("#")
            words.append(f"the {_ordinal(int(nth))} {_DAYS[_number(name, 4) % 7]} of the month")
        elif _is_last(term):
            words.append(f"the last {_DAYS[int(term[:-1]) % 7]} of the month")
    return _join(words)


def _months(field: str) -> str:
    return _join(list(_runs(_values(field, 3), lambda n: _MONTHS[n - 1])))


def _is_last(term: str) -> bool:
    return term.endswith("L") and term[:-1].isdigit()


def _values(field: str, n: int) -> list[int]:
    """Every number that a field of plain terms stands for, in order."""
    low, high = _RANGES[n]
    found: set[int] = set()
    for term in field.split(","):
        body, _, step = term.partition("/")
        first, dash, last = body.partition("-")
        if body == "*":
            begin, end = low, high
        else:
            begin = _number(first, n)
            end = _number(last, n) if dash else (high if step else begin)
        found.update(range(begin, end + 1, int(step or 1)))
    return sorted(found)


def _number(word: str, n: int) -> int:
    names = {3: _NAMES, 4: _DAY_NAMES}.get(n, {})
    return names[word] if word in names else int(word)


def _whole_step(field: str, span: int) -> int:
    """``n`` of ``*/n`` where the steps divide the span evenly, else 0."""
    match = _STEPPED.match(field)
    step = int(match[1]) if match else 0
    return step if step > 1 and span % step == 0 else 0


def _runs(numbers: Iterable[int], word: Callable[[int], str]) -> list[str]:
    """The numbers' words, three or more in a row as *first to last*."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    words: list[str] = []
    for run in runs:
        words += [f"{word(run[0])} to {word(run[-1])}"] if len(run) > 2 else [word(n) for n in run]
    return words


def _numbers(numbers: Iterable[int]) -> str:
    return _join(_runs(numbers, str))


def _is_run(numbers: Sequence[int]) -> bool:
    return len(numbers) > 1 and list(numbers) == list(range(numbers[0], numbers[-1] + 1))


def _clock(hour: int, minute: int) -> str:
    return f"{hour:02d}:{minute:02d}"


def _ordinal(number: int) -> str:
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"


def _join(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
