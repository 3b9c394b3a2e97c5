"""Messages that were accepted with edits pending: nothing is tried before they are made, and no claim is lost over them."""

import pytest
from twisted.internet.defer import Deferred

from smtpeter.relay.interface import NotNow
from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.spool.states import State
from tests.relay.conftest import FINISHED
from tests.relay.mails import message


@pytest.fixture
def house(build):
    return build()


def pending(*recipients):
    return message(*recipients or ("a@a.example",), pending=True)


def tried(house):
    return [group.message.template for group in house.courier.groups]


@pytest.mark.parametrize("verb", ["accept", "store"])
def test_nothing_is_tried_before_the_edits_are_made(house, verb):
    """Born claimed here, or found in the spool, as after a restart."""
    house.preparation.gate = gate = Deferred()
    getattr(house, verb)(pending())
    house.advance(5.0)
    assert [] == tried(house)
    gate.callback(None)
    house.advance(5.0)
    assert [FINISHED] == tried(house)
    assert [State.DELIVERED] == house.states


def test_others_do_not_wait_for_it(house):
    house.preparation.gate = Deferred()
    house.store(pending())
    house.advance(5.0)
    other = message("b@b.example")
    house.store(other)
    house.advance(5.0)
    assert [other.template] == tried(house)
    house.preparation.gate.callback(None)


def test_its_links_part_its_recipients_once_they_are_known(house):
    house.accept(pending("a@a.example", "b@a.example"))
    assert [1, 1] == [len(group.deliveries) for group in house.courier.groups]


@pytest.mark.parametrize("verb", ["accept", "store"])
def test_what_cannot_be_made_here_now_is_given_back_as_it_was(house, verb):
    house.preparation.gate = gate = Deferred()
    house.preparation.trouble = NotNow()
    getattr(house, verb)(pending())
    house.advance(3.0)
    due_at = house.rows()[0].due_at
    house.relay.stopService()
    gate.callback(None)
    assert ([State.DUE], [due_at]) == (house.states, [row.due_at for row in house.rows()])


def test_what_is_under_way_at_the_end_of_the_grace_time_is_given_back(house):
    house.preparation.gate = Deferred(lambda _: None)
    house.accept(pending())
    stopped = []
    house.relay.stopService().addCallback(stopped.append)
    house.advance(10.0)
    assert [State.CLAIMED] == house.states
    house.advance(11.0)
    assert [State.DUE] == house.states
    assert [None] == stopped


def test_it_is_made_however_long_the_store_is_away(house):
    house.preparation.trouble = SpoolUnavailable("away")
    house.accept(pending())
    house.advance(100.0)
    assert len(house.preparation.asked) > 1
    house.preparation.trouble = None
    house.advance(20.0)
    assert [FINISHED] == tried(house)


def test_a_fault_of_ours_puts_it_aside(house, expected_failures):
    expected_failures.append(ZeroDivisionError)
    house.preparation.trouble = ZeroDivisionError()
    house.accept(pending())
    assert [State.DUE] == house.states
    assert house.rows()[0].due_at > house.clock.seconds() + 1000


def test_a_message_that_is_lost_meanwhile_fails(house):
    house.preparation.gate = gate = Deferred()
    one = pending()
    house.accept(one)
    house.spool.shelf.outlined.add(one.id)
    gate.callback(None)
    house.advance(1.0)
    assert [State.FAILED] == house.states


def test_where_there_is_no_room_for_content_it_is_fetched_for_its_attempt(build):
    house = build(octets=1)
    house.store(pending())
    house.advance(5.0)
    assert [FINISHED] == tried(house)


def test_what_waits_for_its_edits_takes_its_places_in_the_window(build):
    house = build(window=8)
    house.preparation.gate = gate = Deferred()
    for _ in range(40):
        house.store(pending())
    house.advance(30.0)
    assert 6 == house.spool.most, "a quarter is left to what is born claimed"
    gate.callback(None)
    house.advance(60.0)
    assert [State.DELIVERED] * 40 == house.states
    assert house.spool.most <= 8


def test_once_given_back_it_takes_no_place(build):
    house = build(window=8)
    house.preparation.trouble = NotNow()
    for _ in range(10):
        house.accept(pending())
    house.preparation.trouble = None
    house.advance(30.0)
    assert [State.DELIVERED] * 10 == house.states
