"""Who is owed which DSN: the matrix of RFC 3461, and the DSN as a message of ours."""

import email
import email.policy
import itertools
from dataclasses import replace

import pytest
from flufl.bounce import scan_message

from smtpeter.journal.events import Attempt, Reported
from smtpeter.message import identifier
from smtpeter.message.address import Address
from smtpeter.message.delivery_report import Action
from smtpeter.message.envelope import Body, Notify, OriginalRecipient, Ret
from smtpeter.message.identifier import Identifiers
from smtpeter.message.options import Switches
from smtpeter.message.returning import Returning
from smtpeter.message.status import Outcome, Reply, Result, Stage
from smtpeter.report.notification import Notification, owed
from smtpeter.spool.model import Settlement
from smtpeter.spool.schedule import Schedule
from tests.relay.mails import GREYLISTED, REFUSED, TAKEN, claims, message, recipient

NEVER, SUCCESS, FAILURE, DELAY = Notify.NEVER, Notify.SUCCESS, Notify.FAILURE, Notify.DELAY
TAKEN_WITH_DSN = Outcome(Result.DELIVERED, Stage.MESSAGE, Reply(250, "", "Ok"), dsn_offered=True)
EXPIRED = Outcome(Result.EXPIRED, Stage.RCPT, GREYLISTED.reply, host="mx.example")
SCHEDULE = Schedule((300.0,), 14_400.0, 345_600.0)
NOW = 20_000.0
CONTENT = b"From: sender@shop.example\r\nSubject: Your order\r\n\r\nThank you\r\n"


def notification(**values):
    numbers = itertools.count()
    return Notification(
        "relay.example", Identifiers(lambda: NOW, lambda bits: next(numbers)), lambda: NOW, SCHEDULE, **values
    )


def settled(mail, *outcomes, warned=False):
    return [
        Settlement(claim, outcome, (), due_at=NOW + 300, warned=warned)
        for claim, outcome in zip(claims(mail), outcomes, strict=True)
    ]


def reports(mail, *outcomes, warned=False, **values):
    return notification(**values)(mail, settled(mail, *outcomes, warned=warned))


def status(report):
    """The DSN's groups of fields: the message's, then one for each recipient."""
    parsed = email.message_from_bytes(report.message.content, policy=email.policy.default)
    assert "multipart/report" == parsed.get_content_type()
    return parsed.get_payload()[1].get_payload()


def actions(report):
    return [(group["Final-Recipient"], group["Action"]) for group in status(report)[1:]]


NOTIFY = [
    # NOTIFY              failed           expired          delayed          relayed          next hop reports
    (None, Action.FAILED, Action.FAILED, Action.DELAYED, None, None),
    (NEVER, None, None, None, None, None),
    (SUCCESS, None, None, None, Action.RELAYED, None),
    (FAILURE, Action.FAILED, Action.FAILED, None, None, None),
    (DELAY, None, None, Action.DELAYED, None, None),
    (SUCCESS | FAILURE, Action.FAILED, Action.FAILED, None, Action.RELAYED, None),
    (SUCCESS | DELAY, None, None, Action.DELAYED, Action.RELAYED, None),
    (FAILURE | DELAY, Action.FAILED, Action.FAILED, Action.DELAYED, None, None),
    (SUCCESS | FAILURE | DELAY, Action.FAILED, Action.FAILED, Action.DELAYED, Action.RELAYED, None),
]


@pytest.mark.row(120)
@pytest.mark.row(121)
@pytest.mark.row(122)
@pytest.mark.parametrize(("notify", "failed", "expired", "delayed", "taken", "taken_with_dsn"), NOTIFY)
def test_the_matrix_of_notify(notify, failed, expired, delayed, taken, taken_with_dsn):
    (claim,) = claims(message(recipient("a@x.example", notify=notify)))
    got = [
        owed(claim.delivery, outcome, warned=True, final=False)
        for outcome in (REFUSED, EXPIRED, GREYLISTED, TAKEN, TAKEN_WITH_DSN)
    ]
    assert [failed, expired, delayed, taken, taken_with_dsn] == got


