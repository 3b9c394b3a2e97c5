"""Delivery status notifications: golden files, read back by others' parsers, safe whatever strangers said.

SMTPETER_GOLDEN=write writes the golden files anew; look at the difference before you keep it.
"""

import email
import email.policy
import os
from dataclasses import replace
from pathlib import Path

import pytest
from flufl.bounce import scan_message
from hypothesis import given
from hypothesis import strategies as st

from smtpeter.message.address import Address
from smtpeter.message.dsn import Action, DeliveryReport, RecipientReport, compose, envelope
from smtpeter.message.envelope import Body, Notify, OriginalRecipient, Recipient, Ret
from smtpeter.message.explanation import advice
from smtpeter.message.status import Outcome, Reply, Result, Stage

GOLDEN = Path(__file__).parent.parent / "golden" / "dsn"
WHEN = 1_700_000_000.0
ORIGINAL = (
    b"From: Alice <alice@customer.example>\r\n"
    b"To: bob@example.com\r\n"
    b"Subject: Invoice 42\r\n"
    b"Message-ID: <42@customer.example>\r\n"
    b"\r\n"
    b"Dear Bob,\r\n.\r\n--=_report\r\n"
)
NO_SUCH_USER = Outcome(
    Result.FAILED,
    Stage.RCPT,
    Reply(550, "5.1.1", "<bob@example.com>: User unknown\nsee https://example.com/help"),
    host="mx.example.com",
    address="192.0.2.25",
)
UNREACHABLE = Outcome(
    Result.EXPIRED,
    Stage.CONNECT,
    Reply(451, "4.4.1", "No connection to mx.example.net [192.0.2.26]"),
    cause="TimeoutError",
    host="mx.example.net",
    address="192.0.2.26",
)
GREYLISTED = Outcome(
    Result.DEFERRED, Stage.RCPT, Reply(450, "4.7.1", "Greylisted, try later"), host="mx.example.com"
)
TAKEN = Outcome(
    Result.DELIVERED, Stage.MESSAGE, Reply(250, "2.0.0", "Ok: queued as 12345"), host="mx.example.com"
)


def about(address, action, outcome, *, orcpt=None, **times):
    local_part, _, domain = address.rpartition("@")
    return RecipientReport(
        Recipient(Address(local_part, domain), orcpt=orcpt),
        action,
        outcome,
        log_id="aaabbbcccdddd",
        attempted_at=WHEN + 60,
        **times,
    )


FAILED = about("bob@example.com", Action.FAILED, NO_SUCH_USER)


def report(*recipients, **changes):
    return replace(
        DeliveryReport(
            identifier="mmmmmmmmmmmmm",
            hostname="mail.example.org",
            to=Address("alice", "customer.example"),
            created_at=WHEN + 61,
            arrived_at=WHEN,
            recipients=recipients or (FAILED,),
            original=ORIGINAL,
        ),
        **changes,
    )


