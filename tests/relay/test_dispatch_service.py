"""The relay as a service, on a spool in memory, a courier that does as it is told, and a clock that stands still."""

from dataclasses import dataclass, replace

import pytest
from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock

from smtpeter.message.options import Switches
from smtpeter.message.status import Result
from smtpeter.relay.pacing import Limits, Reason
from smtpeter.relay.service import Neighbours, Relay
from smtpeter.relay.settlement import Settling
from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.spool.model import QueueFilter
from smtpeter.spool.schedule import Schedule
from smtpeter.spool.states import State, Step
from tests.kit.fakes import FakeSpool
from tests.relay.mails import (
    GREYLISTED,
    REFUSED,
    TAKEN,
    UNREACHED,
    Courier,
    Outgoing,
    accepted,
    aged,
    message,
)

HOUR, DAY = 3600.0, 86400.0
SCHEDULE = Schedule((300.0, 600.0), 4 * HOUR, 4 * DAY)
AWAY = SpoolUnavailable("the disk is gone")


class CountingSpool(FakeSpool):
    """Knows how many claims at most were ever out."""

    most = 0

    def _claim(self, limit, now):
        claims = super()._claim(limit, now)
        self.most = max(self.most, sum(state is State.CLAIMED for state in self.states.values()))
        return claims


@dataclass
class House:
    relay: Relay
    spool: CountingSpool
    courier: Courier
    clock: Clock
    reported: list

    def accept(self, mail, **values):
        """As submission does it."""
        claims = self.spool.accept(accepted(mail, claimed=self.relay.room(), **values)).result
        if claims:
            self.relay.born(mail, claims)

    def store(self, mail, **values):
        """As another process does it."""
        self.spool.accept(accepted(mail, **values))

    def advance(self, seconds, step=1.0):
        """Time passes; the wall clock with it."""
        while seconds > 0:
            self.clock.advance(min(step, seconds))
            seconds -= step

    @property
    def states(self):
        return list(self.spool.states.values())

    def rows(self):
        return self.spool.deliveries(QueueFilter(states=None), 1_000_000).result

    def events(self, kind):
        return [event for event in self.spool.journal.events if event.kind == kind]


@pytest.fixture
def build():
    houses = []

    def make(reports=None, grace=20.0, site_of=lambda domain: domain, **limits):
        spool, courier, clock, reported = CountingSpool(), Courier(), Clock(), []
        clock.advance(1000.0)

        def noting(mail, settlements):
            reported.append((mail, settlements))
            return ()

        relay = Relay(
            Neighbours(
                spool=spool,
                courier=courier,
                outgoing=Outgoing(),
                reports=reports or noting,
                settling=Settling(SCHEDULE, jitter=lambda: 0.0),
                clock=clock,
                now=clock.seconds,
                site_of=site_of,
            ),
            Limits(**limits),
            grace,
        )
        relay.startService()
        houses.append(House(relay, spool, courier, clock, reported))
        return houses[-1]

    yield make
    for house in houses:
        house.spool.trouble = None
        house.relay.stopService()
        house.advance(60.0)
        assert [] == house.clock.getDelayedCalls()


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
    house.spool.claim = lambda limit, now: waiting.append(limit) or Deferred()
    house.advance(60.0)
    house.courier.finish()
    house.relay.wake()
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
    house.accept(message("a@x.example", "b@x.example", switches=Switches(track_clicks=True)))
    assert [1, 1] == [len(group.deliveries) for group in house.courier.groups]


def test_content_beyond_the_bound_of_memory_is_tried_one_at_a_time(build):
    house = build(octets=1500)
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
    assert max(seen) <= 3


# -- room ------------------------------------------------------------------------------------------------


def test_room_ends_with_the_window_and_what_found_none_is_done_later(build):
    house = build(window=4)
    house.courier.slow = True
    for number in range(6):
        house.accept(message(f"a@{number}.example"))
    assert not house.relay.room()
    assert 4 == house.states.count(State.CLAIMED)
    while house.courier.open:
        house.courier.finish()
        house.advance(2.0)
    assert [State.DELIVERED] * 6 == house.states


