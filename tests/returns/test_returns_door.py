"""What comes back, through the door: taken or not, what follows, and that all of it is kept before the 250."""

import email
import email.policy
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from smtpeter.accounts.interface import AccountsUnavailable
from smtpeter.accounts.suppression import Breadth, of_domain, of_login
from smtpeter.message.envelope import Body, Notify
from smtpeter.message.identifier import DeliveryId
from smtpeter.message.status import Stage
from smtpeter.returns.findings import MAXIMUM_KEPT
from smtpeter.returns.recognise import recognise
from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.spool.returned import MAXIMUM_OF_A_DELIVERY
from smtpeter.spool.states import State
from tests.returns.hall import (
    AWAY,
    CONTENT,
    HOST,
    LIMITS,
    LOGIN,
    NOW,
    RING,
    Hall,
    complaint,
    dsn,
    path,
    wishing,
)
from tests.storage.stores import address
from tests.submission.door import reply, speak

FULL = dsn("failed", "5.2.2", "552 5.2.2 Mailbox full")


@pytest.fixture
def hall():
    return Hall()


def test_a_late_failure_settles_the_story_and_is_passed_on(hall):
    delivery, to = hall.delivered()

    assert hall.bring(to, dsn()).startswith("250 2.0.0")

    assert ["attempt", "delivery", "bounce", "failure", "report"] == sorted(
        hall.kinds(delivery), key=["attempt", "delivery", "bounce", "failure", "report"].index
    )
    after = hall.spool.delivery(delivery).result
    assert (State.FAILED, Stage.BOUNCE, 550) == (after.state, after.last.stage, after.last.reply.code)
    bounce, failure = hall.last("bounce"), hall.last("failure")
    assert ("failed", "no such user", "5.1.1") == (bounce.action, bounce.failure_class, bounce.status)
    assert ("joe@there.example", ("spring",), "bench") == (bounce.recipient, bounce.tags, bounce.login)
    assert ("error", "bounce", 550, "5.1.1") == (failure.type, failure.state, failure.code, failure.status)
    assert dsn() == hall.returns.original(bounce.original).result


def test_the_report_that_is_passed_on_has_all_that_the_customer_knows_it_by(hall):
    _, to = hall.delivered()
    hall.bring(to, dsn())

    (forward,) = hall.forwards
    assert (None, "me@customer.example") == (
        forward.envelope.return_path,
        str(forward.envelope.recipients[0].address),
    )
    assert Notify.NEVER is forward.envelope.recipients[0].notify
    report = email.message_from_bytes(forward.content)
    human, status, original = report.get_payload()
    message_fields, recipient_fields = status.get_payload()
    assert "QQ314" == message_fields["Original-Envelope-Id"]
    assert "rfc822; first@there.example" == recipient_fields["Original-Recipient"]
    assert "rfc822; joe@there.example" == recipient_fields["Final-Recipient"]
    assert "dns; mx.there.example" == recipient_fields["Remote-MTA"]
    assert "smtp; 550 5.1.1 No such user here" == recipient_fields["Diagnostic-Code"]
    assert "text/rfc822-headers" == original.get_content_type()
    _, attached = human.get_payload()
    assert "message/rfc822" == attached.get_content_type()
    assert dsn() in forward.content


def test_a_second_report_is_recorded_and_passed_on_but_settles_nothing_more(hall):
    delivery, to = hall.delivered()
    hall.bring(to, dsn())
    hall.bring(to.upper(), dsn())

    assert (2, 1) == (hall.kinds(delivery).count("bounce"), hall.kinds(delivery).count("failure"))
    assert 2 == len(hall.forwards)


@pytest.mark.parametrize(
    ("content", "event", "action"),
    [(dsn("delayed", "4.4.1"), "bounce", "delayed"), (dsn("delivered", "2.0.0"), "bounce", "delivered")],
)
def test_delay_and_success_settle_nothing(hall, content, event, action):
    delivery, to = hall.delivered(notify=Notify.SUCCESS | Notify.DELAY)
    hall.bring(to, content)

    assert State.DELIVERED is hall.spool.delivery(delivery).result.state
    assert (event, action) == (hall.kinds(delivery)[2], hall.last("bounce").action)
    assert f"Action: {action}".encode() in hall.forwards[0].content