CASES = {
    "failed": report(ret=Ret.HDRS),
    "failed-full": report(ret=Ret.FULL, envid="QQ314 = x"),
    "failed-several": report(
        FAILED,
        about(
            "carol@example.net",
            Action.FAILED,
            UNREACHABLE,
            orcpt=OriginalRecipient("rfc822", "carol+x@example.net"),
        ),
        envid="QQ315",
    ),
    "delayed": report(about("bob@example.com", Action.DELAYED, GREYLISTED, retry_until=WHEN + 345_600)),
    "relayed": report(about("bob@example.com", Action.RELAYED, TAKEN)),
    "delivered": report(about("bob@example.com", Action.DELIVERED, TAKEN)),
    "utf8": report(
        about(
            "jürgen@bücher.example",
            Action.FAILED,
            NO_SUCH_USER,
            orcpt=OriginalRecipient("utf-8", "jürgen@bücher.example"),
        ),
        to=Address("zoë", "customer.example"),
        original=ORIGINAL.replace(b"Invoice 42", "Grüße".encode()),
        ret=Ret.FULL,
        smtputf8=True,
    ),
    "eight-bit": report(original=ORIGINAL.replace(b"Dear Bob", b"Gr\xfc\xdfe"), ret=Ret.FULL),
    "hostile": report(
        about(
            "bob@example.com",
            Action.FAILED,
            replace(
                NO_SUCH_USER,
                reply=Reply(
                    550,
                    "5.7.1",
                    "no\r\nAction: delivered\r\n\r\n--=_mmmmmmmmmmmmm\x1b[31m \xe9\x00" + "x" * 4000,
                ),
            ),
        ),
        envid="a\r\nAction: delivered\x00\u2028é",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_golden(name):
    path = GOLDEN / f"{name}.eml"
    if os.environ.get("SMTPETER_GOLDEN") == "write":
        path.write_bytes(compose(CASES[name]))
    assert path.read_bytes() == compose(CASES[name])


def parsed(case):
    return email.message_from_bytes(compose(case), policy=email.policy.default)


def groups(case):
    """The machine part: one dictionary for the message, one for each recipient."""
    part = list(parsed(case).iter_parts())[1]
    return [dict(block.items()) for block in part.get_payload()]


@pytest.mark.row(125)
@pytest.mark.parametrize("name", CASES)
def test_the_report_has_its_three_parts_and_its_header_fields(name):
    message = parsed(CASES[name])
    first, second, third = message.iter_parts()
    kind = "global-delivery-status" if name == "utf8" else "delivery-status"
    assert "multipart/report" == message.get_content_type()
    assert kind == message.get_param("report-type")
    assert "text/plain" == first.get_content_type()
    assert f"message/{kind}" == second.get_content_type()
    assert third.get_content_type() in {
        "message/rfc822",
        "text/rfc822-headers",
        "message/global",
        "message/global-headers",
    }
    for field in ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version"):
        assert 1 == len(message.get_all(field))
    assert "auto-replied" == message["Auto-Submitted"]
    assert "<42@customer.example>" == message["In-Reply-To"]
    assert [] == message.defects


@pytest.mark.row(125)
@pytest.mark.parametrize(
    ("name", "failed"),
    [
        ("failed", {b"bob@example.com"}),
        ("failed-full", {b"bob@example.com"}),
        ("failed-several", {b"bob@example.com", b"carol+x@example.net"}),
        ("hostile", {b"bob@example.com"}),
        ("delivered", set()),
    ],
)
def test_other_people_s_bounce_parser_finds_the_recipients(name, failed):
    assert failed == set(scan_message(email.message_from_bytes(compose(CASES[name]))))


@pytest.mark.row(125)
def test_each_recipient_has_a_group_with_its_fields():
    message, bob, carol = groups(CASES["failed-several"])
    assert {
        "Original-Envelope-Id": "QQ315",
        "Reporting-MTA": "dns; mail.example.org",
        "Arrival-Date": "Tue, 14 Nov 2023 22:13:20 +0000",
    } == message
    assert {
        "Final-Recipient": "rfc822; bob@example.com",
        "Action": "failed",
        "Status": "5.1.1",
        "Remote-MTA": "dns; mx.example.com",
        "Diagnostic-Code": "smtp; 550 5.1.1 <bob@example.com>: User unknown see https://example.com/help",
        "Last-Attempt-Date": "Tue, 14 Nov 2023 22:14:20 +0000",
        "Final-Log-ID": "aaabbbcccdddd",
    } == bob
    assert ("rfc822; carol+x@example.net", "rfc822; carol@example.net", "4.4.7") == (
        carol["Original-Recipient"],
        carol["Final-Recipient"],
        carol["Status"],
    )
    assert carol["Diagnostic-Code"].startswith("X-smtpeter; 451 4.4.1 No connection")


@pytest.mark.row(128)
def test_recipients_that_failed_together_share_one_report():
    assert 3 == len(groups(CASES["failed-several"]))


@pytest.mark.row(121)
def test_delay_and_relay_say_so():
    (_, delayed), (_, relayed) = groups(CASES["delayed"]), groups(CASES["relayed"])
    assert ("delayed", "4.7.1", "Sat, 18 Nov 2023 22:13:20 +0000") == (
        delayed["Action"],
        delayed["Status"],
        delayed["Will-Retry-Until"],
    )
    assert ("relayed", "2.0.0", None) == (
        relayed["Action"],
        relayed["Status"],
        relayed.get("Will-Retry-Until"),
    )


@pytest.mark.row(123)
def test_an_envelope_id_comes_back_as_it_was_decoded():
    assert b"\r\nOriginal-Envelope-Id: QQ314 = x\r\n" in compose(CASES["failed-full"])
    assert b"\r\nOriginal-Envelope-Id: a  b=c+d\r\n" in compose(report(envid="a  b=c+d"))


@pytest.mark.row(124)
@pytest.mark.parametrize(
    ("changes", "content_type", "returned"),
    [
        ({"ret": Ret.FULL}, b"message/rfc822", ORIGINAL),
        ({"ret": Ret.HDRS}, b"text/rfc822-headers", ORIGINAL.partition(b"\r\n\r\n")[0] + b"\r\n"),
        ({"ret": None}, b"text/rfc822-headers", ORIGINAL.partition(b"\r\n\r\n")[0] + b"\r\n"),
        (
            {"ret": Ret.FULL, "maximum_returned": 100},
            b"text/rfc822-headers",
            ORIGINAL.partition(b"\r\n\r\n")[0] + b"\r\n",
        ),
        ({"original": b""}, b"text/rfc822-headers", b""),
        ({"original": b"\r\nall body\r\n"}, b"text/rfc822-headers", b""),
    ],
)
def test_what_is_returned(changes, content_type, returned):
    content = compose(report(**changes))
    delimiter = b"\r\n--=_mmmmmmmmmmmmm"
    part = content.split(delimiter + b"\r\n")[-1].removesuffix(delimiter + b"--\r\n")
    head, _, body = part.partition(b"\r\n\r\n")
    assert head.startswith(b"Content-Type: " + content_type)
    assert returned == body


@pytest.mark.row(124)
def test_success_and_delay_return_the_header_only():
    case = replace(CASES["delayed"], ret=Ret.FULL)
    assert b"Content-Type: text/rfc822-headers" in compose(case)


@pytest.mark.row(124)
def test_a_monstrous_header_is_cut_at_a_line():
    original = b"Subject: x\r\n" + b"X-Long: 1234567890\r\n" * 10_000 + b"\r\n"
    content = compose(report(original=original))
    assert len(content) < 80_000
    assert content.endswith(b"X-Long: 1234567890\r\n\r\n--=_mmmmmmmmmmmmm--\r\n")


@pytest.mark.row(126)
def test_a_hostile_reply_adds_no_field_and_no_part():
    _, bob = groups(CASES["hostile"])
    content = compose(CASES["hostile"])
    assert "failed" == bob["Action"]
    assert 3 == len(list(parsed(CASES["hostile"]).iter_parts()))
    assert max(map(len, content.split(b"\r\n"))) < 600
    assert b"\x1b" not in content
    assert b"\x00" not in content
    assert content.isascii()


@pytest.mark.row(129)
def test_utf8_addresses_make_a_global_report():
    content = compose(CASES["utf8"])
    assert b"report-type=global-delivery-status" in content
    assert "Final-Recipient: utf-8; jürgen@bücher.example".encode() in content
    assert "Original-Recipient: utf-8; jürgen@bücher.example".encode() in content
    assert b"Content-Type: message/global\r\n" in content
    headers = compose(replace(CASES["utf8"], ret=Ret.HDRS))
    assert b"Content-Type: message/global-headers\r\n" in headers


@pytest.mark.row(120)
@pytest.mark.parametrize(
    ("name", "body", "smtputf8"),
    [
        ("failed-full", None, False),
        ("eight-bit", Body.EIGHTBITMIME, False),
        ("utf8", Body.EIGHTBITMIME, True),
    ],
)
def test_the_envelope_has_the_null_return_path_and_no_report_of_its_own(name, body, smtputf8):
    made = envelope(CASES[name], compose(CASES[name]))
    (recipient,) = made.recipients
    assert (None, Notify.NEVER, CASES[name].to) == (made.return_path, recipient.notify, recipient.address)
    assert (body, smtputf8) == (made.body, made.smtputf8)


def test_an_original_with_our_boundary_in_it_gets_another():
    original = ORIGINAL + b"--=_mmmmmmmmmmmmm--\r\n"
    message = parsed(report(original=original, ret=Ret.FULL))
    assert 3 == len(list(message.iter_parts()))
    assert "=_mmmmmmmmmmmmm_" == message.get_boundary()


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"=?utf-8?q?Gr=C3=BC=C3=9Fe?= to all", "Grüße to all"),
        (b"=?no-such-charset?q?x?=", "=?no-such-charset?q?x?="),
        (b"=?utf-8?b?!!!?= x", None),
        (b"a\tb\x1b[31m", "a b [31m"),
    ],
)
def test_the_subject_is_shown_as_people_read_it(raw, shown):
    content = compose(report(original=b"Subject: " + raw + b"\r\n\r\n"))
    assert content.startswith(b"From: ")
    if shown:
        assert f'"{shown}"'.encode() in content.replace(b"\r\n", b" ")


