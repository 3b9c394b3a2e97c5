"""What every spool promises to those whose mail it keeps: the fake that other tests use, and the stored ones."""

import itertools
from dataclasses import replace

import pytest

from smtpeter.message.address import Address
from smtpeter.message.edit import (
    Base64,
    Finding,
    Literal,
    Report,
    Slot,
    SlotKind,
    Span,
    Template,
    Verdict,
)
from smtpeter.message.envelope import Body, Envelope, Notify, OriginalRecipient, Recipient, Ret
from smtpeter.message.identifier import DeliveryId
from smtpeter.message.options import Switches
from smtpeter.message.status import Result
from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.spool.model import Accepted, QueueFilter
from smtpeter.spool.states import State, Step
from tests.storage.stores import LINKS, accepted, address, events, numbers, settlement, state

# -- accept ------------------------------------------------------------------------------------------------


def test_a_message_is_kept_whole(shelf):
    recipients = (
        Recipient(
            address("a@example.com"),
            Notify.SUCCESS | Notify.DELAY,
            OriginalRecipient("rfc822", "x@example.org"),
        ),
        Recipient(address('"q\\"@ z"@EXAMPLE.com'), Notify.NEVER),
        Recipient(address("jö@exämple.net")),
    )
    one = accepted(
        recipients=recipients,
        envelope=Envelope(None, recipients, Ret.HDRS, "QQ314159", Body.EIGHTBITMIME, smtputf8=True),
        content=b"\x00\xff" * 5000,
        switches=Switches(track_clicks=True, inline_css=True),
        tags=("summer", "Woche10"),
        facts={"subject": "Grüße ✉", "client": "192.0.2.1"},
        give_up_at=5000.5,
        report=Report((Finding("clicks", Verdict.LEFT, "part 1", "http://x", "why"),), ("a note",)),
    )
    pieces = (
        Span(0, 7),
        Literal(b"\xff"),
        Base64(b"decoded", (Span(0, 3), Slot(SlotKind.CLICK, 1, "utf-16"))),
    )
    message = replace(one.message, template=Template(pieces, LINKS))
    shelf.run(shelf.spool.accept(Accepted(message, one.deliveries, one.events)))

    assert message == shelf.run(shelf.spool.message(message.id))
    assert list(one.deliveries) == [shelf.run(shelf.spool.delivery(d.id)) for d in one.deliveries]
    assert list(one.events) == events(shelf)


def test_the_outline_is_the_message_without_what_it_says(shelf):
    """It tells whether each recipient's copy is his own: by its links."""
    one = accepted(tags=("a",), targets=LINKS)
    shelf.run(shelf.spool.accept(one))

    outline = shelf.run(shelf.spool.outline(one.message.id))

    assert (b"", Template((), LINKS), ("a",)) == (outline.content, outline.template, outline.tags)
    assert one.message.envelope == outline.envelope


def test_a_claim_given_back_twice_at_once_is_a_mistake_and_nothing_is_written(shelf):
    (claim,) = shelf.run(shelf.spool.accept(accepted(claimed=True)))
    with pytest.raises(ValueError, match="twice"):
        shelf.run(shelf.spool.settle([settlement(claim), settlement(claim)]))
    assert (State.CLAIMED, 1) == (state(shelf, 11), len(events(shelf)))


def test_what_is_not_there_is_none(shelf):
    assert shelf.run(shelf.spool.message(5)) is None
    assert shelf.run(shelf.spool.outline(5)) is None
    assert shelf.run(shelf.spool.delivery(5)) is None
    assert shelf.run(shelf.spool.target(5, 0)) is None


def test_an_empty_content_is_kept(shelf):
    shelf.run(shelf.spool.accept(accepted(content=b"")))
    assert b"" == shelf.run(shelf.spool.message(10)).content


def test_born_claimed_it_is_nobody_elses(shelf):
    claims = shelf.run(shelf.spool.accept(accepted(1, ("a@x.example", "b@x.example"), claimed=True)))

    assert [11, 12] == numbers(claims)
    assert {State.CLAIMED} == {claim.delivery.state for claim in claims} | {
        state(shelf, 11),
        state(shelf, 12),
    }
    assert () == shelf.run(shelf.spool.claim(10, 9e9))
    assert () == shelf.run(shelf.another_worker().claim(10, 9e9))


def test_born_due_it_brings_no_claims(shelf):
    assert () == shelf.run(shelf.spool.accept(accepted()))
    assert [11] == numbers(shelf.run(shelf.spool.claim(10, 1000.0)))


