"""SIGTERM while clients are at work: 421, a message on its way in may finish, and what got its 250 is kept."""

from __future__ import annotations

import contextlib
import signal
import smtplib
import socket
import threading
import time
from collections.abc import Callable

import pytest

from tests.kit.daemon import Daemon, Login
from tests.kit.loopback import until
from tests.kit.newsletters import newsletter
from tests.kit.sink import Sink

SENDER = "news@sender.example"


def logged_in(server: Daemon, login: Login) -> smtplib.SMTP:
    client = server.client()
    client.login(login.username, login.password)
    return client


def farewell(client: smtplib.SMTP) -> None:
    """The server says 421 and closes."""
    code, text = client.getreply()
    assert (code, text[:5]) == (421, b"4.3.2")
    with pytest.raises(smtplib.SMTPServerDisconnected):
        client.getreply()
    client.close()


@pytest.mark.row(51)
def test_each_session_ends_where_it_stands(prepared: Callable[..., Daemon], sink: Sink) -> None:
    content = newsletter()
    server = prepared(sink.port)
    login = server.login()
    with server:
        idle = logged_in(server, login)
        fresh = smtplib.SMTP("127.0.0.1", server.starttls, timeout=30)
        midway = logged_in(server, login)
        midway.mail(SENDER)
        midway.rcpt("midway@example.net")
        sending, chunks, leaving = (logged_in(server, login) for _ in range(3))
        for client, name in ((sending, "sending"), (chunks, "chunks"), (leaving, "leaving")):
            client.mail(SENDER)
            client.rcpt(f"{name}@example.net")
        for client in (sending, leaving):
            assert client.docmd("DATA")[0] == 354
            client.send(content[:1000])
        chunks.send(b"BDAT %d LAST\r\n%s" % (len(content), content[:1000]))
        stopping = threading.Thread(target=server.stop)
        stopping.start()

        for client in (idle, fresh, midway):
            farewell(client)
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", server.starttls), 5).close()

        for client, rest in ((sending, content[1000:] + b".\r\n"), (chunks, content[1000:])):
            client.send(rest)
            code, text = client.getreply()
            assert (code, text[:18]) == (250, b"2.6.0 Ok, queued a")
            farewell(client)
        leaving.close()  # before its message was whole
        stopping.join()

        server.start()
        for name in ("sending", "chunks"):
            assert sink.wait_for(f"{name}@example.net").content.endswith(content)
        server.wait_until_idle()
    arrived = {recipient for message in sink.messages for recipient in message.recipients}
    assert arrived == {"sending@example.net", "chunks@example.net"}


@pytest.mark.row(51)
@pytest.mark.row(137)
def test_nothing_is_lost_at_full_speed(prepared: Callable[..., Daemon], sink: Sink) -> None:
    """Clients that submit as fast as they can, three shutdowns: every 250 is a delivery, and only one."""
    server = prepared(sink.port)
    login = server.login()
    taken: list[str] = []
    sent: list[str] = []
    ended = threading.Event()

    def submit(number: int) -> None:
        count = 0
        while not ended.is_set():
            try:
                with logged_in(server, login) as client:
                    while not ended.is_set():
                        count += 1
                        recipient = f"speed-{number}-{count}@example.net"
                        sent.append(recipient)
                        if client.sendmail(SENDER, [recipient], newsletter()) == {}:
                            taken.append(recipient)
            except (smtplib.SMTPException, OSError):
                time.sleep(0.05)  # the server is down: soon it is up again

    with server:
        clients = [threading.Thread(target=submit, args=(number,), daemon=True) for number in range(4)]
        for client in clients:
            client.start()
        try:
            for round_ in range(1, 4):
                until(lambda goal=30 * round_: len(taken) >= goal, 60, server.log)
                server.restart()
        finally:
            ended.set()
            for client in clients:
                client.join(30)
        with contextlib.suppress(AssertionError):
            sink.wait(len(taken), 60)
        server.wait_until_idle(60)
    arrived = [
        recipient
        for message in sink.messages
        for recipient in message.recipients
        if recipient.startswith("speed-")
    ]
    assert set(taken) <= set(arrived) <= set(sent)
    assert len(arrived) == len(set(arrived))


def test_told_twice(prepared: Callable[..., Daemon], sink: Sink) -> None:
    """A second SIGTERM neither hurries nor hurts."""
    server = prepared(sink.port)
    login = server.login()
    with server:
        client = logged_in(server, login)
        client.mail(SENDER)
        client.rcpt("twice@example.net")
        assert client.docmd("DATA")[0] == 354
        for count in (1, 2):
            server.signal(signal.SIGTERM)
            until(lambda: server.log().count("Received SIGTERM") >= count, what=server.log)  # noqa: B023
        client.send(b"Subject: twice\r\n\r\n.\r\n")
        assert client.getreply()[0] == 250
        farewell(client)