@pytest.mark.row(132)
def test_an_answer_is_passed_on_octet_for_octet_below_the_trace(hall):
    delivery, to = hall.delivered(notify=Notify.NEVER)
    hall.bring(to, AWAY, sender="joe@there.example")

    (forward,) = hall.forwards
    assert forward.content.endswith(AWAY)
    top = forward.content.removesuffix(AWAY)
    assert top.startswith(b"Received: from remote.example")
    assert f"Delivered-To: {to}\r\n".encode() in top
    assert forward.foreign
    assert forward.envelope.return_path is None  # an answer to it goes nowhere (RFC 3834 2)
    assert State.DELIVERED is hall.spool.delivery(delivery).result.state
    assert "forwarded" == hall.last("report").action


def test_an_eight_bit_answer_stays_so(hall):
    _, to = hall.delivered()
    hall.bring(to, AWAY.replace(b"I am", b"Ich bin f\xfcr l\xc3\xa4nger"))

    assert Body.EIGHTBITMIME is hall.forwards[0].envelope.body


def test_what_is_all_body_stays_so(hall):
    _, to = hall.delivered()
    hall.bring(to, b"no header at all\r\n")

    assert hall.forwards[0].content.endswith(b"\r\n\r\nno header at all\r\n")


def test_never_swallows_recognised_reports(hall):
    delivery, to = hall.delivered(notify=Notify.NEVER)
    hall.bring(to, dsn())

    assert [] == hall.forwards
    assert "failure" in hall.kinds(delivery)


@pytest.mark.parametrize("reports_to", [None, address(f"x@{HOST}"), address("x@B.Shop.example")])
def test_nobody_to_be_told_and_no_circle_through_our_own_domains(hall, reports_to):
    delivery, to = hall.delivered(reports_to=reports_to)
    hall.bring(to, dsn())
    hall.bring(to, AWAY)

    assert [] == hall.forwards
    assert {"bounce", "failure", "response"} < set(hall.kinds(delivery))


@pytest.mark.row(134)
def test_what_was_here_before_is_recorded_only(hall):
    delivery, to = hall.delivered()
    circle = f"DELIVERED-TO:  {to.upper()} \r\n".encode() + AWAY

    assert hall.bring(to, circle).startswith("250")
    assert [] == hall.forwards
    assert "response" in hall.kinds(delivery)


@pytest.mark.row(134)
def test_too_many_hops(hall):
    delivery, to = hall.delivered()

    assert hall.bring(to, b"Received: x\r\n" * 20 + AWAY).startswith("554 5.4.6")
    assert ["attempt", "delivery"] == hall.kinds(delivery)


@pytest.mark.row(131)
def test_a_token_whose_delivery_is_long_forgotten_is_taken_and_recorded(hall):
    assert hall.bring(path(DeliveryId(123)), dsn()).startswith("250")

    assert ["bounce"] == hall.kinds(123)
    assert "joe@there.example" == hall.last("bounce").recipient
    assert [] == hall.forwards


def test_a_message_whose_content_is_forgotten_is_still_reported(hall):
    _delivery, to = hall.delivered()
    hall.spool.forget_content(NOW, 10)
    hall.bring(to, dsn())

    report = email.message_from_bytes(hall.forwards[0].content)
    assert ["multipart/mixed", "message/delivery-status"] == [
        p.get_content_type() for p in report.get_payload()
    ]


def test_bounces_that_are_not_tracked_have_nobody_but_the_journal(hall):
    delivery, to = hall.delivered()
    message = hall.spool.delivery(delivery).result.message
    shelf = hall.spool.shelf.messages
    shelf[message] = replace(shelf[message], returning=None)
    hall.bring(to, AWAY)

    assert [] == hall.forwards


# Bounds


def returning(octets):
    """A report that returns a message of so many octets."""
    mail = b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\n" + b"0123456789\r\n" * (
        octets // 12
    )
    return dsn().replace(b"--b--", mail + b"--b--")


