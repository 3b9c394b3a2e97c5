"""Retention: what is old is forgotten in few large batches, and stopping is no trouble."""

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from smtpeter.config import Retention
from smtpeter.journal.interface import Query
from smtpeter.service.retention import Forgetting
from smtpeter.spool.interface import SpoolUnavailable
from tests.kit.fakes.journal import FakeJournal
from tests.kit.fakes.returns import FakeReturns, FakeSuppressions
from tests.kit.fakes.spool import FakeSpool
from tests.storage.stores import LINKS, accepted, settlement

DAY = 86400.0
KEPT = Retention(content=7 * DAY, events=90 * DAY, links=365 * DAY)


class Memory:
    """Of who changed what: when, nothing else."""

    def __init__(self):
        self.changes = [0.0]

    def forget_changes(self, before, limit):
        old = [time for time in self.changes if time < before][:limit]
        self.changes = [time for time in self.changes if time not in old]
        return succeed(len(old))


class House:
    def __init__(self, kept=KEPT):
        self.clock = Clock()
        self.spool = FakeSpool(FakeJournal())
        self.journal = self.spool.journal
        self.suppressions = FakeSuppressions()
        self.returns = FakeReturns(self.spool, self.suppressions)
        self.operators = Memory()
        self.forgetting = Forgetting(
            kept,
            self.spool,
            self.journal,
            self.returns,
            self.suppressions,
            self.operators,
            self.clock.seconds,
            self.clock,
        )
        self.forgetting.start()

    def advance(self, seconds):
        self.clock.advance(seconds)
        for _ in range(10):
            self.clock.advance(0.05)

    def deliver(self, number):
        now = self.clock.seconds()
        (claim,) = self.spool.accept(accepted(number, accepted_at=now, targets=LINKS, claimed=True)).result
        self.spool.settle([settlement(claim, now=now)])

    def kept(self, number=1):
        """Whether content, links and events of a message are kept."""
        return (
            self.spool.message(10 * number).result is not None,
            self.spool.target(10 * number + 1, 0).result is not None,
            bool(self.journal.since(0, Query(message=10 * number), 1).result),
        )


@pytest.fixture
def house():
    made = House()
    yield made
    made.spool.trouble = None
    made.forgetting.stop()
    made.clock.advance(0)
    assert [] == made.clock.getDelayedCalls()


def test_each_thing_is_kept_for_its_time_and_no_longer(house):
    house.deliver(1)
    seen = []
    for days in (6.9, 0.2, 82.8, 0.2, 274.8, 0.2):
        house.advance(days * DAY)
        seen.append(house.kept())
    assert [
        (True, True, True),
        (False, True, True),
        (False, True, True),
        (False, True, False),
        (False, True, False),
        (False, False, False),
    ] == seen


def test_changes_are_kept_for_their_time(house):
    other = House(Retention(changes=20 * DAY))
    other.advance(19 * DAY)
    assert [0.0] == other.operators.changes
    other.advance(2 * DAY)
    assert [] == other.operators.changes
    other.forgetting.stop()


def test_links_are_kept_at_least_as_long_as_content(house):
    other = House(Retention(content=30 * DAY, events=90 * DAY, links=DAY))
    other.deliver(1)
    other.advance(29 * DAY)
    assert (True, True, True) == other.kept()
    other.advance(2 * DAY)
    assert (False, False, True) == other.kept()
    other.forgetting.stop()


def test_what_is_queued_is_never_forgotten(house):
    house.spool.accept(accepted(1, accepted_at=0.0, targets=LINKS))
    house.advance(1000 * DAY)
    assert (True, True) == house.kept()[:2]


def test_a_thousand_are_one_batch(house):
    """The ledgers divide a batch into transactions; each batch is one search."""
    for number in range(1, 1001):
        house.deliver(number)
    house.spool.calls.clear()
    house.advance(8 * DAY)
    assert 2 == house.spool.calls.count("forget_content")
    assert (False, True, True) == house.kept(1000)


def test_a_store_in_trouble_is_told_and_asked_again_in_the_next_round(house):
    house.deliver(1)
    house.spool.trouble = SpoolUnavailable("the disk is gone")
    with capturedLogs() as logged:
        house.advance(8 * DAY)
    assert ["the disk is gone"] == [event["why"] for event in logged if "why" in event][:1]
    house.spool.trouble = None
    house.advance(600.0)
    assert (False, True, True) == house.kept()


@pytest.mark.parametrize("waits_for", ["the store", "its breath"])
def test_stopping_in_the_midst_of_a_round_is_no_trouble(house, waits_for):
    house.deliver(1)
    if waits_for == "the store":
        house.spool.forget_content = lambda before, limit: Deferred()
    else:
        house.spool.forget_content = lambda before, limit: succeed(1)
    house.clock.advance(600.0)
    with capturedLogs() as logged:
        house.forgetting.stop()
    assert [] == logged
    assert [] == house.clock.getDelayedCalls()
