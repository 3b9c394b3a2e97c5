"""When what is to be written is handed to the writer: when the reactor has nothing else to do, and never late."""

import pytest
from twisted.internet.defer import succeed
from twisted.internet.task import Clock

from smtpeter.accounts.uses import Kind
from smtpeter.storage.allowances import StoredUses
from smtpeter.storage.gathering import Gathering


class Reactor(Clock):
    """A clock on which one turn is made at a time, and takes as long as a test says."""

    def turn(self, seconds=0.0):
        for call in [call for call in self.getDelayedCalls() if call.getTime() <= self.seconds()]:
            self.calls.remove(call)
            call.called = 1
            call.func()
        self.rightNow += seconds


@pytest.fixture
def reactor():
    return Reactor()


@pytest.fixture
def handed_over():
    return []


@pytest.fixture
def gathering(reactor, handed_over):
    return Gathering(reactor, handed_over.append)


def test_what_comes_alone_goes_when_the_reactor_has_looked_once_more(gathering, reactor, handed_over):
    gathering.add(1, urgent=True)
    reactor.turn()
    assert [] == handed_over
    reactor.turn()
    assert [[1]] == handed_over


def test_while_the_reactor_is_busy_others_may_come(gathering, reactor, handed_over):
    gathering.add(1, urgent=True)
    reactor.turn(0.001)
    gathering.add(2, urgent=True)
    reactor.turn(0.001)
    gathering.add(3, urgent=True)
    reactor.turn(0.001)
    reactor.turn()
    assert [] == handed_over
    reactor.turn()
    assert [[1, 2, 3]] == handed_over


def test_a_reactor_that_is_always_busy_delays_it_for_some_milliseconds_only(gathering, reactor, handed_over):
    gathering.add(1, urgent=True)
    for _ in range(10):
        reactor.turn(0.001)
        if handed_over:
            break
    assert [[1]] == handed_over
    assert reactor.seconds() < 0.01


def test_no_more_is_handed_over_at_once_than_one_transaction_takes(gathering, reactor, handed_over):
    for number in range(300):
        gathering.add(number, urgent=True)
    reactor.turn(0.001)
    assert [list(range(300))] == handed_over


def test_what_nobody_waits_for_goes_with_the_next_that_somebody_waits_for(gathering, reactor, handed_over):
    gathering.add("unhurried", urgent=False)
    reactor.advance(0.005)
    gathering.add("urgent", urgent=True)
    gathering.add("unhurried too", urgent=False)
    reactor.turn()
    reactor.turn()
    assert [["unhurried", "urgent", "unhurried too"]] == handed_over
    assert [] == reactor.getDelayedCalls()


def test_what_nobody_waits_for_goes_by_itself_a_little_later(gathering, reactor, handed_over):
    gathering.add(1, urgent=False)
    reactor.advance(0.009)
    gathering.add(2, urgent=False)
    assert [] == handed_over
    reactor.advance(0.002)
    assert [[1, 2]] == handed_over


def test_flushing_hands_over_what_there_is_and_leaves_nothing_behind(gathering, reactor, handed_over):
    gathering.flush()
    assert [] == handed_over
    gathering.add(1, urgent=False)
    gathering.flush()
    gathering.add(2, urgent=True)
    gathering.flush()
    assert [[1], [2]] == handed_over
    assert [] == reactor.getDelayedCalls()


def test_nobody_waits_for_a_use_to_be_written_down():
    hurries = []

    class Access:
        def write(self, *_, urgent=True):
            hurries.append(urgent)
            return succeed(None)

    StoredUses(Access()).used(Kind.LOGIN, "shop", 1.0)
    assert [False] == hurries