def test_a_delay_is_reported_when_the_time_to_warn_has_come():
    mail = message("a@x.example")
    assert () == reports(mail, GREYLISTED)
    (report,) = reports(mail, GREYLISTED, warned=True)
    (_, group) = status(report)
    assert "delayed" == group["Action"]
    assert "Mon, 05 Jan 1970 00:16:40 +0000" == group["Will-Retry-Until"]


@pytest.mark.row(121)
def test_the_sandbox_makes_the_final_delivery():
    mail = message(recipient("a@x.example", notify=SUCCESS))
    (report,) = reports(mail, TAKEN, final=True)
    assert [("rfc822; a@x.example", "delivered")] == actions(report)


@pytest.mark.row(121)
def test_success_is_reported_as_relayed_when_the_next_hop_makes_no_reports():
    mail = message(recipient("a@x.example", notify=SUCCESS))
    (report,) = reports(mail, TAKEN)
    assert [("rfc822; a@x.example", "relayed")] == actions(report)


@pytest.mark.row(127)
@pytest.mark.parametrize("outcome", [REFUSED, EXPIRED, TAKEN, GREYLISTED])
def test_nothing_is_owed_to_a_null_return_path(outcome):
    everything = SUCCESS | FAILURE | DELAY
    mail = message(recipient("a@x.example", notify=everything), return_path=None)
    assert () == reports(mail, outcome, warned=True)


@pytest.mark.row(127)
@pytest.mark.parametrize("outcome", [REFUSED, EXPIRED, TAKEN, GREYLISTED])
def test_no_report_is_made_about_a_report(outcome):
    (report,) = reports(message("a@x.example"), REFUSED)
    assert () == reports(report.message, outcome, warned=True)


@pytest.mark.row(128)
def test_all_that_failed_together_stand_in_one_report():
    mail = message("a@x.example", recipient("b@x.example", notify=NEVER), "c@x.example", "d@x.example")
    (report,) = reports(mail, REFUSED, REFUSED, EXPIRED, TAKEN)
    assert [("rfc822; a@x.example", "failed"), ("rfc822; c@x.example", "failed")] == actions(report)


def test_different_endings_are_told_apart():
    everything = SUCCESS | FAILURE | DELAY
    mail = message(*(recipient(f"{name}@x.example", notify=everything) for name in "abc"))
    told = reports(mail, REFUSED, TAKEN, GREYLISTED, warned=True)
    assert ["failed", "relayed", "delayed"] == [actions(report)[0][1] for report in told]
    assert 3 == len({report.message.id for report in told})


@pytest.mark.row(120)
def test_a_report_is_a_message_of_ours_with_nothing_to_rewrite():
    mail = message("a@x.example", content=CONTENT, switches=Switches(track_clicks=True, track_bounces=True))
    (report,) = reports(mail, REFUSED)
    sent = report.message
    assert "" == sent.login
    assert sent.envelope.return_path is None
    assert [("sender@shop.example", NEVER)] == [(str(r.address), r.notify) for r in sent.envelope.recipients]
    assert Switches() == sent.switches
    assert not report.claimed
    assert {"from", "message-id", "subject"} == sent.facts.keys()
    (delivery,) = report.deliveries
    assert (sent.id, NOW, NOW, 0) == (
        delivery.message,
        delivery.due_at,
        delivery.accepted_at,
        delivery.attempts,
    )
    assert len({sent.id, delivery.id, mail.id}) == 3


@pytest.mark.row(125)
def test_other_peoples_programs_understand_it():
    mail = message("a@x.example", content=CONTENT)
    (report,) = reports(mail, REFUSED)
    parsed = email.message_from_bytes(report.message.content)
    assert {b"a@x.example"} == scan_message(parsed)
    assert "auto-replied" == parsed["Auto-Submitted"]


