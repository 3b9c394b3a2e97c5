"""The sink, asked by smtplib: it records what came, and its moods are what they say."""

from __future__ import annotations

import smtplib
import socket
import ssl

import pytest

from tests.kit.certificates import Authority
from tests.kit.sink import Action, Dripping, Rule, Sink, Slow, Stage, greylisted

CONTENT = b"Subject: hi\r\n\r\n.dot\r\n..two\r\n\r\nd\xc3\xa9j\xc3\xa0 vu\r\n"


def send(sink: Sink, *recipients: str, content: bytes = CONTENT) -> dict[str, tuple[int, bytes]]:
    with smtplib.SMTP(sink.address, sink.port, timeout=10) as client:
        return client.sendmail("a@sender.example", list(recipients or ["b@example.com"]), content)


def test_records_envelope_and_content_octets() -> None:
    with Sink() as sink, smtplib.SMTP(sink.address, sink.port, local_hostname="me.example") as client:
        client.sendmail(
            "a@sender.example",
            ["b@example.com", "c@example.com"],
            CONTENT,
            ["BODY=8BITMIME"],
            ["NOTIFY=NEVER"],
        )
        [message] = sink.wait()
    assert message.content == CONTENT
    assert message.return_path == "a@sender.example"
    assert message.recipients == ("b@example.com", "c@example.com")
    assert message.mail == f"FROM:<a@sender.example> size={len(CONTENT)} BODY=8BITMIME"
    assert message.rcpt[0] == "TO:<b@example.com> NOTIFY=NEVER"
    assert message.helo == "me.example"
    assert message.connection.commands[:2] == ["ehlo me.example", message.connection.commands[1]]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 64])
def test_finds_the_end_of_content_at_every_split(size: int) -> None:
    wire = b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<b@c>\r\nDATA\r\n..a\r\n.\r\nQUIT\r\n"
    with Sink() as sink, socket.create_connection((sink.address, sink.port)) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(wire), size):
            client.sendall(wire[start : start + size])
        [message] = sink.wait()
        replies = b""
        while octets := client.recv(1000):
            replies += octets
    assert message.content == b".a\r\n"
    assert replies.endswith(b"354 Go ahead\r\n250 2.0.0 Taken\r\n221 2.0.0 Bye\r\n")


def test_several_transactions_on_one_connection() -> None:
    with Sink() as sink, smtplib.SMTP(sink.address, sink.port) as client:
        client.sendmail("a@b", ["c@d"], b"one\r\n")
        client.sendmail("a@b", ["c@d"], b"two\r\n")
        messages = sink.wait(2)
        assert [message.content for message in messages] == [b"one\r\n", b"two\r\n"]
        assert len(sink.connections) == 1


def test_refuses_one_recipient() -> None:
    with Sink(Rule(Stage.RCPT, "550 5.1.1 No such user", recipient="^gone@")) as sink:
        refused = send(sink, "b@example.com", "gone@example.com")
        assert refused == {"gone@example.com": (550, b"5.1.1 No such user")}
        assert sink.wait()[0].recipients == ("b@example.com",)


def test_puts_off_the_first_time_only() -> None:
    with Sink(Rule(Stage.CONTENT, "450 4.2.0 Later", times=1)) as sink:
        with pytest.raises(smtplib.SMTPDataError):
            send(sink)
        send(sink)
        assert len(sink.wait()) == 1
        assert [connection.contents for connection in sink.connections] == [1, 1]


def test_greylists_each_recipient_once() -> None:
    with Sink(greylisted()) as sink:
        for recipient in ("b@example.com", "c@example.com"):
            with pytest.raises(smtplib.SMTPRecipientsRefused):
                send(sink, recipient)
            send(sink, recipient)
        assert len(sink.wait(2)) == 2


def test_closes_after_421() -> None:
    with (
        Sink(Rule(Stage.MAIL, "421 4.3.2 Going down")) as sink,
        smtplib.SMTP(sink.address, sink.port) as client,
    ):
        client.ehlo()
        assert client.mail("a@b")[0] == 421
        with pytest.raises(smtplib.SMTPServerDisconnected):
            client.noop()


