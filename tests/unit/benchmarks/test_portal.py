"""What the portal's benchmark takes for missed."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.portal import FROM_API, Figures, Visit, missed


def figures(clicks: dict[str, list[float]] | None = None, **home: Any) -> Figures:
    """Of three visits, the last of which is odd."""
    usual = {"bytes": 283_000, "lcp": 860.0, "cls": 0.0, "blocked": 40.0}
    visits = [Visit(**usual | home), Visit(**usual | home), Visit(bytes=9_000_000, lcp=9000, cls=1, blocked=9000)]
    return Figures({"Home": visits, "Jobs": [Visit(bytes=310_000)]}, clicks or {"Home to Jobs": [40, 50, 900]})


def test_what_is_as_wanted_is_not_missed_whatever_one_visit_was() -> None:
    assert missed(figures()) == []
    assert missed(figures({FROM_API: [400.0]})) == []


@pytest.mark.parametrize(("measure", "value"), [("bytes", 300_000), ("lcp", 2500.0), ("cls", 0.1), ("blocked", 200.0)])
def test_each_measure_has_a_limit(measure: str, value: float) -> None:
    (line,) = missed(figures(**{measure: value}))
    assert line.startswith(f"Home: {measure} is ")


def test_a_click_that_takes_long_is_missed() -> None:
    assert missed(figures({"Home to Jobs": [140.0, 150.0, 20.0]})) == ["Home to Jobs: 140 ms, wanted under 100 ms"]