def test_of_a_large_report_the_beginning_is_kept_and_passed_on_with_all_that_it_says(hall):
    _delivery, to = hall.delivered()
    assert hall.bring(to, returning(500_000)).startswith("250")

    kept = hall.returns.original(hall.last("bounce").original).result
    assert MAXIMUM_KEPT - 12 < len(kept) <= MAXIMUM_KEPT
    assert returning(500_000).startswith(kept)
    assert kept.endswith(b"9\r\n")
    (forward,) = hall.forwards
    assert len(forward.content) < MAXIMUM_KEPT + 10_000
    human, status, original = email.message_from_bytes(forward.content).get_payload()
    assert "5.1.1" == status.get_payload()[1]["Status"]
    _words, attached = human.get_payload()
    remote = attached.get_payload()[0].get_payload()
    assert "See below." == remote[0].get_payload().strip()
    assert "smtp; 550 5.1.1 No such user here" == remote[1].get_payload()[1]["Diagnostic-Code"]
    assert b"Subject: Spring" in original.get_payload().encode()


def test_an_answer_is_passed_on_whole_though_its_beginning_is_kept(hall):
    _, to = hall.delivered()
    long = AWAY + b"x" * 70 + b"\r\n"
    long += b"Kind regards.\r\n" * (2 * MAXIMUM_KEPT // 15)
    hall.bring(to, long)

    assert hall.forwards[0].content.endswith(long)
    kept = hall.returns.original(hall.last("response").original).result
    assert long.startswith(kept)
    assert len(kept) <= MAXIMUM_KEPT


@pytest.mark.parametrize("is_known", [True, False])
def test_who_holds_a_token_can_neither_fill_the_disk_nor_the_customers_mailbox(hall, is_known):
    delivery, to = hall.delivered() if is_known else (DeliveryId(123), path(DeliveryId(123)))
    wire = hall.wire()
    for _ in range(MAXIMUM_OF_A_DELIVERY + 3):
        assert hall.bring(to, AWAY, wire=wire).startswith("250")

    assert MAXIMUM_OF_A_DELIVERY + 3 == hall.kinds(delivery).count("response")
    assert MAXIMUM_OF_A_DELIVERY == len(hall.returns.originals)
    assert (MAXIMUM_OF_A_DELIVERY if is_known else 0) == len(hall.forwards)
    withheld = [e for e in hall.journal.events if e.kind == "report" and e.action == "withheld"]
    assert [delivery] * 3 == [event.delivery for event in withheld]


def test_nor_can_he_by_complaints(hall):
    _, to = hall.delivered()
    wire = hall.wire()
    quoted = f"Return-Path: <{to}>\r\n".encode() + CONTENT
    for _ in range(MAXIMUM_OF_A_DELIVERY + 1):
        assert hall.bring("fbl@home.example", complaint(quoted), wire=wire).startswith("250")

    assert MAXIMUM_OF_A_DELIVERY == len(hall.returns.originals)


# The suppression list


def listed(hall):
    return [(one.scope, one.recipient, one.reason) for one in hall.suppressions.listed.values()]


def test_who_is_gone_is_put_on_the_list(hall):
    delivery, to = hall.delivered(to="Joe@There.example")
    hall.bring(to, dsn())

    (entry,) = hall.suppressions.listed.values()
    assert [(of_login("bench"), "joe@there.example", "no such user")] == listed(hall)
    assert (NOW, None, delivery) == (entry.created_at, entry.expires_at, entry.delivery)


@pytest.mark.parametrize(
    ("wishes", "scopes"),
    [
        ({"suppress": Breadth.NOBODY}, []),
        ({"suppress": Breadth.LOGIN}, [of_login("bench")]),
        ({"suppress": Breadth.DOMAIN}, [of_domain("shop.example")]),
    ],
)
def test_on_the_list_that_the_login_wants(wishes, scopes):
    hall = Hall(wishing(LOGIN, **wishes))
    _, to = hall.delivered()
    hall.bring(to, dsn())

    assert scopes == [scope for scope, _, _ in listed(hall)]


def test_for_as_long_as_the_login_wants():
    hall = Hall(wishing(LOGIN, suppress_for=60.0))
    _, to = hall.delivered()
    hall.bring(to, dsn())

    assert [NOW + 60] == [one.expires_at for one in hall.suppressions.listed.values()]


@pytest.mark.parametrize(
    "content",
    [
        FULL,
        AWAY,
        dsn("delayed", "4.1.1"),
        dsn("failed", "5.7.1", "550 5.7.1 Blocked by our reputation service"),
        dsn("failed", "5.7.26", "550 5.7.26 DMARC policy"),
        dsn("failed", "5.0.0", "554 Message refused"),
        complaint(CONTENT, "not-spam"),
    ],
)
def test_nothing_else_puts_anybody_on_the_list(hall, content):
    _, to = hall.delivered()
    hall.bring(to, content)

    assert [] == listed(hall)


# Complaints


@pytest.mark.row(133)
def test_a_complaint_is_recorded_by_the_token_in_what_it_quotes_and_answered_to_nobody(hall):
    delivery, to = hall.delivered()
    quoted = f"Return-Path: <{to}>\r\n".encode() + CONTENT

    assert hall.bring("fbl@home.example", complaint(quoted), sender="fbl@provider.example").startswith("250")

    event = hall.last("abuse")
    assert (delivery, "joe@there.example", "abuse", "fbl@provider.example") == (
        event.delivery,
        event.recipient,
        event.type,
        event.emailfrom,
    )
    assert [(of_login("bench"), "joe@there.example", "complaint")] == listed(hall)
    assert State.DELIVERED is hall.spool.delivery(delivery).result.state
    assert [] == hall.forwards


@pytest.mark.row(133)
def test_a_complaint_at_the_return_path_counts_too_and_is_not_passed_on(hall):
    delivery, to = hall.delivered()
    hall.bring(to, complaint(CONTENT))

    assert "abuse" in hall.kinds(delivery)
    assert [] == hall.forwards


def test_a_complaint_without_a_token_is_kept_all_the_same(hall):
    hall.bring("fbl@home.example", complaint(CONTENT))

    event = hall.last("abuse")
    assert (0, "") == (event.delivery, event.login)
    assert complaint(CONTENT) == hall.returns.original(event.original).result


def test_what_is_no_complaint_is_for_a_person_to_read(hall):
    hall.bring("fbl@home.example", b"Subject: confirm your registration\r\n\r\nClick.\r\n")

    (forward,) = hall.forwards
    assert "op@home.example" == str(forward.envelope.recipients[0].address)


# Postmaster


def test_mail_for_postmaster_is_passed_on_and_nothing_else(hall):
    hall.bring("postmaster", b"Subject: hello\r\n\r\nHello.\r\n")

    (forward,) = hall.forwards
    assert ("op@home.example", True) == (str(forward.envelope.recipients[0].address), forward.foreign)
    assert {} == hall.returns.originals
    looped = forward.content
    assert hall.bring("Postmaster", looped).startswith("554 5.4.6")


# Several at once, and trouble


def test_one_mail_for_several_return_paths_is_each_ones_matter(hall):
    first, to_first = hall.delivered(1)
    second, to_second = hall.delivered(2, to="ann@there.example")
    wire = hall.wire()
    speak(
        wire, "MAIL FROM:<>", *(f"RCPT TO:<{to}>" for to in (to_first, to_second, to_first.upper())), "DATA"
    )
    wire.send(AWAY + b".\r\n")

    assert reply(wire).startswith("250")
    assert (1, 1) == (hall.kinds(first).count("response"), hall.kinds(second).count("response"))
    assert 1 == len(hall.returns.originals)
    assert 2 == len(hall.forwards)


@pytest.mark.parametrize(
    ("ledger", "trouble", "code"),
    [
        ("returns", SpoolUnavailable("full", full=True), "452 4.3.1"),
        ("returns", SpoolUnavailable("away"), "451 4.3.0"),
        ("spool", SpoolUnavailable("away"), "451 4.3.0"),
        ("accounts", AccountsUnavailable("away"), "451 4.3.0"),
    ],
)
def test_trouble_of_the_store_is_temporary_and_nothing_has_happened(hall, ledger, trouble, code):
    delivery, to = hall.delivered()
    getattr(hall, ledger).trouble = trouble

    assert hall.bring(to, dsn()).startswith(code)
    assert ["attempt", "delivery"] == hall.kinds(delivery)

    getattr(hall, ledger).trouble = None
    assert hall.bring(to, dsn()).startswith("250")


def test_a_fault_of_the_recogniser_costs_the_recognition_only(hall, expected_failures):
    expected_failures.append(ZeroDivisionError)
    delivery, to = hall.delivered()
    hall.recognise = lambda content: 1 / 0

    assert hall.bring(to, dsn()).startswith("250")
    assert ("unknown", "low") == (hall.last("response").type, hall.last("response").confidence)
    assert hall.forwards[0].content.endswith(dsn())
    assert State.DELIVERED is hall.spool.delivery(delivery).result.state


def test_a_failure_waits_until_its_delivery_is_settled(hall):
    delivery, to = hall.delivered()
    row = hall.spool.shelf.rows[delivery]
    row.delivery = replace(row.delivery, state=State.CLAIMED)

    assert hall.bring(to, dsn()).startswith("451 4.3.0")
    assert [0.5] * 10 == hall.paused
    assert hall.bring(to, AWAY).startswith("250")  # settles nothing, so it need not wait

    row.delivery = replace(row.delivery, state=State.DELIVERED)
    assert hall.bring(to, dsn()).startswith("250")
    assert State.FAILED is hall.spool.delivery(delivery).result.state


def test_the_250_waits_for_the_store(hall):
    _, to = hall.delivered()
    kept = Deferred()
    hall.returns.keep = lambda returned: kept
    wire = hall.wire()
    speak(wire, "MAIL FROM:<>", f"RCPT TO:<{to}>", "DATA")
    wire.send(AWAY + b".\r\nNOOP\r\n")

    assert b"" == wire.read()
    kept.callback(None)
    assert reply(wire).startswith("250 2.0.0 Ok, taken as")


# Whatever the Internet sends

LINES = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        (
            dsn() + AWAY + complaint(b"Return-Path: <x@y>\r\n") + b"Delivered-To: \xff\r\nReceived: x\r\n"
        ).split(b"\r\n")
    ),
)


