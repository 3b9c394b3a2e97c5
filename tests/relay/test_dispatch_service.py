"""The relay as a service: what comes in, what is tried when, who waits for whom."""

import itertools

import pytest
from twisted.internet.defer import Deferred

from smtpeter.spool.states import State
from tests.relay.mails import GREYLISTED, LINKS, TAKEN, UNREACHED, message

HOUR, DAY = 3600.0, 86400.0


def test_what_is_born_claimed_is_delivered_without_a_query(build):
    house = build()
    house.spool.calls.clear()
    house.accept(message("a@x.example", "b@x.example"))
    assert [State.DELIVERED] * 2 == house.states
    assert ["accept", "settle"] == house.spool.calls
    assert 2 == len(house.events("delivery"))


def test_what_another_process_accepted_is_found(build):
    house = build()
    house.store(message("a@x.example"))
    house.advance(2.0)
    assert [State.DELIVERED] == house.states


@pytest.mark.row(140)
def test_a_backlog_is_worked_off_through_a_bounded_window(build):
    house = build(window=400, attempts=50)
    for number in range(3000):
        house.store(message(f"a@{number % 300}.example"))
    house.advance(5.0)
    assert [State.DELIVERED] * 3000 == house.states
    assert house.spool.most <= 400
    assert house.spool.calls.count("claim") <= 3000 / 75 + 10


def test_the_spool_is_asked_seldom_while_nothing_is_due(build):
    house = build()
    house.store(message("a@x.example"), due_at=5000.0)
    house.advance(100.0, 0.05)
    assert house.spool.calls.count("claim") <= 51


def test_one_query_at_a_time(build):
    """While a query is under way, neither time nor work that ends asks for another."""
    house = build()
    house.courier.slow = True
    house.accept(message("a@x.example"))
    waiting = []
    house.spool.claim = lambda limit, now, avoid: waiting.append(limit) or Deferred()
    house.advance(60.0)
    house.courier.finish()
    assert 1 == len(waiting)


@pytest.mark.row(117)
def test_a_deferred_delivery_is_tried_again_when_it_is_due(build):
    house = build()
    house.courier.answer = GREYLISTED
    house.accept(message("a@x.example"))
    house.courier.answer = TAKEN
    house.advance(299.0)
    assert [State.DUE] == house.states
    house.advance(3.0)
    assert [State.DELIVERED] == house.states
    assert [0, 1] == [event.attempt for event in house.events("deferral") + house.events("delivery")]


def test_a_message_is_fetched_once_for_all_its_domains(build):
    house = build()
    house.store(message(*(f"a@{number}.example" for number in range(30))))
    house.advance(2.0)
    assert 30 == len(house.courier.groups)
    assert 1 == house.spool.calls.count("message")


def test_each_recipient_has_an_attempt_of_its_own_where_the_message_asks_for_it(build):
    house = build()
    house.accept(message("a@x.example", "b@x.example", targets=LINKS))
    assert [1, 1] == [len(group.deliveries) for group in house.courier.groups]


def test_each_recipient_has_an_attempt_of_its_own_even_when_memory_is_full(build):
    """Else all would get the tokens of the first."""
    house = build(octets=1500)
    house.courier.slow = True
    house.store(message("big@big.example", content=b"x" * 1500))
    house.store(message("a@x.example", "b@x.example", targets=LINKS))
    house.advance(2.0)
    while house.courier.open:
        assert house.courier.open[0][0].message.content
        house.courier.finish()
        house.advance(2.0)
    assert "outline" in house.spool.calls
    assert [1, 1, 1] == [len(group.deliveries) for group in house.courier.groups]
    assert [State.DELIVERED] * 3 == house.states


def test_content_beyond_the_bound_of_memory_is_tried_a_few_at_a_time(build):
    house = build(octets=1500, copies=2000)
    house.courier.slow = True
    for number in range(6):
        house.store(message(f"a@{number}.example", content=b"x" * 1000))
    house.advance(2.0)
    seen = []
    while house.courier.open:
        seen.append(len(house.courier.open))
        assert 1000 == len(house.courier.open[0][0].message.content)
        house.courier.finish()
        house.advance(2.0)
    assert [State.DELIVERED] * 6 == house.states
    assert 3 == max(seen)


def test_a_login_whose_big_mails_never_end_does_not_keep_those_of_others_waiting(build):
    """Neither the room for content nor the attempts are all its own."""
    house = build(octets=10_000, copies=20_000)
    house.courier.slow = True
    for number in range(40):
        house.accept(message(f"a@{number}.tarpit", content=b"x" * 1000, login="bad", targets=LINKS))
    house.advance(5.0)
    house.courier.slow = False
    for content in (b"x" * 100, b"x" * 4000):
        house.accept(message("a@x.example", content=content, login="good"))
    house.advance(5.0)
    assert 40 > len(house.courier.open)
    assert ["a@x.example"] * 2 == [each for each in house.courier.tried if "tarpit" not in each]


