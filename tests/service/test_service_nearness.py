"""Mail that a clock which was ahead deferred does not wait for that clock's tomorrow."""

import pytest
from twisted.internet.task import Clock

from smtpeter.service.nearness import Nearness, longest_wait
from smtpeter.spool.interface import SpoolUnavailable
from tests.kit.fakes.spool import FakeSpool
from tests.storage.stores import accepted, result

DAY = 86_400.0
NOW = 1_700_000_000.0


class Watched:
    def __init__(self):
        self.spool, self.clock, self.now = FakeSpool(), Clock(), NOW
        self.nearness = Nearness(self.spool, longest_wait((300.0, 14_400.0)), lambda: self.now, self.clock)

    def due(self):
        return result(self.spool.delivery(11)).due_at


@pytest.fixture
def watched():
    return Watched()


def test_the_longest_wait_is_that_of_the_schedule_with_its_jitter():
    assert pytest.approx(15_840.0) == longest_wait((300.0, 14_400.0))
    assert pytest.approx(7_920.0) == longest_wait((1.0,))


@pytest.mark.row(142)
def test_what_was_left_far_ahead_is_drawn_near_at_start(watched):
    result(watched.spool.accept(accepted(1, due_at=NOW + DAY)))
    watched.nearness.start()
    assert NOW <= watched.due() < NOW + 15_840.0
    watched.nearness.stop()


@pytest.mark.row(142)
def test_a_clock_that_is_set_right_is_noticed_within_a_minute(watched):
    watched.now = NOW + DAY
    watched.nearness.start()
    result(watched.spool.accept(accepted(1, due_at=watched.now + 14_400.0)))
    watched.now = NOW
    watched.clock.advance(59)
    assert NOW + DAY + 14_400.0 == watched.due()
    watched.clock.advance(1)
    assert NOW <= watched.due() < NOW + 15_840.0
    watched.nearness.stop()


def test_what_waits_as_long_as_it_should_is_left_alone(watched):
    result(watched.spool.accept(accepted(1, due_at=NOW + 14_400.0 * 1.09)))
    watched.nearness.start()
    assert NOW + 14_400.0 * 1.09 == watched.due()
    watched.nearness.stop()


def test_a_spool_that_is_away_is_asked_again_a_minute_later(watched):
    result(watched.spool.accept(accepted(1, due_at=NOW + DAY)))
    watched.spool.trouble = SpoolUnavailable("away")
    watched.nearness.start()
    watched.spool.trouble = None
    watched.clock.advance(60)
    assert watched.due() < NOW + DAY
    watched.nearness.stop()


def test_once_stopped_it_looks_no_more(watched):
    watched.nearness.start()
    watched.nearness.stop()
    assert [] == watched.clock.getDelayedCalls()