@pytest.mark.row(132)
@settings(max_examples=60, deadline=None)
@given(st.lists(LINES, max_size=40))
def test_anything_is_taken_and_recorded(lines):
    hall = Hall()
    delivery, to = hall.delivered()
    clean = (re.sub(rb"[\r\n\0]", b"", line) for line in lines)
    stuffed = b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in clean)

    answer = hall.bring(to, stuffed)

    assert answer[:3] in {"250", "554"}  # 554: so many Received fields
    assert answer.startswith("554") or 3 <= len(hall.kinds(delivery))
    assert [None] * len(hall.forwards) == [each.envelope.return_path for each in hall.forwards]


# The session


@pytest.mark.row(132)
def test_no_auth_no_relaying_and_an_end_to_guessing(hall):
    wire = hall.wire()
    assert "AUTH" not in speak(wire, "EHLO remote.example")[0]
    assert speak(wire, "AUTH PLAIN AGEAYg==")[0].startswith("50")
    speak(wire, "MAIL FROM:<a@b.example>")
    replies = speak(wire, *(f"RCPT TO:<guess{n}@{HOST}>" for n in range(LIMITS.maximum_errors)))
    assert replies[0].startswith("550 5.1.1")
    assert replies[-1].startswith("421 4.7.0") or reply(wire).startswith("421 4.7.0")
    assert wire.closed


def test_the_recogniser_is_the_real_one():
    assert recognise(dsn()).proves_no_such_user
    assert RING.read_return_path(path(DeliveryId(9)).partition("@")[0]) == 9