def test_there_is_no_room_before_the_start_and_after_the_stop(build):
    house = build()
    assert house.relay.room()
    house.relay.stopService()
    assert not house.relay.room()


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
def test_ten_thousand_for_a_dead_site_are_not_charged_and_return_spread(build):
    house = build()
    house.courier.answers["dead.example"] = UNREACHED
    for number in range(2000):
        house.store(message(f"{number}@dead.example"))
    house.advance(5.0)
    rows = house.rows()
    assert sum(row.attempts for row in rows) == len(house.courier.groups) <= 5
    second = [int(row.due_at) for row in rows]
    assert max(second.count(due) for due in set(second)) <= 20


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
    for number in range(300):
        house.store(message(f"{number}@dead.example"))
    house.advance(4.6 * HOUR, 2.0)
    warned = [s.claim.delivery.id for _, settled in house.reported for s in settled if s.warned]
    assert 300 == len(set(warned)) == len(warned)
    house.clock.advance(4 * DAY)
    house.advance(HOUR, 2.0)
    assert [State.EXPIRED] * 300 == house.states
    assert len(house.courier.groups) < 100


# -- settling --------------------------------------------------------------------------------------------


def test_reports_go_with_the_settlement_and_are_sent(build):
    def one_report(mail, settlements):
        if mail.envelope.return_path is None or settlements[0].outcome.result is not Result.FAILED:
            return ()
        return (accepted(message("sender@shop.example", return_path=None, login="")),)

    house = build(reports=one_report)
    house.courier.answers["x.example"] = REFUSED
    house.accept(message("a@x.example"))
    house.advance(2.0)
    assert ["a@x.example", "sender@shop.example"] == house.courier.tried
    assert [State.FAILED, State.DELIVERED] == house.states


@pytest.mark.row(141)
def test_a_stale_claim_is_left_out_and_the_rest_settled(build):
    house = build()
    house.courier.slow = True
    mail = message("a@x.example", "b@x.example")
    house.accept(mail)
    stolen = house.rows()[0].id
    house.spool.shelf.rows[stolen].epoch += 1
    house.courier.finish()
    assert [State.CLAIMED, State.DELIVERED] == house.states
    assert 1 == len(house.events("delivery"))
    assert [2, 1] == [len(settlements) for _, settlements in house.reported]


@pytest.mark.row(136)
def test_a_real_250_outlives_an_outage_of_the_spool(build):
    house = build(window=4)
    house.courier.slow = True
    house.accept(message("a@x.example"))
    house.spool.trouble = AWAY
    house.courier.finish(TAKEN)
    house.advance(300.0)
    assert [State.CLAIMED] == house.states
    house.spool.trouble = None
    house.advance(15.0)
    assert [State.DELIVERED] == house.states
    assert 1 == len(house.courier.groups)


@pytest.mark.row(136)
def test_nothing_begins_while_the_spool_is_away(build):
    house = build(attempts=1)
    house.courier.slow = True
    for name in "abc":
        house.accept(message(f"{name}@x.example"))
    house.spool.trouble = AWAY
    house.courier.finish()  # it is now that the relay learns of the outage
    house.courier.finish()
    house.spool.calls.clear()
    house.advance(100.0)
    assert ["a@x.example", "b@x.example"] == house.courier.tried
    assert Reason.SPOOL is house.relay.why(house.spool.shelf.rows[max(house.spool.states)].delivery)
    assert not house.relay.room()
    assert len(house.spool.calls) <= 30
    house.spool.trouble = None
    house.advance(15.0)
    assert ["a@x.example", "b@x.example", "c@x.example"] == house.courier.tried


def test_claims_whose_message_cannot_be_read_wait_for_the_spool(build):
    house = build()
    house.store(message("a@x.example"))
    read = house.spool.message
    trouble = [AWAY]
    house.spool.message = lambda identifier: fail(AWAY) if trouble else read(identifier)
    house.advance(10.0)
    assert [State.CLAIMED] == house.states
    trouble.clear()
    house.advance(15.0)
    assert [State.DELIVERED] == house.states


def test_a_delivery_without_its_message_is_put_aside(build):
    house = build()
    mail = message("a@x.example")
    house.store(mail)
    del house.spool.shelf.messages[mail.id]
    house.advance(10.0)
    assert [State.DUE] == house.states
    (row,) = house.spool.shelf.rows.values()
    assert row.delivery.due_at > 4000.0


def test_a_fault_in_the_courier_costs_an_attempt_and_no_place(build, expected_failures):
    expected_failures.append(ZeroDivisionError)
    house = build(window=4)
    house.courier.answers["odd.example"] = ZeroDivisionError("a fault")
    for number in range(8):
        house.accept(message(f"{number}@odd.example"))
        house.advance(2.0)
    assert [State.DUE] * 8 == house.states
    assert {"451"} == {str(event.code) for event in house.events("deferral")}
    assert house.relay.room()


def test_a_fault_in_reports_costs_the_report_and_not_the_250(build, expected_failures):
    expected_failures.append(ZeroDivisionError)

    def faulty(mail, settlements):
        raise ZeroDivisionError

    house = build(reports=faulty)
    house.accept(message("a@x.example"))
    assert [State.DELIVERED] == house.states
    assert 1 == len(house.events("delivery"))


