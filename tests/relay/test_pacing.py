"""One site's pace, by numbers."""

from collections import Counter

import pytest

from smtpeter.message.status import Outcome, Reply, Result, Stage
from smtpeter.relay.limits import Site
from smtpeter.relay.pacing import Bounds, Pace, Paces, Signal, judge
from tests.relay.mails import GREYLISTED, REFUSED, SLOW_DOWN, TAKEN, UNREACHED

BOUNDS = Bounds(site=20, opening=5, share=50, backoff=30.0, longest_backoff=900.0)
OURS = Outcome(Result.DEFERRED, Stage.PROCESS, Reply(451, "4.3.0", "Local error"))
NO_DOMAIN = Outcome(Result.FAILED, Stage.DNS, Reply(550, "5.1.2", "No such domain"))


def troubled(rounds=1, now=100.0):
    pace = Pace(Site("a.example"), BOUNDS)
    for _ in range(rounds):
        now = max(now, pace.until)
        pace.end(Signal.TROUBLE, UNREACHED, now, now)
    return pace


@pytest.mark.parametrize(
    ("outcomes", "answer"),
    [
        ([TAKEN], Signal.FINE),
        ([REFUSED, TAKEN], Signal.FINE),
        ([GREYLISTED], Signal.FINE),
        ([NO_DOMAIN], Signal.FINE),
        ([SLOW_DOWN], Signal.SLOW_DOWN),
        ([TAKEN, SLOW_DOWN], Signal.SLOW_DOWN),
        ([UNREACHED], Signal.TROUBLE),
        ([OURS], Signal.NOTHING),
        ([], Signal.NOTHING),
    ],
)
def test_what_outcomes_say_of_the_site(outcomes, answer):
    assert answer is judge(outcomes)[0]


def test_opens_by_one_with_each_answer_up_to_the_limit():
    pace = Pace(Site("a.example"), BOUNDS)
    limits = []
    for _ in range(17):
        limits.append(pace.limit)
        pace.end(Signal.FINE, None, 0.0, 1.0)
    assert [*range(5, 21), 20] == limits


def test_halves_when_told_to_slow_down_and_never_stops():
    pace = Pace(Site("a.example"), BOUNDS)
    seen = []
    for _ in range(4):
        pace.end(Signal.SLOW_DOWN, None, 0.0, 1.0)
        seen.append(pace.limit)
    assert [2, 1, 1, 1] == seen
    assert pace.takes(1.0, contended=False)


def test_trouble_leaves_the_site_alone_for_a_time_that_doubles_and_is_bounded():
    pauses = []
    pace, now = Pace(Site("a.example"), BOUNDS), 100.0
    for _ in range(8):
        pace.end(Signal.TROUBLE, UNREACHED, now, now)
        pauses.append(pace.until - now)
        now = pace.until
    assert [30.0, 60.0, 120.0, 240.0, 480.0, 900.0, 900.0, 900.0] == pauses


def test_what_fails_side_by_side_counts_once():
    pace = Pace(Site("a.example"), BOUNDS)
    for end in (100.0, 100.1, 130.0):
        pace.end(Signal.TROUBLE, UNREACHED, 99.0, end)
    assert (1, 130.0) == (pace.failures, pace.until)


@pytest.mark.row(118)
def test_a_site_that_answers_others_is_slowed_down_before_it_is_left_alone():
    pace, seen = Pace(Site("a.example"), BOUNDS), []
    pace.end(Signal.FINE, None, 0.0, 100.0)
    for end in (101.0, 102.0, 103.0):
        pace.end(Signal.TROUBLE, UNREACHED, 99.0, end)
        seen.append((pace.limit, pace.until))
    assert [(3, 0.0), (1, 0.0), (1, 133.0)] == seen


def test_an_answer_of_long_ago_does_not_count():
    pace = Pace(Site("a.example"), BOUNDS)
    pace.end(Signal.FINE, None, 0.0, 100.0)
    pace.end(Signal.TROUBLE, UNREACHED, 159.0, 160.0)
    assert 190.0 == pace.until


def test_one_attempt_asks_first_after_trouble_and_few_wait_for_it():
    pace = troubled()
    assert not pace.takes(129.0, contended=False)
    assert pace.takes(130.0, contended=False)
    assert 1 == pace.limit
    pace.waiting = 10
    assert not pace.takes(130.0, contended=False)


def test_an_answer_forgives():
    pace = troubled(rounds=3)
    pace.end(Signal.FINE, None, 10.0, 11.0)
    assert (0, 0.0, 2) == (pace.failures, pace.until, pace.limit)


def test_nothing_learned_changes_nothing():
    pace = troubled()
    pace.end(Signal.NOTHING, None, 200.0, 201.0)
    assert (1, 130.0, 1) == (pace.failures, pace.until, pace.limit)


def test_has_but_a_share_where_others_want_the_room():
    pace = Pace(Site("a.example"), BOUNDS)
    pace.waiting = 50
    assert pace.takes(0.0, contended=False)
    assert not pace.takes(0.0, contended=True)


def test_what_cannot_wait_returns_one_after_the_other():
    """At the pace at which the site took what it took: 5 at once, a second each."""
    pace = Pace(Site("a.example"), BOUNDS)
    assert [10.0, 10.2, 10.4] == [round(pace.book(0.0), 6) for _ in range(3)]


def test_ten_thousand_return_spread_and_within_a_bound():
    pace = troubled()
    returns = [pace.book(100.0) for _ in range(10_000)]
    assert 30.0 <= min(returns)
    assert max(returns) < 30.0 + 900.0
    assert max(Counter(map(int, returns)).values()) <= 13


def test_forgets_idle_sites_and_keeps_those_in_trouble():
    paces = Paces(BOUNDS)
    dead = paces.of(Site("dead.example"), 0.0)
    dead.end(Signal.TROUBLE, UNREACHED, 0.0, 0.0)
    busy = paces.of(Site("busy.example"), 0.0)
    busy.running = 1
    for number in range(30_000):
        paces.of(Site(f"{number}.example"), 1.0)
    assert dead is paces.known("dead.example")
    assert busy is paces.known("busy.example")
    assert paces.known("0.example") is None
