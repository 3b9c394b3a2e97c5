"""Tracked bounces at submission: where what comes back goes, and recipients on the suppression list."""

from dataclasses import replace

import pytest

from smtpeter.accounts.interface import AccountsUnavailable
from smtpeter.accounts.model import NOBODY, RETURN_PATH, Bounces
from smtpeter.accounts.suppression import EVERYBODY, Suppression, Treatment, of_domain, of_login
from smtpeter.message.address import Address
from smtpeter.message.header import fields
from smtpeter.message.options import Switches
from smtpeter.message.returning import Returning
from smtpeter.message.status import Stage
from smtpeter.submission.returning import NO_HOST, decide, is_automatic
from tests.submission.door import NOW, USERNAME, Door, login, speak, submit, trusted

ME = Address("me", "customer.example")
HELPDESK = Address("desk", "help.example")
TRACKED = Switches(track_bounces=True)
MAIL = b"From: a@news.b.test\r\nSubject: x\r\n\r\nHello.\r\n"


def first_of(content):
    found, _ = fields(content)
    return {field.name.lower(): field for field in reversed(found)}


def decided(switches=TRACKED, forward=RETURN_PATH, return_path=ME, content=MAIL, host="b.example"):
    def paths(_content, reports_to):
        return Returning(host, 3, reports_to) if host else None

    return decide(switches, Bounces(forward), return_path, content, first_of(content), paths)


@pytest.mark.parametrize(
    ("forward", "return_path", "told"),
    [
        (RETURN_PATH, ME, ME),
        (str(HELPDESK), ME, HELPDESK),
        (NOBODY, ME, None),
        (RETURN_PATH, None, None),
        (str(HELPDESK), None, None),  # no return path, nothing passed on
        (NOBODY, None, None),
    ],
)
def test_who_is_told(forward, return_path, told):
    assert (Returning("b.example", 3, told), ()) == decided(forward=forward, return_path=return_path)


def test_without_the_switch_nothing_is_tracked():
    assert (None, ()) == decided(Switches())


def test_a_server_without_a_bounce_domain_says_so_in_the_report():
    assert (None, (NO_HOST,)) == decided(host="")


REPORT = b'Content-Type: Multipart/Report; report-type=delivery-status; boundary="x"\r\n\r\n'
AUTOMATIC = [REPORT, b"Auto-Submitted: auto-replied\r\n\r\n", b"AUTO-SUBMITTED: auto-generated (x)\r\n\r\n"]
BY_HAND = [MAIL, b"Auto-Submitted: No\r\n\r\n", b"Content-Type: multipart/reporter\r\n\r\n", b""]


@pytest.mark.parametrize("content", AUTOMATIC)
def test_the_null_return_path_of_a_report_or_an_automatic_reply_stays_null(content):
    assert (None, ()) == decided(return_path=None, content=content)
    assert decided(return_path=ME, content=content)[0] is not None


@pytest.mark.parametrize(
    ("content", "expected"), [*((one, True) for one in AUTOMATIC), *((one, False) for one in BY_HAND)]
)
def test_what_is_automatic(content, expected):
    assert expected is is_automatic(content, first_of(content))


# Through the door


def tracked(**bounces):
    door, wire = trusted(logins=(replace(login(), switches=TRACKED, bounces=Bounces(**bounces)),))
    door.bounce_host = "b.example"
    return door, wire


def test_it_is_kept_with_the_message():
    door, wire = tracked()
    submit(wire, MAIL, sender=str(ME))

    (message,) = door.messages
    assert Returning("b.example", 0, ME) == message.returning
    assert ME == message.reports_to


def test_the_note_stands_in_the_report_beside_the_others():
    door, wire = tracked()
    door.bounce_host = ""
    submit(wire, MAIL)

    assert NO_HOST in door.messages[0].report.notes
    assert door.messages[0].returning is None


def put(door, recipient="c@d.test", scope=None):
    door.suppressions.add([Suppression(scope or of_login(USERNAME), recipient, "complaint", NOW)])


@pytest.mark.parametrize("scope", [EVERYBODY, of_login(USERNAME), of_domain("b.test")])
def test_a_recipient_on_the_list_is_accepted_and_marked(scope):
    door, wire = trusted()
    put(door, scope=scope)

    assert submit(wire, MAIL, recipients=("C@D.test", "e@d.test")).startswith("250")
    marked, other = (row.delivery for row in door.spool.shelf.rows.values())
    assert (Stage.SUPPRESSION, 550) == (marked.last.stage, marked.last.reply.code)
    assert "complaint" in marked.last.reply.text
    assert other.last is None


@pytest.mark.parametrize("scope", [of_login("other"), of_domain("else.test")])
def test_anothers_list_is_not_ours(scope):
    door, wire = trusted()
    put(door, scope=scope)
    submit(wire, MAIL)

    assert [None] == [row.delivery.last for row in door.spool.shelf.rows.values()]


def test_refused_at_rcpt_if_the_login_says_so():
    door, wire = tracked(suppressed=Treatment.REFUSE)
    put(door)
    _, refused, taken = speak(wire, "MAIL FROM:<a@news.b.test>", "RCPT TO:<c@D.test>", "RCPT TO:<e@d.test>")

    assert "550 5.7.1 The recipient is on the suppression list: complaint" == refused
    assert taken.startswith("250")


def test_at_rcpt_the_sender_domain_is_the_return_paths():
    door, wire = tracked(suppressed=Treatment.REFUSE)
    put(door, scope=of_domain("b.test"))

    assert speak(wire, "MAIL FROM:<a@news.b.test>", "RCPT TO:<c@d.test>")[1].startswith("550 5.7.1")
    assert speak(wire, "RSET", "MAIL FROM:<>", "RCPT TO:<c@d.test>")[2].startswith("250")


@pytest.mark.parametrize("treatment", list(Treatment))
def test_a_list_that_cannot_be_read_is_temporary(treatment):
    door, wire = tracked(suppressed=treatment)
    door.suppressions.trouble = AccountsUnavailable("away")
    replies = speak(wire, "MAIL FROM:<a@b.test>", "RCPT TO:<c@d.test>")
    if treatment is Treatment.FAIL:
        speak(wire, "DATA")
        wire.send(MAIL + b".\r\n")
        replies.append(wire.read_line().decode())

    assert replies[-1].startswith("451 4.3.0")
    assert [] == door.messages
    assert isinstance(door, Door)