def test_each_report_stands_in_the_journal():
    mail = message("a@x.example", "b@x.example", login="shop", tags=("summer",))
    settlements = settled(mail, REFUSED, EXPIRED)
    (report,) = notification()(mail, settlements)
    common = {"time": NOW, "message": mail.id, "login": "shop", "tags": ("summer",)}
    told = {"action": "failed", "to": "sender@shop.example", "report": report.message.id}
    expected = [
        Reported(
            **common, **told, delivery=s.claim.delivery.id, recipient=str(s.claim.delivery.recipient.address)
        )
        for s in settlements
    ]
    own = Attempt(
        time=NOW,
        delivery=report.deliveries[0].id,
        message=report.message.id,
        recipient="sender@shop.example",
    )
    assert (*expected, own) == report.events


@pytest.mark.row(123)
@pytest.mark.row(125)
def test_what_the_sender_gave_comes_back():
    orcpt = OriginalRecipient("rfc822", "first@y.example")
    mail = message(recipient("a@x.example", orcpt=orcpt), content=CONTENT, envelope={"envid": "order+7=x"})
    settlements = settled(mail, REFUSED)
    (report,) = notification()(mail, settlements)
    per_message, group = status(report)
    assert "order+7=x" == per_message["Original-Envelope-Id"]
    assert "dns; relay.example" == per_message["Reporting-MTA"]
    assert "rfc822; first@y.example" == group["Original-Recipient"]
    assert "smtp; 550 5.1.1 No such user" == group["Diagnostic-Code"]
    assert identifier.show(settlements[0].claim.delivery.id) == group["Final-Log-ID"]


@pytest.mark.row(124)
@pytest.mark.parametrize(
    ("ret", "outcome", "kind"),
    [
        (Ret.FULL, REFUSED, "message/rfc822"),
        (Ret.HDRS, REFUSED, "text/rfc822-headers"),
        (None, REFUSED, "text/rfc822-headers"),
        (Ret.FULL, GREYLISTED, "text/rfc822-headers"),
    ],
)
def test_what_is_returned(ret, outcome, kind):
    """The whole message only where a failure was asked to bring it (RFC 3461 4.3)."""
    mail = message("a@x.example", content=CONTENT, envelope={"ret": ret})
    (report,) = reports(mail, outcome, warned=True)
    parsed = email.message_from_bytes(report.message.content)
    assert kind == parsed.get_payload()[2].get_content_type()


@pytest.mark.row(124)
def test_of_a_big_message_the_header_section_is_returned():
    mail = message(
        "a@x.example", content=CONTENT + (b"x" * 76 + b"\r\n") * 20_000, envelope={"ret": Ret.FULL}
    )
    (report,) = reports(mail, REFUSED)
    assert len(report.message.content) < 10_000


def test_an_8_bit_original_makes_an_8_bit_report():
    mail = message("a@x.example", content=CONTENT + "Grüße\r\n".encode(), envelope={"ret": Ret.FULL})
    (report,) = reports(mail, REFUSED)
    assert Body.EIGHTBITMIME is report.message.envelope.body


@pytest.mark.row(129)
def test_a_return_path_beyond_ascii_is_written_to():
    mail = message("a@x.example", return_path="søren@shop.example")
    (report,) = reports(mail, REFUSED)
    assert report.message.envelope.smtputf8
    assert "søren@shop.example" == str(report.message.envelope.recipients[0].address)


@pytest.mark.parametrize("told", [None, Address("desk", "help.example")])
def test_reports_about_tracked_mail_go_to_whom_the_login_wants_to_be_told(told):
    mail = message(recipient("a@x.example"))
    mail = replace(mail, returning=Returning("b.example", 0, told))
    made = reports(mail, REFUSED)

    assert ([] if told is None else ["desk@help.example"]) == [
        str(one.message.envelope.recipients[0].address) for one in made
    ]
