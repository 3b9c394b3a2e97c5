"""When a delivery is tried again, warned about, given up: no clock, only numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpeter.spool.schedule import JITTER, Schedule

HOUR, DAY = 3600.0, 86400.0
SCHEDULE = Schedule(retry=(300.0, 600.0, 1200.0), warn_after=4 * HOUR, give_up_after=4 * DAY)


@pytest.mark.row(116)
@pytest.mark.parametrize(
    ("attempts", "interval"), [(0, 300.0), (1, 600.0), (2, 1200.0), (3, 1200.0), (1000, 1200.0)]
)
def test_intervals_follow_each_other_and_the_last_repeats(attempts, interval):
    assert 5000.0 + interval == SCHEDULE.next_due(attempts, 5000.0, 1000.0, 0.0)


@given(st.integers(0, 50), st.floats(0, 1, exclude_max=True))
def test_jitter_delays_by_a_tenth_at_most_and_never_hastens(attempts, jitter):
    plain = SCHEDULE.next_due(attempts, 0.0, 0.0, 0.0)
    assert plain <= SCHEDULE.next_due(attempts, 0.0, 0.0, jitter) <= plain * (1 + JITTER)


def test_the_last_attempt_is_drawn_forward_to_the_deadline():
    deadline = 1000.0 + 4 * DAY
    assert deadline == SCHEDULE.next_due(9, deadline - 700.0, 1000.0, 0.5)


def test_the_last_attempt_does_not_hurry():
    deadline = 1000.0 + 4 * DAY
    assert deadline - 1.0 + 300.0 == SCHEDULE.next_due(9, deadline - 1.0, 1000.0, 0.5)


def test_an_attempt_that_ran_over_the_deadline_is_followed_by_one_after_it():
    deadline = 1000.0 + 4 * DAY
    assert deadline + 5.0 + 300.0 == SCHEDULE.next_due(9, deadline + 5.0, 1000.0, 0.0)


def test_a_message_brings_its_own_deadline():
    assert 1500.0 == SCHEDULE.next_due(2, 1100.0, 1000.0, 0.0, give_up_at=1500.0)
    assert SCHEDULE.is_expired(1500.0, 1000.0, give_up_at=1500.0)
    assert not SCHEDULE.is_expired(1500.0, 1000.0)


@pytest.mark.row(116)
def test_only_an_attempt_begun_since_the_deadline_is_the_last():
    deadline = 1000.0 + 4 * DAY
    assert not SCHEDULE.is_expired(deadline - 0.1, 1000.0)
    assert SCHEDULE.is_expired(deadline, 1000.0)


@pytest.mark.row(142)
def test_a_wall_clock_a_day_ahead_or_behind_expires_nothing_new():
    assert not SCHEDULE.is_expired(1000.0 + DAY, 1000.0)
    assert not SCHEDULE.is_expired(1000.0 - DAY, 1000.0)


@pytest.mark.row(116)
def test_the_warning_is_due_once():
    assert not SCHEDULE.warning_due(1000.0 + 4 * HOUR - 1, 1000.0, None)
    assert SCHEDULE.warning_due(1000.0 + 4 * HOUR, 1000.0, None)
    assert not SCHEDULE.warning_due(1000.0 + 9 * HOUR, 1000.0, 1000.0 + 4 * HOUR)


@given(st.integers(0, 200), st.floats(0, 1, exclude_max=True), st.floats(0, 8 * DAY))
def test_every_delivery_ends(attempts, jitter, age):
    """The next attempt is always later, and no attempt is planned far beyond the deadline."""
    due = SCHEDULE.next_due(attempts, 1000.0 + age, 1000.0, jitter)
    assert 1000.0 + age + 300.0 <= due
    assert due <= max(1000.0 + 4 * DAY, 1000.0 + age + 300.0)
