"""Heartbeats, by the boot clock."""

import pytest

from smtpeter.spool.model import QueueFilter
from smtpeter.spool.states import State
from smtpeter.storage import workers
from smtpeter.storage.engine import for_writing
from tests.storage.stores import accepted


def beat(stored, *beats):
    with for_writing(stored.engine).begin() as connection:
        workers.beat(connection, beats)


def held(stored):
    return [d.id for d in stored.run(stored.spool.deliveries(QueueFilter(states=(State.CLAIMED,)), 100))]


@pytest.fixture
def two(stored):
    """Workers 1 and 2 hold 11 and 21, since uptime 1000."""
    stored.run(stored.spool.accept(accepted(1, claimed=True)))
    stored.run(stored.another_worker().accept(accepted(2, claimed=True)))
    return stored


def test_a_worker_that_is_heard_in_time_keeps_its_claims(two):
    for now in range(1000, 1200, 30):
        beat(two, (1, float(now)), (2, float(now)))
    assert [11, 21] == held(two)


def test_silence_of_more_than_30_seconds_is_death(two):
    beat(two, (2, 1030.0))
    assert [11, 21] == held(two)
    beat(two, (2, 1030.5))
    assert [21] == held(two)


def test_a_worker_that_was_thought_dead_lives_on_with_what_it_claims_next(two):
    beat(two, (2, 1031.0))
    beat(two, (1, 1032.0))
    two.run(two.spool.claim(1, 9e9))
    beat(two, (2, 1040.0))
    assert [11, 21] == held(two)


@pytest.mark.row(142)
def test_the_wall_clock_means_nothing_to_claims(two):
    for day in (-86400.0, 86400.0):
        two.machine.now += day
        beat(two, (1, 1010.0), (2, 1010.0))
    assert [11, 21] == held(two)


def test_no_number_is_given_twice(stored):
    with for_writing(stored.engine).begin() as connection:
        first = workers.register(connection, 1.0)
        workers.leave(connection, [first])
        assert first < workers.register(connection, 1.0)
        assert first + 1 < workers.succeed(connection, 1.0)