# -- the end ---------------------------------------------------------------------------------------------


@pytest.mark.row(143)
def test_stop_lets_attempts_end_and_releases_the_rest(build):
    house = build(attempts=1)
    house.courier.slow = True
    house.accept(message("a@x.example"), due_at=900.0)
    house.accept(message("b@x.example"), due_at=950.0)
    stopped = []
    house.relay.stopService().addCallback(stopped.append)
    assert [State.CLAIMED, State.DUE] == house.states
    assert 950.0 == house.rows()[1].due_at
    house.advance(10.0)
    assert [] == stopped
    house.courier.finish()
    assert [State.DELIVERED, State.DUE] == house.states
    assert [None] == stopped
    assert house.courier.stopped


@pytest.mark.row(143)
def test_stop_ends_attempts_after_the_grace_time_and_hands_them_back(build):
    house = build(grace=20.0)
    house.courier.slow = True
    house.accept(message("a@x.example"), due_at=900.0)
    stopped = []
    house.relay.stopService().addCallback(stopped.append)
    house.advance(20.0)
    assert [None] == stopped
    assert 1 == len(house.courier.cancelled)
    assert [State.DUE] == house.states
    assert (900.0, 0) == (house.rows()[0].due_at, house.rows()[0].attempts)


def test_stop_does_not_wait_for_ever_for_a_spool_that_is_away(build):
    house = build()
    house.courier.slow = True
    house.accept(message("a@x.example"))
    house.spool.trouble = AWAY
    house.courier.finish()
    stopped = []
    house.relay.stopService().addCallback(stopped.append)
    house.advance(26.0)
    assert [None] == stopped


def test_what_is_born_during_the_stop_is_released(build):
    house = build()
    mail = message("a@x.example")
    claims = house.spool.accept(accepted(mail, claimed=True)).result
    house.relay.stopService()
    house.relay.born(mail, claims)
    assert [State.DUE] == house.states
    assert [] == house.courier.groups


def test_it_can_be_started_again(build):
    house = build()
    house.relay.stopService()
    house.store(message("a@x.example"))
    house.relay.startService()
    assert [State.DELIVERED] == house.states


# -- time and reasons ------------------------------------------------------------------------------------


@pytest.mark.row(142)
@pytest.mark.parametrize("jump", [-DAY, DAY])
def test_a_wall_clock_that_jumps_expires_nothing_and_keeps_nobody_busy(build, jump):
    house = build()
    house.courier.answer = GREYLISTED
    house.accept(message("a@x.example"))
    now = house.clock.seconds
    wall = replace(house.relay._n, now=lambda: now() + jump)
    house.relay._n = wall
    house.relay._intake._s = replace(house.relay._intake._s, now=wall.now)
    house.spool.calls.clear()
    house.advance(100.0, 0.05)
    assert [State.DUE] == house.states
    assert [] == house.events("failure")
    assert len(house.spool.calls) <= 130


def test_every_waiting_delivery_can_say_why(build):
    house = build(attempts=2, site=1, opening=1)
    house.courier.slow = True
    house.accept(message("a@x.example"))
    house.accept(message("b@x.example"))
    house.accept(message("c@y.example"))
    house.accept(message("d@z.example"))
    house.store(message("e@z.example"), due_at=5000.0)
    house.store(message("f@z.example"), due_at=5000.0, attempts=1)
    house.store(message("g@z.example"))
    house.store(message("h@z.example"))
    held = house.rows()[-1].id
    house.spool.alter(QueueFilter(delivery=held), Step.HOLD, 1000.0, 1)
    assert [
        Reason.IN_PROGRESS,
        Reason.SITE_BUSY,
        Reason.IN_PROGRESS,
        Reason.ALL_BUSY,
        Reason.NOT_DUE,
        Reason.SCHEDULE,
        Reason.BACKLOG,
        Reason.HELD,
    ] == [house.relay.why(row) for row in house.rows()]
    house.courier.finish(UNREACHED)
    house.courier.finish(TAKEN)
    first, second, third, *_ = house.rows()
    assert [Reason.SITE_TROUBLE] * 2 == [house.relay.why(first), house.relay.why(second)]
    assert house.relay.why(third) is None


def test_old_mail_expires_after_one_more_attempt(build):
    house = build()
    house.courier.answer = GREYLISTED
    house.store(aged(message("a@x.example", accepted_at=1000.0), 9 * DAY))
    house.advance(2.0)
    assert [State.EXPIRED] == house.states
    assert 1 == len(house.courier.groups)
