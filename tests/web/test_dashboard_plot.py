"""Plots: in which step an event counts, and what is drawn of it."""

from itertools import pairwise

import pytest

from smtpeter.journal.interface import Tally
from smtpeter.web.dashboard.plot import HEIGHT, SPANS, WIDTH, counted, plots

NOW = 1_780_000_000.0  # 2026-05-28 20:26:40
HOUR = 1_779_998_400  # 20:00


@pytest.mark.parametrize("span", SPANS.values(), ids=SPANS)
def test_a_span_ends_with_the_step_that_is_now(span):
    starts = span.starts(NOW)
    assert span.number == len(starts)
    assert starts[-1] <= NOW < starts[-1] + span.length
    assert {span.length} == {after - before for before, after in pairwise(starts)}


def test_what_lies_outside_of_the_span_is_left_out():
    span = SPANS["day"]
    tallies = [Tally(HOUR, "click", 3), Tally(HOUR - 24 * 3600, "click", 5), Tally(HOUR + 3600, "click", 7)]
    assert {"click": [0] * 23 + [3]} == counted(tallies, span, NOW)


def test_several_hours_are_one_step_of_a_week():
    span = SPANS["week"]
    start = span.starts(NOW)[0]
    tallies = [
        Tally(start, "open", 1),
        Tally(start + 5 * 3600, "open", 2),
        Tally(start + 6 * 3600, "open", 4),
    ]
    assert [3, 4] == counted(tallies, span, NOW)["open"][:2]


def test_a_plot_has_a_bar_where_something_happened_and_says_so():
    span = SPANS["day"]
    [drawn] = plots(("click",), {"click": [0] * 22 + [1, 10_000]}, span, NOW)
    small, large = drawn.bars
    assert (10_001, 10_000, "20:00: 10,000") == (drawn.total, drawn.most, large.said)
    assert (HEIGHT, 0.0) == (large.height, large.y)
    assert small.height > 1, "a single event among thousands is not seen"
    assert large.x + large.width <= WIDTH
    assert "Last 24 hours: 10,001 in all; most at 20:00: 10,000." == drawn.said


def test_what_did_not_happen_has_a_plot_too():
    [drawn] = plots(("abuse",), {}, SPANS["hour"], NOW)
    assert (0, (), "Last hour: 0 in all.") == (drawn.total, drawn.bars, drawn.said)
