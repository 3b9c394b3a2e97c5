"""Submission without SMTP: the same judgement, and what a session would have checked on the way."""

import pytest
from twisted.internet.defer import Deferred

from smtpeter.message.address import Address
from smtpeter.message.envelope import Body, Recipient
from smtpeter.message.identifier import MessageId
from smtpeter.message.status import Refusal
from smtpeter.session.interface import Client
from tests.storage.stores import result
from tests.submission.door import USERNAME, Door, login

CLIENT = Client("", "192.0.2.1", extended=True, tls="", authenticated=True, protocol="HTTP")
READER = Recipient(Address("reader", "d.test"))


def submit(door, content=b"Subject: x\r\n\r\nhello\r\n", recipients=(READER,), username=USERNAME, **wishes):
    wishes = {"switches": {}, **wishes}
    sent = door.server.direct.submit(username, CLIENT, Address("a", "b.test"), recipients, content, **wishes)
    return result(Deferred.fromCoroutine(sent))


def test_it_is_kept_as_what_comes_over_smtp():
    door = Door()
    accepted = submit(door)
    [message] = door.messages
    assert (accepted.message.id, USERNAME, "a@b.test") == (
        message.id,
        message.login,
        str(message.envelope.return_path),
    )
    assert ["attempt"] == [event.kind for event in door.journal.events]
    assert b"with HTTP id " in message.template.pieces[0].data


def test_the_program_chooses_what_it_may():
    door = Door()
    accepted = submit(
        door,
        switches={"track_clicks": True},
        tags=("a",),
        give_up_at=5.0,
        message=MessageId(77),
    )
    message = accepted.message
    assert (77, ("track_clicks",), ("a",), 5.0) == (
        message.id,
        message.switches.on(),
        message.tags,
        message.give_up_at,
    )


def test_a_content_beyond_ascii_is_8bitmime():
    assert Body.EIGHTBITMIME is submit(Door(), "Subject: x\r\n\r\nü\r\n".encode()).message.envelope.body
    assert submit(Door()).message.envelope.body is None


@pytest.mark.parametrize(
    ("content", "enhanced"),
    [
        (b"Subject: x\n\r\n", "5.6.0"),
        (b"Subject: x\r\r\n", "5.6.0"),
        (b"Subject: \0\r\n", "5.6.0"),
        (b"Subject: " + b"x" * 1000 + b"\r\n", "5.6.0"),
        (b"Subject: x\r\n\r\n" + b"x\r\n" * 1000, "5.3.4"),
        (b"Received: x\r\n" * 3 + b"\r\n", "5.4.6"),
    ],
    ids=["bare LF", "bare CR", "NUL", "long line", "large", "loop"],
)
def test_a_content_that_no_session_would_take(content, enhanced):
    door = Door(maximum_size=2000, maximum_hops=3)
    with pytest.raises(Refusal) as caught:
        submit(door, content)
    assert (enhanced, True) == (caught.value.reply.enhanced, caught.value.reply.is_permanent)
    assert [] == door.messages


@pytest.mark.parametrize(
    ("recipients", "enhanced"),
    [((), "5.5.1"), ((READER,) * 3, "5.5.3"), ((Recipient(Address("a", "[127.0.0.1]")),), "5.7.1")],
    ids=["none", "too many", "private"],
)
def test_recipients_are_judged(recipients, enhanced):
    with pytest.raises(Refusal) as caught:
        submit(Door(maximum_recipients=2), recipients=recipients)
    assert enhanced == caught.value.reply.enhanced


@pytest.mark.parametrize("made", [login(enabled=False), None], ids=["disabled", "unknown"])
def test_a_login_that_may_not_send_is_told_for_good(made):
    door = Door(logins=[made] if made else None)
    with pytest.raises(Refusal) as caught:
        submit(door, username=USERNAME if made else "nobody")
    assert "5.7.1" == caught.value.reply.enhanced
