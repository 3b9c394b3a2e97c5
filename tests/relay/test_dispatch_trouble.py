"""The relay in trouble: stale claims, a spool that is away, faults of ours, the end, clocks that jump."""

import msgspec
import pytest
from twisted.internet.defer import fail

from smtpeter.message.identifier import Identifiers
from smtpeter.message.status import Result
from smtpeter.report.notification import Notification
from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.spool.model import QueueFilter
from smtpeter.spool.states import State, Step
from smtpeter.spool.waiting import Reason
from tests.relay.conftest import SCHEDULE
from tests.relay.mails import GREYLISTED, REFUSED, TAKEN, UNREACHED, accepted, aged, message

DAY = 86400.0
AWAY = SpoolUnavailable("the disk is gone")


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
    assert not house.relay.room(message("new@x.example"))
    assert len(house.spool.calls) <= 30
    house.spool.trouble = None
    house.advance(15.0)
    assert ["a@x.example", "b@x.example", "c@x.example"] == house.courier.tried


@pytest.mark.row(136)
def test_nothing_begins_while_there_is_no_room_to_record_its_end(build):
    """Also nothing that is claimed already; and what is under way is recorded as far as that can be."""
    house = build(attempts=1)
    house.courier.slow = True
    for name in "ab":
        house.accept(message(f"{name}@x.example"))
    house.spool.is_full = True
    house.courier.finish()
    house.advance(10.0)
    assert ["a@x.example"] == house.courier.tried
    assert [State.DELIVERED, State.CLAIMED] == house.states
    assert Reason.SPOOL is house.relay.why(house.spool.shelf.rows[max(house.spool.states)].delivery)
    house.spool.is_full = False
    house.advance(2.0)
    assert ["a@x.example", "b@x.example"] == house.courier.tried


def test_stop_while_there_is_no_room_leaves_nothing_behind(build):
    house = build()
    house.spool.is_full = True
    house.accept(message("a@x.example"))
    house.advance(1.0)
    assert [] == house.courier.tried
    house.relay.stopService()
    assert [State.DUE] == house.states


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


def unreadable(house, verb, mail):
    """From now on `verb` cannot read this message."""
    read = getattr(house.spool, verb)
    broken = msgspec.DecodeError("a spoilt row")
    setattr(house.spool, verb, lambda wanted: fail(broken) if wanted == mail.id else read(wanted))


@pytest.mark.parametrize("octets", [1000, len(message().content)])
def test_a_message_that_cannot_be_read_costs_no_other_its_turn(build, expected_failures, octets):
    """And no claim is kept for it, whether its content or its outline is wanted."""
    expected_failures.append(msgspec.DecodeError)
    house = build(octets=octets)
    mails = [message(f"a@{number}.example") for number in range(30)]
    for mail in mails:
        house.store(mail)
    spoilt = mails[3]
    unreadable(house, "message", spoilt)
    unreadable(house, "outline", spoilt)
    house.advance(20.0)
    assert State.CLAIMED not in house.states
    (waiting,) = [row for row in house.rows() if row.state is not State.DELIVERED]
    assert (spoilt.id, State.DUE, 0) == (waiting.message, waiting.state, waiting.attempts)
    assert 4600.0 <= waiting.due_at <= 4630.0


@pytest.mark.parametrize("born", [True, False])
def test_a_message_whose_content_is_lost_fails_and_its_sender_is_told(build, born):
    made = Identifiers(lambda: 1_800_000_000.0, lambda bits: 7)
    house = build(
        reports=Notification("smtpeter.example", made, lambda: 1000.0, SCHEDULE), octets=1 if born else 1000
    )
    mail = message("a@x.example", "b@x.example", "c@y.example")
    house.spool.shelf.outlined.add(mail.id)
    (house.accept if born else house.store)(mail)
    house.advance(10.0)
    assert [State.FAILED] * 3 + [State.DELIVERED] * 2 == house.states
    assert ["sender@shop.example"] * 2 == house.courier.tried
    assert {(554, "5.3.0")} == {(event.code, event.status) for event in house.events("failure")}
    reports = [group.message.content for group in house.courier.groups]
    assert all(b"has been lost here" in report for report in reports)


def test_deliveries_whose_message_is_lost_whole_are_held(build):
    """Nobody is left who could be told."""
    house = build()
    mail = message("a@x.example", "b@y.example")
    house.store(mail)
    del house.spool.shelf.messages[mail.id]
    house.advance(10.0)
    assert [State.HELD] * 2 == house.states
    assert {"hold"} == {event.step for event in house.events("operation")}


def test_a_report_that_cannot_be_kept_is_made_anew(build):
    """Its identifier may be taken; the settlement must not wait for ever for that."""
    taken = message("other@x.example")
    own = [taken, message("sender@shop.example", return_path=None)]
    house = build(reports=lambda mail, _: (accepted(own.pop(0)),) if mail.login and own else ())
    house.spool.accept(accepted(taken, due_at=9e9))
    house.courier.answers["x.example"] = REFUSED
    house.accept(message("a@x.example"))
    house.advance(5.0)
    assert State.CLAIMED not in house.states
    assert 1 == house.states.count(State.FAILED)
    assert [] == own


@pytest.mark.parametrize(("answer", "expected"), [(REFUSED, State.DUE), (TAKEN, State.CLAIMED)])
def test_what_cannot_be_settled_for_a_fault_of_ours_is_released_but_for_what_was_delivered(
    build, expected_failures, answer, expected
):
    """What the next hop took must not come to it again each hour: that claim is kept until the server restarts."""
    expected_failures.append(ZeroDivisionError)
    house = build(window=4)
    settle = house.spool.settle
    house.spool.settle = lambda *_: fail(ZeroDivisionError("a fault"))
    house.courier.answer = answer
    house.accept(message("a@x.example"))
    house.advance(10.0)
    assert [expected] == house.states
    assert house.relay.room(message("new@x.example"))
    house.spool.settle = settle
    house.advance(3700.0, 5.0)
    assert [State.FAILED if answer is REFUSED else State.CLAIMED] == house.states


def test_a_fault_in_the_courier_costs_an_attempt_and_no_place(build, expected_failures):
    expected_failures.append(ZeroDivisionError)
    house = build(window=4)
    house.courier.answers["odd.example"] = ZeroDivisionError("a fault")
    for number in range(8):
        house.accept(message(f"{number}@odd.example"))
        house.advance(2.0)
    assert [State.DUE] * 8 == house.states
    assert {"451"} == {str(event.code) for event in house.events("deferral")}
    assert house.relay.room(message("new@x.example"))


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
    house.wall.ahead = jump
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
