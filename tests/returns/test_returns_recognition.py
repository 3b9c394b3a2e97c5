"""What a recognition says beyond the kind, and the rules where signs contradict each other."""

import pytest

from smtpeter.message.refusal import FailureClass
from smtpeter.message.token import KeyRing
from smtpeter.returns.classification import classify, find_diagnostic, find_status
from smtpeter.returns.recognise import recognise, tokens_within
from smtpeter.returns.recognition import Action, Confidence, Kind
from tests.kit.returned import CORPUS, sample

RING = KeyRing({1: b"k" * 32}, newest=1)


def message(head, text=""):
    return "\r\n".join([*head, "", text.replace("\n", "\r\n")]).encode()


def report(*groups, text="It failed."):
    head = [
        "From: MAILER-DAEMON@mx.example.net",
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b",
    ]
    status = "\n\n".join(groups)
    return message(head, f"--b\n\n{text}\n--b\nContent-Type: message/delivery-status\n\n{status}\n\n--b--\n")


def recipient(action, status, diagnostic="", address="a@example.com"):
    lines = [f"Final-Recipient: rfc822; {address}", f"Action: {action}", f"Status: {status}"]
    return "\n".join([*lines, f"Diagnostic-Code: smtp; {diagnostic}"] if diagnostic else lines)


def test_a_report_names_host_diagnostic_recipient_and_rule():
    found = recognise(sample(CORPUS / "postfix_user_unknown.eml").content)
    assert "mx.example.net" == found.reporting_host
    assert "nobody@example.com" == found.recipient
    assert "RFC 3464" == found.rule
    assert (
        "550 5.1.1 <nobody@example.com>: Recipient address rejected: User unknown in virtual mailbox table"
        == found.diagnostic
    )
    assert found.proves_no_such_user


def test_of_several_recipients_the_worst_counts():
    for actions, expected in [
        (("delivered", "failed", "delayed"), Action.FAILED),
        (("relayed", "delayed"), Action.DELAYED),
        (("expanded", "delivered", "relayed"), Action.RELAYED),
        (("expanded", "delivered"), Action.DELIVERED),
    ]:
        groups = [recipient(action, "5.1.1" if action == "failed" else "2.0.0") for action in actions]
        assert expected == recognise(report("Reporting-MTA: dns; mx.example.net", *groups)).action


def test_a_delay_with_a_permanent_status_is_still_a_delay():
    found = recognise(
        report("Reporting-MTA: dns; x", recipient("delayed", "5.1.1", "550 5.1.1 user unknown"))
    )
    assert Action.DELAYED is found.action
    assert not found.is_failure
    assert not found.proves_no_such_user


def test_a_failure_after_temporary_refusals_proves_nothing_about_the_user():
    found = recognise(report("Reporting-MTA: dns; x", recipient("failed", "4.1.1", "450 4.1.1 User unknown")))
    assert found.is_failure
    assert FailureClass.NO_SUCH_USER is found.failure_class
    assert not found.proves_no_such_user


@pytest.mark.parametrize(
    ("diagnostic", "status"),
    [
        ("550 5.1.1 blocked using zen.spamhaus.org", "5.1.1"),
        ("550 5.1.1 message rejected due to SPF check", "5.1.1"),
        ("550 5.1.1 too many messages from your domain", "5.1.1"),
        ("550 5.7.1 user unknown", "5.7.1"),
        ("553 5.1.8 Sender address rejected: user unknown", "5.1.1"),
        ("550 mailbox unavailable", "5.0.0"),
        ("550 5.4.1 Recipient address rejected: Access denied", "5.4.1"),
    ],
)
def test_what_is_about_policy_or_reputation_never_proves_that_there_is_no_such_user(diagnostic, status):
    found = recognise(report("Reporting-MTA: dns; x", recipient("failed", status, diagnostic)))
    assert found.is_failure
    assert not found.proves_no_such_user


@pytest.mark.parametrize(
    ("diagnostic", "status", "expected"),
    [
        ("", "5.1.1", (FailureClass.NO_SUCH_USER, True)),
        ("", "5.1.2", (FailureClass.NO_SUCH_DOMAIN, True)),
        ("", "4.2.2", (FailureClass.MAILBOX_FULL, False)),
        ("", "5.7.26", (FailureClass.AUTHENTICATION, True)),
        ("", "5.7.999", (FailureClass.POLICY, False)),
        ("", "5.0.0", (FailureClass.OTHER, True)),
        ("", "", (FailureClass.OTHER, True)),
        ("550 No such user here", "", (FailureClass.NO_SUCH_USER, True)),
        ("550 <virus@example.com>: No such user here", "", (FailureClass.NO_SUCH_USER, True)),
        ("451 greylisted", "4.7.1", (FailureClass.GREYLISTING, True)),
        ("552 message exceeds size limit", "5.3.4", (FailureClass.TOO_LARGE, True)),
        ("550 account disabled", "5.2.1", (FailureClass.DISABLED, True)),
        ("554 5.7.1 detected as spam", "5.7.1", (FailureClass.CONTENT, True)),
        ("550 Relaying denied", "5.7.1", (FailureClass.POLICY, True)),
        ("550 boîte pleine", "", (FailureClass.MAILBOX_FULL, True)),
        ("550 Benutzer unbekannt", "", (FailureClass.NO_SUCH_USER, True)),
        ("550 ユーザーが存在しません", "", (FailureClass.NO_SUCH_USER, True)),
    ],
)
def test_classes(diagnostic, status, expected):
    assert expected == classify(diagnostic, status, "")