def test_what_is_fetched_for_an_attempt_is_counted_until_it_ends(build):
    """Of sizes that are not known, a few are fetched side by side; the others follow as these turn out small."""
    house = build(octets=1, copies=1600)
    house.courier.slow = True
    for number in range(40):
        house.store(message(f"a@{number}.example", content=b"x" * 10))
    house.advance(5.0)
    assert 40 == len(house.courier.open)
    while house.courier.open:
        house.courier.finish()
    assert [State.DELIVERED] * 40 == house.states


# -- room ------------------------------------------------------------------------------------------------


def test_room_ends_with_the_window_and_what_found_none_is_done_later(build):
    house = build(window=4)
    house.courier.slow = True
    for number in range(6):
        house.accept(message(f"a@{number}.example"))
    assert not house.relay.room(message("new@x.example"))
    assert 3 == house.states.count(State.CLAIMED)
    while house.courier.open:
        house.courier.finish()
        house.advance(2.0)
    assert [State.DELIVERED] * 6 == house.states


def test_there_is_no_room_before_the_start_and_after_the_stop(build):
    house = build()
    assert house.relay.room(message("new@x.example"))
    house.relay.stopService()
    assert not house.relay.room(message("new@x.example"))


# -- a dead site -----------------------------------------------------------------------------------------


@pytest.mark.row(119)
def test_a_dead_site_with_ten_thousand_does_not_delay_another(build):
    house = build(window=1000, share=100)
    house.courier.answers["dead.example"] = UNREACHED
    for number in range(10_000):
        house.store(message(f"{number}@dead.example"))
    house.advance(10.0)
    house.accept(message("a@live.example"))
    assert State.DELIVERED is house.states[-1]
    house.store(message("b@live.example"))
    house.advance(2.0)
    assert State.DELIVERED is house.states[-1]
    dead = [group for group in house.courier.groups if group.domain == "dead.example"]
    assert len(dead) <= 10
    assert 0 == sum(state is State.CLAIMED for state in house.states)


@pytest.mark.row(119)
def test_what_waits_for_a_dead_site_is_not_charged_and_hardly_touched(build):
    house = build()
    house.courier.answers["dead.example"] = UNREACHED
    for number in range(2000):
        house.store(message(f"{number}@dead.example"))
    house.advance(5.0)
    rows = house.rows()
    assert sum(row.attempts for row in rows) == len(house.courier.groups) <= 5
    touched = [int(row.due_at) for row in rows if row.due_at > 1010.0]
    assert len(touched) <= 500
    assert max(touched.count(due) for due in set(touched)) <= 20


@pytest.mark.row(119)
def test_a_site_that_is_back_takes_all_that_waited(build):
    house = build()
    house.courier.answers["dead.example"] = UNREACHED
    for number in range(500):
        house.store(message(f"{number}@dead.example"))
    house.advance(60.0)
    del house.courier.answers["dead.example"]
    house.advance(1800.0, 2.0)
    assert [State.DELIVERED] * 500 == house.states


@pytest.mark.row(118)
def test_a_site_that_now_and_then_does_not_answer_still_takes_its_mail(build):
    house = build()
    attempts = itertools.count()
    answer = house.courier.attempt

    def flaky(group):
        house.courier.answer = UNREACHED if next(attempts) % 10 == 9 else TAKEN
        return answer(group)

    house.courier.attempt = flaky
    for number in range(500):
        house.store(message(f"{number}@x.example"))
    house.advance(10.0)
    assert house.states.count(State.DELIVERED) >= 400
    house.advance(700.0)
    assert house.states.count(State.DELIVERED) >= 490


@pytest.mark.row(104)
def test_a_site_that_lets_one_message_fail_is_not_held_against_the_others(build):
    house = build()
    house.courier.answer = GREYLISTED
    house.accept(message("a@x.example"))
    house.courier.answer = TAKEN
    house.accept(message("b@x.example"))
    assert [State.DUE, State.DELIVERED] == house.states


def test_at_a_dead_site_every_sender_is_warned_in_time_and_told_of_the_end(build):
    """Though only few of the deliveries are tried."""
    house = build()
    house.courier.answers["dead.example"] = UNREACHED
    for number in range(150):
        house.store(message(f"{number}@dead.example"))
    house.advance(4.6 * HOUR, 2.0)
    warned = [s.claim.delivery.id for _, settled in house.reported for s in settled if s.warned]
    assert 150 == len(set(warned)) == len(warned)
    house.clock.advance(4 * DAY)
    house.advance(HOUR, 2.0)
    assert [State.EXPIRED] * 150 == house.states
    assert len(house.courier.groups) < 100