@pytest.mark.parametrize(
    ("enhanced", "words"),
    [
        ("5.1.1", "typing error"),
        ("5.1.10", "domain"),
        ("5.2.2", "full"),
        ("4.2.2", "full"),
        ("5.2.3", "too large"),
        ("5.7.26", "rules"),
        ("4.4.1", "reached"),
        ("5.4.6", "circle"),
        ("5.0.0", "postmaster"),
        ("", "postmaster"),
    ],
)
def test_advice_follows_the_enhanced_status_code(enhanced, words):
    assert words in advice(replace(NO_SUCH_USER, reply=Reply(550, enhanced, "x")))


@pytest.mark.parametrize(
    ("action", "result", "enhanced", "status"),
    [
        (Action.FAILED, Result.FAILED, "5.1.1", "5.1.1"),
        (Action.FAILED, Result.FAILED, "", "5.0.0"),
        (Action.FAILED, Result.FAILED, "2.0.0", "5.0.0"),
        (Action.FAILED, Result.EXPIRED, "4.2.2", "4.4.7"),
        (Action.DELAYED, Result.DEFERRED, "", "4.0.0"),
        (Action.DELAYED, Result.DEFERRED, "5.1.1", "4.0.0"),
        (Action.DELIVERED, Result.DELIVERED, "2.6.0", "2.6.0"),
        (Action.DELIVERED, Result.DELIVERED, "", "2.0.0"),
    ],
)
def test_status_fits_the_action(action, result, enhanced, status):
    outcome = replace(NO_SUCH_USER, result=result, reply=Reply(250, enhanced, "x"))
    assert status == groups(report(about("bob@example.com", action, outcome)))[1]["Status"]