def test_the_status_after_a_reply_code_goes_first_and_dates_and_versions_are_none():
    assert "5.2.2" == find_status("release 4.5.6 said: 552 5.2.2 full")
    assert "5.1.1" == find_status("Sorry, no mailbox here by that name. (#5.1.1)")
    assert "" == find_status("on 5.10.2024 by 192.4.1.1, version 5.1.1.7")


def test_the_diagnostic_is_the_paragraph_from_the_reply_code_on():
    text = "Dear sender,\n\nhost x said: 550\n  no such\tuser\n\nRegards"
    assert "550 no such user" == find_diagnostic(text)


def test_strangers_text_is_one_printable_line_and_bounded():
    found = recognise(
        report("Reporting-MTA: dns; x\x07y", recipient("failed", "5.1.1", "550 \x1b[2J" + "x" * 5000))
    )
    assert found.diagnostic.isprintable()
    assert len(found.diagnostic) <= 500
    assert len(found.reporting_host) <= 255


@pytest.mark.row(132)
def test_a_report_about_a_report_is_a_report():
    """It is classified like any other; that nothing answers it is the forwarding's matter."""
    inner = report("Reporting-MTA: dns; x", recipient("failed", "5.1.1")).decode()
    outer = message(
        [
            "From: MAILER-DAEMON@mx.example.net",
            "Content-Type: multipart/report; report-type=delivery-status; boundary=o",
        ],
        "--o\n\nUndelivered.\n--o\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; outer\n\n"
        f"{recipient('failed', '5.4.6')}\n\n--o\nContent-Type: message/rfc822\n\n{inner}\n--o--\n",
    )
    found = recognise(outer)
    assert (Kind.REPORT, "5.4.6", "outer") == (found.kind, found.status, found.reporting_host)


@pytest.mark.row(133)
def test_a_complaint_is_recognised_and_its_contrary_is_none():
    assert recognise(sample(CORPUS / "arf_abuse.eml").content).is_complaint
    assert not recognise(sample(CORPUS / "arf_not_spam.eml").content).is_complaint
    assert not recognise(sample(CORPUS / "arf_auth_failure.eml").content).is_complaint


def test_the_envelope_overrules_the_return_path_field():
    forged = message(
        ["Return-Path: <>", "From: bob@example.com", "Subject: Hello"], "I am out of the office."
    )
    assert Kind.RESPONSE is recognise(forged).kind
    assert Kind.UNKNOWN is recognise(forged, is_from_null=False).kind


def test_words_of_a_person_are_never_a_bounce_of_high_confidence():
    """A null return path alone makes no mail system."""
    found = recognise(
        message(
            ["From: bob@example.com", "Subject: failure notice"],
            "Hi. This is the qmail-send program at x.\n\n<a@example.com>:\nno such user (#5.1.1)\n",
        ),
        is_from_null=True,
    )
    assert Confidence.HIGH is not found.confidence


def complaint(*parts):
    head = ["Content-Type: multipart/report; report-type=feedback-report; boundary=b"]
    return message(
        head,
        "--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n\n" + "".join(parts) + "--b--\n",
    )


@pytest.mark.row(131)
@pytest.mark.row(133)
def test_our_tokens_are_found_in_the_embedded_message():
    token = RING.return_path(7)
    link = RING.click(7, 3, "https://example.org/a?b=c")
    embedded = (
        "--b\nContent-Type: message/rfc822\n\n"
        f"Return-Path: <{token.upper()}@bounces.example.org>\n"
        "Content-Type: text/html\nContent-Transfer-Encoding: quoted-printable\n\n"
        f'<a href=3D"https://t.example.org/{link[:20]}=\n{link[20:]}/example.org/a?b=3Dc">x</a>\n'
    )
    found = tokens_within(complaint(embedded))
    assert [7] == [delivery for each in found.return_paths if (delivery := RING.read_return_path(each))]
    (link_token, tail), *_ = found.links
    genuine = RING.read_click(link_token, tail)
    assert genuine is not None
    assert (7, 3, "https://example.org/a?b=c") == genuine


@pytest.mark.row(131)
@pytest.mark.parametrize(
    "form",
    ["{}@bounces.example.org", "SRS0=HHH=TT=bounces.example.org={}@fwd.example", "prvs=1234567890={}@x.example", "list+{}=bounces.example.org@x.example"],
)  # fmt: skip
def test_tokens_survive_what_forwarders_make_of_return_paths(form):
    token = RING.return_path(7)
    embedded = f"--b\nContent-Type: text/rfc822-headers\n\nReturn-Path: <{form.format(token)}>\n"
    assert (token,) == tokens_within(complaint(embedded)).return_paths


def test_the_pixel_is_a_token_too():
    pixel = RING.open(7, 0, "")
    embedded = (
        f'--b\nContent-Type: message/rfc822\n\nSubject: x\n\n<img src="https://t.example.org/{pixel}.gif">\n'
    )
    ((token, tail),) = tokens_within(complaint(embedded)).links
    genuine = RING.read_open(token, tail)
    assert genuine is not None
    assert 7 == genuine.delivery


def test_candidates_are_few_however_many_are_offered():
    many = "".join(f"{number:028d}@x\n".replace("0", "a").replace("1", "b") for number in range(2000))
    many = many.replace("8", "c").replace("9", "d")
    assert len(tokens_within(complaint(f"--b\n\n{many}")).return_paths) <= 50