def test_only_what_is_due_is_born_claimed(shelf):
    """A recipient that policy holds back, or fails at once, is recorded as that."""
    one = accepted(1, ("a@x.example", "b@x.example"), claimed=True)
    held = replace(one.deliveries[0], state=State.HELD)
    claims = shelf.run(
        shelf.spool.accept(Accepted(one.message, (held, one.deliveries[1]), one.events, claimed=True))
    )

    assert [12] == numbers(claims)
    assert State.HELD == state(shelf, 11)


def test_an_identifier_that_is_taken_changes_nothing(shelf):
    shelf.run(shelf.spool.accept(accepted(1, login="first")))
    second = accepted(2, login="second")
    clash = Accepted(second.message, accepted(1).deliveries, second.events)

    with pytest.raises(SpoolUnavailable):
        shelf.run(shelf.spool.accept(clash))

    assert shelf.run(shelf.spool.message(second.message.id)) is None
    assert ["first"] == [event.login for event in events(shelf)]


# -- claim -------------------------------------------------------------------------------------------------


def test_what_is_due_is_claimed_oldest_due_first(shelf):
    for number, due_at in ((1, 30.0), (2, 10.0), (3, 20.0), (4, 40.5)):
        shelf.run(shelf.spool.accept(accepted(number, due_at=due_at)))

    assert [21, 31] == numbers(shelf.run(shelf.spool.claim(2, 40.0)))
    assert [11] == numbers(shelf.run(shelf.spool.claim(2, 40.0)))
    assert [] == numbers(shelf.run(shelf.spool.claim(2, 40.0)))
    assert [41] == numbers(shelf.run(shelf.spool.claim(2, 40.5)))


def test_nothing_is_claimed_twice(shelf):
    for number in range(1, 21):
        shelf.run(shelf.spool.accept(accepted(number)))
    workers = [shelf.spool, shelf.another_worker()]

    claimed = [numbers(shelf.run(workers[turn % 2].claim(3, 9e9))) for turn in range(8)]

    assert sorted(range(11, 211, 10)) == sorted(itertools.chain.from_iterable(claimed))


def test_a_claim_tells_the_delivery_as_it_is(shelf):
    shelf.run(shelf.spool.accept(accepted()))
    (claim,) = shelf.run(shelf.spool.claim(1, 1000.0))
    assert claim.delivery == shelf.run(shelf.spool.delivery(11))
    assert State.CLAIMED is claim.delivery.state


def test_when_the_next_is_due(shelf):
    assert shelf.run(shelf.spool.next_due()) is None
    shelf.run(shelf.spool.accept(accepted(1, due_at=50.0)))
    shelf.run(shelf.spool.accept(accepted(2, due_at=40.0)))
    shelf.run(shelf.spool.accept(accepted(3, due_at=30.0, claimed=True)))
    assert 40.0 == shelf.run(shelf.spool.next_due())
    shelf.run(shelf.spool.alter(QueueFilter(delivery=21), Step.HOLD, 1.0, 1))
    assert 50.0 == shelf.run(shelf.spool.next_due())
    shelf.run(shelf.spool.claim(1, 50.0))
    assert shelf.run(shelf.spool.next_due()) is None


# -- settle and release ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Result.DELIVERED, State.DELIVERED),
        (Result.FAILED, State.FAILED),
        (Result.EXPIRED, State.EXPIRED),
        (Result.DEFERRED, State.DUE),
    ],
)
def test_an_outcome_settles_a_claim(shelf, outcome, expected):
    (claim,) = shelf.run(shelf.spool.accept(accepted(claimed=True)))
    due_at = 3000.0 if outcome is Result.DEFERRED else None
    settled = settlement(claim, outcome, due_at=due_at, warned=True)

    assert () == shelf.run(shelf.spool.settle([settled]))

    delivery = shelf.run(shelf.spool.delivery(11))
    assert (expected, 1, settled.outcome, 2000.0) == (
        delivery.state,
        delivery.attempts,
        delivery.last,
        delivery.warned_at,
    )
    assert settled.events[0] == events(shelf)[-1]
    assert (3000.0 if due_at else None) == shelf.run(shelf.spool.next_due())


def test_a_deferred_delivery_comes_again(shelf):
    (claim,) = shelf.run(shelf.spool.accept(accepted(claimed=True)))
    shelf.run(shelf.spool.settle([settlement(claim, Result.DEFERRED, due_at=3000.0)]))

    assert () == shelf.run(shelf.spool.claim(1, 2999.0))
    (again,) = shelf.run(shelf.spool.claim(1, 3000.0))
    shelf.run(shelf.spool.settle([settlement(again)]))

    assert (2, State.DELIVERED) == (shelf.run(shelf.spool.delivery(11)).attempts, state(shelf, 11))


