"""What the spool tells of deliveries whose links are followed, and how many are on their way."""

from smtpeter.spool.model import Visited
from tests.storage.stores import LINKS, accepted, settlement


def visited(shelf, *numbers):
    return dict(shelf.run(shelf.spool.visited(numbers)))


def test_each_delivery_is_told_with_its_message(shelf):
    shelf.run(shelf.spool.accept(accepted(1, ("a@x.example", "b@x.example"), tags=("red",), targets=LINKS)))
    shelf.run(shelf.spool.accept(accepted(2, login="other")))
    urls = tuple(target.url for target in LINKS)
    assert {
        11: Visited(10, "bench", "a@x.example", ("red",), urls),
        12: Visited(10, "bench", "b@x.example", ("red",), urls),
        21: Visited(20, "other", "joe@example.com", (), ()),
    } == visited(shelf, 11, 12, 21, 99)
    assert {} == visited(shelf)


def test_it_is_told_when_it_was_delivered(shelf):
    (claim,) = shelf.run(shelf.spool.accept(accepted(1, claimed=True)))
    shelf.run(shelf.spool.settle([settlement(claim, now=2000.5)]))
    assert 2000.5 == visited(shelf, 11)[11].delivered_at


def test_what_waits_is_counted_by_state(shelf):
    assert {} == dict(shelf.run(shelf.spool.counts()))
    shelf.run(shelf.spool.accept(accepted(1, ("a@x.example", "b@x.example"))))
    (claim,) = shelf.run(shelf.spool.accept(accepted(2, claimed=True)))
    assert {"due": 2, "claimed": 1} == dict(shelf.run(shelf.spool.counts()))
    shelf.run(shelf.spool.settle([settlement(claim)]))
    assert {"due": 2} == dict(shelf.run(shelf.spool.counts()))
