"""Cron expressions: what is refused and why, what they say in words, and when they are due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from primehub_services.domain import cron
from primehub_services.domain.problems import Invalid

JANUARY = datetime(2026, 1, 1, tzinfo=UTC)


def local(expression: str, zone: str, after: str, count: int) -> list[str]:
    """Due instants as clocks in the zone show them."""
    read = cron.parse(expression, zone)
    return [
        at.astimezone(read.zone).isoformat(timespec="minutes")
        for at in read.upcoming(datetime.fromisoformat(after), count)
    ]


@pytest.mark.parametrize(
    ("expression", "field", "fix"),
    [
        ("61 * * * *", "minute: '61'", "0 to 59"),
        ("* 24 * * *", "hour: '24'", "0 to 23"),
        ("0 0 32 * *", "day of month: '32'", "1 to 31, L"),
        ("0 0 * 13 *", "month: '13'", "JAN to DEC"),
        ("0 0 * * 8", "day of week: '8'", "SUN to SAT"),
        ("0 0 * * MONDAY", "day of week: 'MONDAY'", "SUN to SAT"),
        ("*/90 * * * *", "minute: the step of '*/90'", "0 to 59"),
        ("0 0 L/2 * *", "day of month: 'L/2'", "LW"),
        ("0 0 ? * 1", "day of month: '?'", "* is any"),
        ("5-1 * * * *", "minute: '5-1'", "1-5 a range"),
        ("* * * *", "has 4 fields", "minute, hour, day of month, month, day of week"),
        ("0 0 * * * *", "has 6 fields", "give 5"),
        ("@daily", "nicknames", "'0 0 * * *'"),
        ("0 0 30 2 *", "never comes", "L is the last one"),
        ("0 0 31 4,6,9,11 *", "never comes", "L is the last one"),
    ],
)
def test_what_is_wrong_is_named_with_what_is_allowed(expression: str, field: str, fix: str) -> None:
    with pytest.raises(Invalid) as caught:
        cron.parse(expression, "UTC")
    [error] = caught.value.errors
    assert error.field == "cron"
    assert field in error.message
    assert fix in error.fix


def test_every_field_that_is_wrong_is_named() -> None:
    with pytest.raises(Invalid) as caught:
        cron.parse("60 24 0 0 9", "UTC")
    assert [e.message.partition(":")[0] for e in caught.value.errors] == list(cron.FIELDS)


@pytest.mark.parametrize("zone", ["europe/berlin", "Mars/Olympus", "../etc/passwd", "localtime", ""])
def test_a_time_zone_that_is_not_there_is_refused(zone: str) -> None:
    with pytest.raises(Invalid) as caught:
        cron.parse("0 4 * * *", zone)
    [error] = caught.value.errors
    assert error.field == "timezone"
    assert "'Europe/Berlin'" in error.fix


def test_runs_that_are_too_close_are_refused() -> None:
    assert cron.parse("*/10 * * * *", "UTC", at_least=600)
    for close in ("*/5 * * * *", "0,1 4 * * *", "59,0 * * * *"):
        with pytest.raises(Invalid, match=r"apart"):
            cron.parse(close, "UTC", at_least=600)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("* * * * *", "Every minute"),
        ("*/5 * * * *", "Every 5 minutes"),
        ("*/7 * * * *", "Every hour, at the minutes 0, 7, 14, 21, 28, 35, 42, 49 and 56"),
        ("0 * * * *", "Every hour, on the hour"),
        ("7 * * * *", "Every hour, at 7 minutes past"),
        ("0 4 * * *", "At 04:00 every day"),
        ("0 4 * * 0", "At 04:00 every Sunday"),
        ("0 4 1 * *", "At 04:00 on the 1st of the month"),
        ("0 4 22,23 * 1", "At 04:00 on the 22nd and 23rd of the month, and also every Monday"),
        ("0 9-17 * * 1-5", "Every hour from 09:00 to 17:00, Monday to Friday"),
        ("*/15 9-17 * * mon-fri", "Every 15 minutes from 09:00 to 17:45, Monday to Friday"),
        ("0 0 L * *", "At 00:00 on the last day of the month"),
        ("0 0 LW * *", "At 00:00 on the last weekday of the month"),
        ("0 0 * * MON#2", "At 00:00 on the 2nd Monday of the month"),
        ("0 0 * * 1,5L", "At 00:00 every Monday and the last Friday of the month"),
        ("0 0 29 2 *", "At 00:00 on 29 February"),
        ("7 */6 * * *", "Every 6 hours from 00:07"),
        ("0-30/10 2 * * *", "At 02:00, 02:10, 02:20 and 02:30 every day"),
        ("17 3 * 1-3 *", "At 03:17 every day in January to March"),
        ("0 0 */3 * 5", "At 00:00 on every 3rd day from the 1st of the month, if it is a Friday"),
        ("0 0 15 3 1", "At 00:00 on the 15th of the month, and also every Monday, in March"),
    ],
)
def test_an_expression_in_words(expression: str, words: str) -> None:
    assert cron.parse(expression, "UTC").reading == words


def test_a_fixed_time_that_the_clocks_skip_runs_right_after_and_one_that_comes_twice_runs_once() -> None:
    spring = local("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00+00:00", 2)
    assert spring == ["2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"]
    autumn = local("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00+00:00", 2)
    assert autumn == ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"]
    # nor from a moment between the two
    between = local("30 2 * * *", "Europe/Berlin", "2026-10-25T01:10+00:00", 1)
    assert between == ["2026-10-26T02:30+01:00"]


def test_two_fixed_times_that_become_one_moment_run_once() -> None:
    due = local("0 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00+00:00", 2)
    assert due == ["2026-03-29T03:00+02:00", "2026-03-30T02:00+02:00"]


def test_a_repeating_time_follows_elapsed_time() -> None:
    assert local("*/30 2 * * *", "Europe/Berlin", "2026-03-28T12:00+00:00", 1) == ["2026-03-30T02:00+02:00"]
    assert local("*/30 2 * * *", "Europe/Berlin", "2026-10-24T12:00+00:00", 4) == [
        "2026-10-25T02:00+02:00",
        "2026-10-25T02:30+02:00",
        "2026-10-25T02:00+01:00",
        "2026-10-25T02:30+01:00",
    ]


def test_a_day_that_fits_either_field_is_due_unless_one_begins_with_a_star() -> None:
    either = local("0 0 13 * 5", "UTC", "2026-02-01T00:00+00:00", 3)
    assert either == ["2026-02-06T00:00+00:00", "2026-02-13T00:00+00:00", "2026-02-20T00:00+00:00"]
    both = local("0 0 */13 * 5", "UTC", "2026-05-01T00:00+00:00", 2)
    assert both == ["2026-08-14T00:00+00:00", "2026-11-27T00:00+00:00"]


EXPRESSIONS = (
    "* * * * *",
    "*/7 3-9 * * *",
    "30 2 * * *",
    "*/30 1,2 * * *",
    "0 0 * * 1",
    "15 0-3 1,15 * *",
    "0 0 L 2 *",
)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Cairo")


@settings(max_examples=60, deadline=None)
@given(
    expression=st.sampled_from(EXPRESSIONS),
    zone=st.sampled_from(ZONES),
    start=st.integers(0, 2 * 366 * 1440),
    length=st.integers(0, 20 * 1440),
    seconds=st.integers(0, 59),
)
def test_a_stretch_counted_by_days_is_the_one_counted_by_instants(
    expression: str, zone: str, start: int, length: int, seconds: int
) -> None:
    read = cron.parse(expression, zone)
    after = JANUARY + timedelta(minutes=start, seconds=seconds)
    until = after + timedelta(minutes=length)
    due = []
    at = read.after(after)
    while at is not None and at <= until:
        due.append(at)
        at = read.after(at)
    found = read.stretch(after, until)
    assert (found is None) == (not due)
    if found is not None:
        assert (found.first, found.last, found.count) == (due[0], due[-1], len(due))


def test_years_of_every_minute_are_counted_at_once() -> None:
    found = cron.parse("* * * * *", "Europe/Berlin").stretch(JANUARY, JANUARY.replace(year=2056))
    assert found is not None
    assert found.count == (JANUARY.replace(year=2056) - JANUARY) / timedelta(minutes=1)
