"""What outcomes become: events with all their columns, times, expiry, warnings."""

import pytest

from smtpeter.journal.events import Deferred, Delivered, Failed
from smtpeter.message.status import Outcome, Reply, Result, Stage
from smtpeter.relay.settlement import UNKNOWN, Settling
from smtpeter.spool.schedule import Schedule
from smtpeter.spool.states import State
from tests.relay.mails import REFUSED, TAKEN, claims, message

HOUR, DAY = 3600.0, 86400.0
SETTLING = Settling(Schedule((300.0, 600.0), 4 * HOUR, 4 * DAY), jitter=lambda: 0.5)
HOST = {"host": "mx.example", "address": "192.0.2.1", "source": "198.51.100.7", "tls": "TLSv1.3 X"}
LOST = Outcome(
    Result.DEFERRED,
    Stage.MESSAGE,
    Reply(451, "4.4.2", "Connection lost"),
    cause="reset by peer",
    duplicate_possible=True,
    **HOST,
)


def settle(mail, outcome, *, began=1000.0, now=1001.0, **delivery):
    held = claims(mail, **delivery)
    (settlement,) = SETTLING.settlements(mail, held, {held[0].delivery.id: outcome}, began, now)
    assert held[0] is settlement.claim
    return settlement


def common(mail, settlement):
    return {
        "time": 1001.0,
        "delivery": settlement.claim.delivery.id,
        "message": mail.id,
        "login": "shop",
        "recipient": "a@x.example",
        "tags": ("summer",),
        "envelope": "sender@shop.example",
        "source": "198.51.100.7",
        "to": "192.0.2.1",
        "host": "mx.example",
        "attempt": 2,
    }


def test_a_delivery_tells_all_its_columns():
    mail = message("a@x.example", tags=("summer",))
    taken = Outcome(Result.DELIVERED, Stage.MESSAGE, Reply(250, "2.0.0", "queued as 7"), **HOST)
    settlement = settle(mail, taken, attempts=2)
    event = Delivered(**common(mail, settlement), reply="250 2.0.0 queued as 7", tls="TLSv1.3 X")
    assert (event,) == settlement.events
    assert settlement.due_at is None


def test_a_deferral_tells_all_its_columns_and_when_it_is_tried_again():
    mail = message("a@x.example", tags=("summer",))
    settlement = settle(mail, LOST, attempts=2)
    event = Deferred(
        **common(mail, settlement),
        stage="message",
        code=451,
        status="4.4.2",
        description="Connection lost",
        cause="reset by peer",
        next_attempt=1001.0 + 630.0,
        duplicate_possible=True,
    )
    assert (event,) == settlement.events
    assert 1631.0 == settlement.due_at
    assert not settlement.warned


def test_a_failure_tells_all_its_columns():
    mail = message("a@x.example", tags=("summer",))
    refused = Outcome(Result.FAILED, Stage.RCPT, Reply(550, "", "No such user"), cause="rejected", **HOST)
    settlement = settle(mail, refused, attempts=2)
    event = Failed(
        **common(mail, settlement),
        type="error",
        state="rcptto",
        code=550,
        status="5.0.0",
        description="No such user",
        cause="rejected",
    )
    assert (event,) == settlement.events


def test_what_we_cannot_send_is_an_invalid_message():
    ours = Outcome(Result.FAILED, Stage.PROCESS, Reply(554, "5.6.3", "Conversion required"))
    (event,) = settle(message("a@x.example"), ours).events
    assert ("invalid", "process") == (event.type, event.state)


def test_a_null_return_path_is_empty_in_the_journal():
    (event,) = settle(message("a@x.example", return_path=None), REFUSED).events
    assert "" == event.envelope


@pytest.mark.row(116)
def test_a_deferral_expires_after_an_attempt_since_the_deadline_and_keeps_the_last_reply():
    mail = message("a@x.example")
    deadline = mail.accepted_at + 4 * DAY
    assert Result.DEFERRED is settle(mail, LOST, began=deadline - 1, now=deadline + 9).outcome.result
    expired = settle(mail, LOST, began=deadline, now=deadline + 9)
    assert Result.EXPIRED is expired.outcome.result
    assert LOST.reply == expired.outcome.reply
    assert expired.due_at is None
    (event,) = expired.events
    assert ("timeout", "process", 451) == (event.type, event.state, event.code)


def test_the_own_deadline_of_a_message_counts():
    mail = message("a@x.example", give_up_at=1500.0)
    assert Result.EXPIRED is settle(mail, LOST, began=1500.0).outcome.result


def test_success_and_failure_are_never_expired():
    mail = message("a@x.example")
    late = mail.accepted_at + 9 * DAY
    for outcome in (TAKEN, REFUSED):
        assert outcome is settle(mail, outcome, began=late, now=late).outcome


@pytest.mark.row(116)
def test_the_warning_is_made_once():
    mail = message("a@x.example")
    late = mail.accepted_at + 5 * HOUR
    assert settle(mail, LOST, began=late, now=late).warned
    assert not settle(mail, LOST, began=late, now=late, warned_at=late - HOUR).warned


def test_an_outcome_that_was_not_told_is_a_deferral():
    mail = message("a@x.example", "b@x.example")
    first, second = claims(mail)
    settled = SETTLING.settlements(mail, (first, second), {first.delivery.id: TAKEN}, 1000.0, 1001.0)
    assert [TAKEN, UNKNOWN] == [settlement.outcome for settlement in settled]


def test_who_is_overdue_at_a_dead_site():
    mail = message("a@x.example")
    (held,) = claims(mail)
    assert not SETTLING.is_overdue(mail, held.delivery, mail.accepted_at + HOUR)
    assert SETTLING.is_overdue(mail, held.delivery, mail.accepted_at + 4 * HOUR)
    (warned,) = claims(mail, warned_at=5.0)
    assert not SETTLING.is_overdue(mail, warned.delivery, mail.accepted_at + 5 * HOUR)
    assert SETTLING.is_overdue(mail, warned.delivery, mail.accepted_at + 4 * DAY)


def test_what_was_decided_at_acceptance_stays_decided_whatever_ails_the_site():
    """A recipient on the suppression list is never mailed because his site was in trouble first."""
    mail = message("a@x.example")
    listed = Outcome(Result.FAILED, Stage.SUPPRESSION, Reply(550, "5.7.1", "On the suppression list"))
    for told in (LOST, UNKNOWN):
        settlement = settle(mail, told, last=listed)
        assert listed == settlement.outcome
        assert State.FAILED is settlement.delivery().state
