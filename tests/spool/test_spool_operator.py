"""What every spool promises to operators: finding, holding, releasing and deleting what is queued."""

import pytest

from smtpeter.journal.events import Operated
from smtpeter.spool.model import QueueFilter
from smtpeter.spool.states import ImpossibleStep, State, Step
from tests.storage.stores import accepted, events, numbers, settlement, state

EVERYTHING = QueueFilter(states=None)


@pytest.fixture
def queue(shelf):
    """Deliveries 11 and 12 of message 1, 21 of message 2 (claimed), 31 of message 3 (delivered)."""
    shelf.run(shelf.spool.accept(accepted(1, ("a@X.example", "b@y.example"), due_at=100.0)))
    shelf.run(shelf.spool.accept(accepted(2, ("a@x.example",), claimed=True, login="other")))
    (claim,) = shelf.run(shelf.spool.accept(accepted(3, ("a@x.example",), claimed=True)))
    shelf.run(shelf.spool.settle([settlement(claim)]))
    return shelf


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (QueueFilter(), [11, 12, 21]),
        (EVERYTHING, [11, 12, 21, 31]),
        (QueueFilter(states=(State.DELIVERED,)), [31]),
        (QueueFilter(states=(State.DELIVERED, State.DUE)), [11, 12, 31]),
        (QueueFilter(states=None, domain="x.example"), [11, 21, 31]),
        (QueueFilter(states=None, domain="X.Example"), [11, 21, 31]),
        (QueueFilter(login="other"), [21]),
        (QueueFilter(states=None, recipient="a@x.example"), [21, 31]),
        (QueueFilter(message=10), [11, 12]),
        (QueueFilter(delivery=12), [12]),
        (QueueFilter(delivery=12, domain="x.example"), []),
    ],
)
def test_deliveries_are_found_oldest_first(queue, wanted, expected):
    assert expected == [d.id for d in queue.run(queue.spool.deliveries(wanted, 100))]
    assert expected[:1] == [d.id for d in queue.run(queue.spool.deliveries(wanted, 1))]


def test_holding_keeps_from_being_tried_until_released(queue):
    assert 2 == queue.run(queue.spool.alter(QueueFilter(), Step.HOLD, 50.0, 10, "root"))
    assert 0 == queue.run(queue.spool.alter(QueueFilter(), Step.HOLD, 50.0, 10, "root"))
    assert [] == numbers(queue.run(queue.spool.claim(10, 9e9)))

    assert 2 == queue.run(queue.spool.alter(QueueFilter(), Step.RELEASE, 60.0, 10, "root"))
    assert 0 == queue.run(queue.spool.alter(QueueFilter(), Step.RELEASE, 60.0, 10, "root"))
    assert [11, 12] == sorted(numbers(queue.run(queue.spool.claim(10, 60.0))))


def test_releasing_what_waits_makes_it_due_now(queue):
    assert 1 == queue.run(queue.spool.alter(QueueFilter(delivery=12), Step.RELEASE, 60.0, 10))
    assert [12] == numbers(queue.run(queue.spool.claim(10, 60.0)))


def test_deleting_is_final(queue):
    queue.run(queue.spool.alter(QueueFilter(delivery=11), Step.HOLD, 50.0, 10))
    assert 2 == queue.run(queue.spool.alter(EVERYTHING, Step.DELETE, 50.0, 10))
    assert {State.DELETED} == {state(queue, 11), state(queue, 12)}
    assert 0 == queue.run(queue.spool.alter(EVERYTHING, Step.RELEASE, 50.0, 10))
    assert [] == numbers(queue.run(queue.spool.claim(10, 9e9)))


def test_what_is_in_flight_or_done_is_let_be(queue):
    for step in (Step.HOLD, Step.RELEASE, Step.DELETE):
        assert 0 == queue.run(queue.spool.alter(QueueFilter(states=None, message=20), step, 9e9, 10))
        assert 0 == queue.run(queue.spool.alter(QueueFilter(states=None, message=30), step, 9e9, 10))


def test_altering_stops_at_its_limit(queue):
    assert [1, 1, 0] == [queue.run(queue.spool.alter(QueueFilter(), Step.DELETE, 1.0, 1)) for _ in range(3)]


def test_what_an_operator_does_is_in_the_journal(queue):
    queue.run(queue.spool.alter(QueueFilter(delivery=12), Step.HOLD, 50.0, 10, "root"))
    expected = Operated(
        time=50.0, delivery=12, message=10, login="bench", recipient="b@y.example", step="hold", by="root"
    )
    assert expected == events(queue, kinds=("operation",))[0]


def test_a_claim_that_was_lost_and_then_deleted_by_an_operator_is_stale(shelf):
    (claim,) = shelf.run(shelf.spool.accept(accepted(claimed=True)))
    shelf.presume_dead()
    assert 1 == shelf.run(shelf.spool.alter(QueueFilter(), Step.DELETE, 1.0, 1))
    assert (claim,) == shelf.run(shelf.spool.settle([settlement(claim)]))


def test_an_operator_has_no_other_steps(queue):
    with pytest.raises((KeyError, ImpossibleStep)):
        queue.run(queue.spool.alter(EVERYTHING, Step.DELIVER, 1.0, 10))
    assert State.DUE is state(queue, 11)