@pytest.mark.parametrize("action", [Action.DROP, Action.RESET, Action.HALF_CLOSE])
def test_goes_away_after_the_dot(action: Action) -> None:
    with Sink(Rule(Stage.CONTENT, action)) as sink:
        with pytest.raises(smtplib.SMTPServerDisconnected):
            send(sink)
        assert sink.connections[0].contents == 1
        assert sink.messages == []


def test_keeps_silent() -> None:
    with (
        Sink(Rule(Stage.GREETING, Action.SILENCE)) as sink,
        socket.create_connection((sink.address, sink.port)) as client,
    ):
        client.settimeout(0.1)
        with pytest.raises(TimeoutError):
            client.recv(1)


@pytest.mark.parametrize(
    "late", [Slow("250 2.0.0 Taken at last", 0.05), Dripping("250 2.0.0 Drop by drop", 0.001)]
)
def test_answers_slowly_but_takes_the_message(late: Slow | Dripping) -> None:
    with Sink(Rule(Stage.CONTENT, late)) as sink:
        send(sink)
        assert len(sink.wait()) == 1


def test_raw_octets_as_an_answer() -> None:
    with (
        Sink(Rule(Stage.GREETING, b"\xff\xfe\r\n")) as sink,
        socket.create_connection((sink.address, sink.port)) as client,
    ):
        assert client.recv(100) == b"\xff\xfe\r\n"


def test_knows_no_ehlo_and_offers_what_it_is_told() -> None:
    with Sink(Rule(Stage.EHLO, "502 5.5.1 Unknown")) as sink, smtplib.SMTP(sink.address, sink.port) as client:
        client.ehlo_or_helo_if_needed()
        assert not client.does_esmtp
    with Sink(extensions=["SIZE 1000"]) as sink, smtplib.SMTP(sink.address, sink.port) as client:
        client.ehlo()
        assert client.esmtp_features == {"size": "1000"}


def test_tls_with_a_good_and_an_expired_certificate(tmp_path) -> None:
    authority = Authority(tmp_path)
    good = authority.issue("localhost", "127.0.0.1").server_context()
    with Sink(tls=good) as sink:
        with smtplib.SMTP(sink.address, sink.port) as client:
            client.starttls(context=authority.client_context())
            client.ehlo()
            assert not client.has_extn("starttls")
            client.sendmail("a@b", ["c@d"], b"x\r\n")
        assert sink.wait()[0].tls == "TLSv1.3"
    expired = authority.issue("localhost", "127.0.0.1", expired=True).server_context()
    with (
        Sink(tls=expired) as sink,
        smtplib.SMTP(sink.address, sink.port) as client,
        pytest.raises(ssl.SSLCertVerificationError, match="expired"),
    ):
        client.starttls(context=authority.client_context())


def test_garbage_instead_of_a_handshake(tmp_path) -> None:
    tls = Authority(tmp_path).issue("localhost").server_context()
    with (
        Sink(Rule(Stage.HANDSHAKE, b"garbage\r\n"), tls=tls) as sink,
        smtplib.SMTP(sink.address, sink.port) as client,
        pytest.raises(ssl.SSLError),
    ):
        client.starttls(context=ssl.create_default_context())


def test_ends_while_a_client_holds_a_tls_connection(tmp_path) -> None:
    authority = Authority(tmp_path)
    with Sink(tls=authority.issue("127.0.0.1").server_context()) as sink:
        client = smtplib.SMTP(sink.address, sink.port)
        client.starttls(context=authority.client_context())
    with pytest.raises(smtplib.SMTPServerDisconnected):
        client.noop()
    client.close()


def test_waiting_in_vain_tells_what_was_said() -> None:
    with Sink(Rule(Stage.RCPT, "550 5.1.1 No")) as sink:
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            send(sink)
        with pytest.raises(AssertionError, match=r"(?s)0 of 1 messages.*550 5\.1\.1 No"):
            sink.wait(within=0.05)
