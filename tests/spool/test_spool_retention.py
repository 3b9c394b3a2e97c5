"""What every spool forgets, and when: never anything of what is queued."""

import pytest

from smtpeter.spool.model import QueueFilter
from tests.storage.stores import LINKS, accepted, events, settlement

EVERYTHING = QueueFilter(states=None)


def test_targets_are_numbered_from_0(shelf):
    shelf.run(shelf.spool.accept(accepted(targets=LINKS)))
    expected = [LINKS[0].url, LINKS[1].url, None, None]
    assert expected == [shelf.run(shelf.spool.target(11, number)) for number in (0, 1, 2, -1)]


T = 1_800_000_000.0  # retention goes by identifiers too, and these begin in 2025


def done(shelf, number, accepted_at, **more):
    claims = shelf.run(shelf.spool.accept(accepted(number, accepted_at=accepted_at, claimed=True, **more)))
    shelf.run(shelf.spool.settle([settlement(claim) for claim in claims]))


def test_content_is_forgotten_when_it_is_old_and_nothing_is_queued(shelf):
    done(shelf, 1, T)
    done(shelf, 2, T + 100)
    shelf.run(shelf.spool.accept(accepted(3, accepted_at=T)))
    first, _ = shelf.run(
        shelf.spool.accept(accepted(4, ("a@x.example", "b@x.example"), accepted_at=T, claimed=True))
    )
    shelf.run(shelf.spool.settle([settlement(first)]))

    assert 1 == shelf.run(shelf.spool.forget_content(T + 100, 10))
    assert 0 == shelf.run(shelf.spool.forget_content(T + 100, 10))

    kept = [shelf.run(shelf.spool.message(10 * number)) is not None for number in (1, 2, 3, 4)]
    assert [False, True, True, True] == kept
    assert T == shelf.run(shelf.spool.outline(10)).accepted_at


def test_links_outlive_content(shelf):
    done(shelf, 1, T, targets=LINKS)
    done(shelf, 2, T)

    assert 2 == shelf.run(shelf.spool.forget_content(T + 100, 10))
    assert LINKS[0].url == shelf.run(shelf.spool.target(11, 0))
    assert LINKS == shelf.run(shelf.spool.outline(10)).template.targets


def test_old_messages_are_forgotten_but_not_their_events(shelf):
    done(shelf, 1, T, targets=LINKS)
    done(shelf, 2, T + 200)
    shelf.run(shelf.spool.accept(accepted(3, accepted_at=T)))

    assert 1 == shelf.run(shelf.spool.forget_messages(T + 100, 10))
    assert 0 == shelf.run(shelf.spool.forget_messages(T + 100, 10))

    assert shelf.run(shelf.spool.outline(10)) is None
    assert shelf.run(shelf.spool.delivery(11)) is None
    assert shelf.run(shelf.spool.target(11, 0)) is None
    assert [21, 31] == [d.id for d in shelf.run(shelf.spool.deliveries(EVERYTHING, 10))]
    assert 2 == len(events(shelf, message=10))


@pytest.mark.parametrize("verb", ["forget_content", "forget_messages"])
def test_retention_stops_at_its_limit_oldest_first(shelf, verb):
    for number in (1, 2, 3):
        done(shelf, number, T)
    assert [2, 1, 0] == [shelf.run(getattr(shelf.spool, verb)(T + 100, 2)) for _ in range(3)]
