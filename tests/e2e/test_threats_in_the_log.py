"""What strangers say is in the log, in the journal and on terminals as text: no line of their own, no control characters."""

from __future__ import annotations

import re
import smtplib
import socket
from collections.abc import Callable

import pytest

from tests.kit.daemon import Daemon
from tests.kit.newsletters import newsletter
from tests.kit.sink import Rule, Sink, Stage

CONTROL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
EVIL = "550 5.1.1 no\x1b]0;taken\x07 \x1b[31mred\rsmtpeter: login failed for 'root'\x00\x9b2J"


@pytest.mark.row(153)
def test_no_stranger_writes_a_line_of_the_log(prepared: Callable[..., Daemon]) -> None:
    with Sink(Rule(Stage.RCPT, EVIL.encode("latin-1") + b"\r\n", recipient="^gone@")) as sink:
        server = prepared(sink.port)
        login = server.login()
        with server:
            accepted = server.submit(login, newsletter(), ["gone@example.net"])
            server.wait_for_event("failure", accepted.id)
            for line in (
                b"EHLO \x1b[31mred\r\n",
                b"NOOP \r2026-01-01 fake\r\n",
                b"AUTH PLAIN \x1b\r\n",
                b"\x00" * 50 + b"\r\n",
            ):
                with socket.create_connection(("127.0.0.1", server.starttls), 10) as client:
                    client.sendall(line)
                    client.recv(1000)
            with server.client() as client, pytest.raises(smtplib.SMTPAuthenticationError):
                client.login("x\x1b[31m\r\nlogin: root", "y")
            with socket.create_connection(("127.0.0.1", server.tracking), 10) as client:
                client.sendall(b"GET /\x1b[31m\r HTTP/1.1\r\nUser-Agent: \x1b[31m\r\n\r\n")
                client.recv(1000)
            shown = [
                server.command("message", "show", accepted.id).stdout,
                server.command("events").stdout,
                server.command("queue", "list").stdout,
            ]
    assert None is CONTROL.search(server.log().encode())
    assert [] == [text for text in shown if CONTROL.search(text.encode())]
    assert "\nsmtpeter: login failed" not in server.log()
    assert "login failed for" in server.log()
