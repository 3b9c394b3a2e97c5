"""The book of sites, and what is read from it: where mail goes, what holds it up, and whom an operator lifts."""

import pytest

from smtpeter.message.status import Outcome, Reply, Result, Stage
from smtpeter.spool.model import Delivery, QueueFilter
from smtpeter.spool.sites import SiteSummary, Standing
from smtpeter.spool.states import State, Step
from smtpeter.spool.waiting import Reason, SiteState, Wait, why
from tests.storage.stores import accepted

TROUBLE = SiteState("mx.example", Reason.SITE_TROUBLE, 2000.0, "451 4.4.1 No connection", 0, 1, 0)


@pytest.fixture
def queue(shelf):
    """11 and 12 at a.example and b.example, 21 claimed at a.example, 31 held at c.example."""
    shelf.run(shelf.spool.accept(accepted(1, ("x@a.example", "x@B.example"), due_at=100.0, accepted_at=50.0)))
    shelf.run(shelf.spool.accept(accepted(2, ("x@a.example",), claimed=True)))
    shelf.run(shelf.spool.accept(accepted(3, ("x@c.example",), due_at=300.0)))
    shelf.run(shelf.spool.alter(QueueFilter(delivery=31), Step.HOLD, 1.0, 10))
    return shelf


def test_a_domain_of_which_nothing_is_known_stands_for_itself(shelf):
    assert {"a.example": Standing("a.example")} == dict(shelf.run(shelf.sites.standings({"a.example"})))
    assert {} == dict(shelf.run(shelf.sites.standings(())))


def test_a_domain_stands_where_its_site_does(shelf):
    shelf.run(shelf.sites.tell([TROUBLE], {"a.example": "mx.example"}, 1000.0))
    found = shelf.run(shelf.sites.standings({"a.example", "b.example"}))
    assert {"a.example": Standing("mx.example", TROUBLE), "b.example": Standing("b.example")} == dict(found)


def test_what_is_told_takes_the_place_of_what_was(shelf):
    shelf.run(shelf.sites.tell([TROUBLE], {"a.example": "mx.example"}, 1000.0))
    shelf.run(shelf.sites.tell([], {"a.example": "other.example"}, 1001.0))
    assert {"a.example": Standing("other.example")} == dict(shelf.run(shelf.sites.standings({"a.example"})))


def test_all_that_is_queued_is_summed_up_by_site(queue):
    queue.run(queue.sites.tell([TROUBLE], {"a.example": "mx.example", "b.example": "mx.example"}, 1000.0))
    expected = (
        SiteSummary("mx.example", 2, 2, 1, 0, 50.0, 100.0, TROUBLE),
        SiteSummary("c.example", 1, 0, 0, 1, 1000.0, 300.0),
    )
    assert expected == queue.run(queue.sites.sites(10))
    assert expected[:1] == queue.run(queue.sites.sites(1))


def test_a_lift_is_heard_once(shelf):
    cursor, sites = shelf.run(shelf.sites.lifted(0))
    assert () == sites
    shelf.run(shelf.sites.lift({"mx.example"}, 1000.0))
    cursor, sites = shelf.run(shelf.sites.lifted(cursor))
    assert ("mx.example",) == sites
    assert (cursor, ()) == shelf.run(shelf.sites.lifted(cursor))


def test_what_a_worker_told_goes_with_it(stored):
    stored.run(stored.sites.tell([TROUBLE], {}, 1000.0))
    stored.presume_dead()
    assert {"mx.example": Standing("mx.example")} == dict(stored.run(stored.sites.standings({"mx.example"})))


def test_what_two_workers_tell_adds_up(stored):
    busy = SiteState("mx.example", Reason.SITE_BUSY, None, "", 3, 5, 7)
    stored.run(stored.sites.tell([busy], {}, 1000.0))
    stored.run(stored.new_store().sites.tell([TROUBLE], {}, 1000.0))
    (standing,) = stored.run(stored.sites.standings({"mx.example"})).values()
    expected = SiteState("mx.example", Reason.SITE_TROUBLE, 2000.0, TROUBLE.said, 3, 6, 7)
    assert expected == standing.state


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (QueueFilter(site="a.example"), [11, 21]),
        (QueueFilter(accepted_before=60.0), [11, 12]),
        (QueueFilter(sender="me@customer.example"), [11, 12, 21, 31]),
        (QueueFilter(sender="me@customer.example", login="bench", domain="c.example"), [31]),
        (QueueFilter(sender=""), []),
        (QueueFilter(sender="you@customer.example"), []),
    ],
)
def test_deliveries_are_found_by_site_age_and_return_path(queue, wanted, expected):
    assert expected == [d.id for d in queue.run(queue.spool.deliveries(wanted, 100))]
    assert expected[:1] == [d.id for d in queue.run(queue.spool.deliveries(wanted, 1))]


def test_a_site_is_all_its_domains_and_no_other(stored):
    stored.run(stored.spool.accept(accepted(1, ("x@a.example", "x@b.example", "x@mx.example"))))
    stored.run(stored.sites.tell([], {"a.example": "mx.example", "mx.example": "elsewhere.example"}, 1.0))
    found = stored.run(stored.spool.deliveries(QueueFilter(site="mx.example"), 10))
    assert [11] == [d.id for d in found]


def test_what_is_from_a_sender_can_be_altered(queue):
    assert 2 == queue.run(
        queue.spool.alter(QueueFilter(sender="me@customer.example", accepted_before=60.0), Step.HOLD, 1.0, 10)
    )


LATER = Outcome(Result.DEFERRED, Stage.RCPT, Reply(450, "4.2.0", "Greylisted"))
BUSY = SiteState("mx.example", Reason.SITE_LIMIT, None, "", 2, 2, 9)


@pytest.mark.parametrize(
    ("delivery", "state", "expected"),
    [
        ({"state": State.DELIVERED}, TROUBLE, None),
        ({"state": State.HELD}, TROUBLE, Wait(Reason.HELD)),
        ({"due_at": 900.0}, TROUBLE, Wait(Reason.SITE_TROUBLE, 2000.0, TROUBLE.said)),
        ({"due_at": 2500.0}, TROUBLE, Wait(Reason.SITE_TROUBLE, 2500.0, TROUBLE.said)),
        ({"due_at": 900.0}, None, Wait(Reason.BACKLOG)),
        ({"due_at": 1500.0}, None, Wait(Reason.NOT_DUE, 1500.0)),
        ({"due_at": 1500.0, "attempts": 1, "last": LATER}, None, Wait(Reason.SCHEDULE, 1500.0, "450 4.2.0 Greylisted")),
        ({"state": State.CLAIMED}, None, Wait(Reason.IN_PROGRESS)),
        ({"state": State.CLAIMED}, BUSY, Wait(Reason.SITE_LIMIT)),
    ],
)  # fmt: skip
def test_every_delivery_that_waits_can_say_why(delivery, state, expected):
    (recipient,) = accepted(1).message.envelope.recipients
    assert expected == why(Delivery(1, 1, recipient, **delivery), state, 1000.0)