@given(
    text=st.text(max_size=300),
    host=st.text(max_size=30),
    envid=st.text(max_size=100),
    orcpt=st.text(max_size=50),
    original=st.one_of(
        st.binary(max_size=200), st.binary(max_size=100).map(lambda tail: b"Subject: " + tail)
    ),
    ret=st.sampled_from(Ret),
)
def test_no_stranger_can_add_a_field_or_a_part(text, host, envid, orcpt, original, ret):
    outcome = replace(NO_SUCH_USER, reply=Reply(550, "5.1.1", text), host=host)
    each = about("bob@example.com", Action.FAILED, outcome, orcpt=OriginalRecipient("rfc822", orcpt))
    content = compose(report(each, envid=envid, original=original, ret=ret))
    head = content.partition(b"\r\n\r\n")[0]
    assert 10 >= len(head.split(b"\r\n"))
    _, _, status, _, _ = content.split(b"--=_mmmmmmmmmmmmm", 4)
    names = [line.split(b":")[0] for line in status.split(b"\r\n")[1:] if line and not line.startswith(b" ")]
    assert len(names) == len(set(names)) <= 14
    assert 1 == names.count(b"Action")


REMOTE = b"From: MAILER-DAEMON@mx.example.com\r\nSubject: failed\r\n\r\nNo.\r\n--=_mmmmmmmmmmmmm--\r\n--=-mmmmmmmmmmmmm\r\n"


@pytest.mark.parametrize("attached", [REMOTE, REMOTE + b"Gr\xfc\xdfe\r\n"])
def test_what_another_host_sent_is_attached_whole_within_the_first_part(attached):
    content = compose(report(attached=attached))
    human, status, original = email.message_from_bytes(content).get_payload()

    assert attached in content
    words, returned = human.get_payload()
    assert "what the other server sent us, and the header of" in " ".join(words.get_payload().split())
    assert ("message/rfc822", "failed") == (returned.get_content_type(), returned.get_payload()[0]["Subject"])
    assert "failed" == status.get_payload()[1]["Action"]
    assert "text/rfc822-headers" == original.get_content_type()
    assert {b"bob@example.com"} == set(scan_message(email.message_from_bytes(content)))


def test_of_what_is_very_long_only_the_header_is_attached():
    content = compose(report(attached=REMOTE + b"x\r\n" * 40, maximum_returned=100))
    _, returned = email.message_from_bytes(content).get_payload()[0].get_payload()

    assert "text/rfc822-headers" == returned.get_content_type()
    assert REMOTE.partition(b"\r\n\r\n")[0] + b"\r\n" == returned.get_payload(decode=True)


def test_a_message_that_is_no_longer_kept_is_not_returned():
    human, status = email.message_from_bytes(compose(report(original=None))).get_payload()

    assert "Attached is this report in a form for programs." in human.get_payload()
    assert "failed" == status.get_payload()[1]["Action"]


@given(st.binary(max_size=300))
def test_attachments_of_any_kind_leave_three_parts(attached):
    parts = email.message_from_bytes(compose(report(attached=attached or b"x"))).get_payload()

    assert ["multipart/mixed", "message/delivery-status", "text/rfc822-headers"] == [
        part.get_content_type() for part in parts
    ]