def test_a_deferral_without_a_time_is_refused(shelf):
    (claim,) = shelf.run(shelf.spool.accept(accepted(claimed=True)))
    with pytest.raises(ValueError, match="due again"):
        shelf.run(shelf.spool.settle([settlement(claim, Result.DEFERRED)]))
    assert (State.CLAIMED, 1) == (state(shelf, 11), len(events(shelf)))


def test_a_settled_claim_is_stale(shelf):
    (claim,) = shelf.run(shelf.spool.accept(accepted(claimed=True)))
    shelf.run(shelf.spool.settle([settlement(claim)]))
    assert (claim,) == shelf.run(shelf.spool.settle([settlement(claim, Result.FAILED)]))
    assert (State.DELIVERED, 2) == (state(shelf, 11), len(events(shelf)))


def test_one_stale_claim_keeps_all_from_being_written_until_it_is_left_out(shelf):
    first, second = shelf.run(shelf.spool.accept(accepted(1, ("a@x.example", "b@x.example"), claimed=True)))
    shelf.run(shelf.spool.settle([settlement(first)]))
    both = [settlement(first, Result.FAILED), settlement(second, Result.FAILED)]
    report = accepted(2)

    assert (first,) == shelf.run(shelf.spool.settle(both, [report]))
    assert (State.DELIVERED, State.CLAIMED) == (state(shelf, 11), state(shelf, 12))
    assert shelf.run(shelf.spool.message(20)) is None
    assert 3 == len(events(shelf))

    assert () == shelf.run(shelf.spool.settle(both[1:], [report]))
    assert (State.FAILED, report.message) == (state(shelf, 12), shelf.run(shelf.spool.message(20)))


def test_reports_are_accepted_with_what_gave_rise_to_them_and_are_due(shelf):
    (claim,) = shelf.run(shelf.spool.accept(accepted(claimed=True)))
    report = accepted(2, due_at=2000.0, claimed=True)

    shelf.run(shelf.spool.settle([settlement(claim, Result.FAILED)], [report]))

    assert [21] == numbers(shelf.run(shelf.spool.claim(5, 2000.0)))


def test_a_report_that_cannot_be_kept_leaves_the_claim_as_it_was(shelf):
    (claim,) = shelf.run(shelf.spool.accept(accepted(claimed=True)))
    with pytest.raises(SpoolUnavailable):
        shelf.run(shelf.spool.settle([settlement(claim)], [accepted(1)]))
    assert (State.CLAIMED, 1) == (state(shelf, 11), len(events(shelf)))
    assert () == shelf.run(shelf.spool.settle([settlement(claim)]))


def test_a_claim_given_back_is_due_without_an_attempt(shelf):
    (claim,) = shelf.run(shelf.spool.accept(accepted(claimed=True)))

    assert shelf.run(shelf.spool.release(claim, 1500.0)) is True

    delivery = shelf.run(shelf.spool.delivery(11))
    assert (State.DUE, 0, 1500.0) == (delivery.state, delivery.attempts, delivery.due_at)
    assert shelf.run(shelf.spool.release(claim, 1.0)) is False
    assert (claim,) == shelf.run(shelf.spool.settle([settlement(claim)]))
    assert 1500.0 == shelf.run(shelf.spool.next_due())


# -- workers that die, or seem to --------------------------------------------------------------------------


def test_what_a_dead_worker_held_is_taken_by_another_and_its_own_word_comes_too_late(shelf):
    (lost,) = shelf.run(shelf.spool.accept(accepted(claimed=True)))
    other = shelf.another_worker()
    shelf.presume_dead()

    (taken,) = shelf.run(other.claim(1, 1000.0))

    assert lost.epoch != taken.epoch
    assert (lost,) == shelf.run(shelf.spool.settle([settlement(lost, Result.FAILED)]))
    assert shelf.run(shelf.spool.release(lost, 1.0)) is False
    assert () == shelf.run(other.settle([settlement(taken)]))
    assert State.DELIVERED is state(shelf, 11)


def test_what_a_worker_thought_dead_has_delivered_counts_while_nobody_else_has_claimed_it(shelf):
    (claim,) = shelf.run(shelf.spool.accept(accepted(claimed=True)))
    shelf.presume_dead()
    assert State.DUE is state(shelf, 11)

    assert () == shelf.run(shelf.spool.settle([settlement(claim)]))

    assert State.DELIVERED is state(shelf, 11)
    assert () == shelf.run(shelf.another_worker().claim(1, 9e9))


# -- a clock that was ahead --------------------------------------------------------------------------------


@pytest.mark.row(142)
def test_what_a_clock_that_was_ahead_deferred_is_drawn_near(shelf):
    for number, due_at in enumerate((4_000.0, 4_600.0, 90_000.0, 90_007.0), 1):
        shelf.run(shelf.spool.accept(accepted(number, due_at=due_at)))
    assert 2 == shelf.run(shelf.spool.draw_near(1_000.0, 3_600.0, 100))

    due = [d.due_at for d in shelf.run(shelf.spool.deliveries(QueueFilter(), 9))]
    assert [4_000.0, 4_600.0] == due[:2]
    assert all(1_000.0 <= one < 4_600.0 for one in due[2:])
    assert 7.0 == due[3] - due[2]
    assert 0 == shelf.run(shelf.spool.draw_near(1_000.0, 3_600.0, 100))


@pytest.mark.row(142)
def test_what_is_held_or_claimed_is_not_drawn_near(shelf):
    for number in (1, 2):
        shelf.run(shelf.spool.accept(accepted(number, due_at=90_000.0, claimed=number == 2)))
    shelf.run(shelf.spool.alter(QueueFilter(delivery=DeliveryId(11)), Step.HOLD, 1_000.0, 9))
    assert 0 == shelf.run(shelf.spool.draw_near(1_000.0, 3_600.0, 100))


@pytest.mark.row(142)
def test_no_more_are_drawn_near_than_asked_for(shelf):
    for number in (1, 2, 3):
        shelf.run(shelf.spool.accept(accepted(number, due_at=90_000.0 + number)))
    assert [2, 1] == [shelf.run(shelf.spool.draw_near(1_000.0, 3_600.0, 2)) for _ in range(2)]


# -- domains to avoid --------------------------------------------------------------------------------------

DEAD = frozenset(("dead.example",))


def to_dead_and_alive(shelf):
    """Deliveries 11, 21, 41 and 51 to dead.example, 31 and 61 to alive.example, due in the order of their numbers."""
    for number in range(1, 7):
        domain = "alive.example" if number % 3 == 0 else "DEAD.example"
        shelf.run(shelf.spool.accept(accepted(number, (f"joe@{domain}",), due_at=float(number))))


def test_what_is_to_be_avoided_is_stepped_over(shelf):
    to_dead_and_alive(shelf)
    assert [31] == numbers(shelf.run(shelf.spool.claim(1, 9e9, DEAD)))
    assert [61] == numbers(shelf.run(shelf.another_worker().claim(5, 9e9, DEAD)))
    assert () == shelf.run(shelf.spool.claim(5, 9e9, DEAD))
    assert shelf.run(shelf.spool.next_due(DEAD)) is None
    assert 1.0 == shelf.run(shelf.spool.next_due())


def test_what_was_stepped_over_comes_in_its_order_when_it_is_no_longer_avoided(shelf):
    to_dead_and_alive(shelf)
    shelf.run(shelf.spool.claim(1, 9e9, DEAD))
    assert [11, 21, 41] == numbers(shelf.run(shelf.spool.claim(3, 9e9)))
    assert [51, 61] == numbers(shelf.run(shelf.another_worker().claim(3, 9e9)))
    assert shelf.run(shelf.spool.next_due()) is None


def test_what_was_stepped_over_and_tried_comes_again_in_its_time(shelf):
    to_dead_and_alive(shelf)
    shelf.run(shelf.spool.claim(5, 9e9, DEAD))
    (claim,) = shelf.run(shelf.spool.claim(1, 9e9))
    shelf.run(shelf.spool.settle([settlement(claim, Result.DEFERRED, due_at=0.5)]))
    assert 0.5 == shelf.run(shelf.spool.next_due())
    assert [11] == numbers(shelf.run(shelf.spool.claim(1, 9e9)))


def test_an_operator_has_what_was_stepped_over_as_all_else(shelf):
    to_dead_and_alive(shelf)
    shelf.run(shelf.spool.claim(5, 9e9, DEAD))
    dead = QueueFilter(domain="dead.example", states=(State.DUE,))
    assert [11, 21, 41, 51] == [d.id for d in shelf.run(shelf.spool.deliveries(dead, 10))]
    assert 1 == shelf.run(shelf.spool.alter(QueueFilter(delivery=11), Step.HOLD, 5.0, 10))
    assert 1 == shelf.run(shelf.spool.alter(QueueFilter(delivery=41), Step.DELETE, 5.0, 10))
    assert [21, 51] == numbers(shelf.run(shelf.spool.claim(9, 9e9)))
    assert 1 == shelf.run(shelf.spool.alter(QueueFilter(delivery=11), Step.RELEASE, 5.0, 10))
    assert [11] == numbers(shelf.run(shelf.spool.claim(9, 5.0)))


def test_a_recipient_without_a_domain_is_never_stepped_over(shelf):
    shelf.run(shelf.spool.accept(accepted(1, (Recipient(Address("postmaster", "")),))))
    assert [11] == numbers(shelf.run(shelf.spool.claim(9, 9e9, frozenset(("", "dead.example")))))
