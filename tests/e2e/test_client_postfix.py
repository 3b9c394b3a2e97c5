"""The Postfix that is already there, as a client with logins: one for each sender, and what it passes through."""

from __future__ import annotations

import re
import smtplib
from collections.abc import Iterator

import pytest

from tests.kit.clients import CONTENT, SENDER, without_trace
from tests.kit.daemon import Daemon, Login
from tests.kit.postfix import Postfix, submitting
from tests.kit.sink import Sink

OTHER = "other@sender.example"


@pytest.fixture(scope="module")
def other_login(server: Daemon) -> Login:
    return server.login()


@pytest.fixture(scope="module")
def client(server: Daemon, login: Login, other_login: Login) -> Iterator[Postfix]:
    """A Postfix that hands the mail of each sender over with that sender's login."""
    logins = {SENDER: login, OTHER: other_login}
    passwords = " ".join(f"{{ {sender} = {one.username}:{one.password} }}" for sender, one in logins.items())
    settings = submitting(server.starttls, "nobody", "wrong", server.authority.path) | {
        "smtp_sender_dependent_authentication": "yes",
        "smtp_sasl_password_maps": f"inline:{{ {passwords} }}",
        "smtp_sasl_mechanism_filter": "plain, login",
    }
    with Postfix(settings) as postfix:
        yield postfix


def inject(client: Postfix, sender: str, recipient: str, *rcpt: str, mail: tuple[str, ...] = ()) -> None:
    with smtplib.SMTP(client.address, client.port, timeout=20) as front:
        refused = front.sendmail(sender, [recipient], CONTENT, mail_options=mail, rcpt_options=rcpt)
    assert refused == {}


@pytest.mark.row(158)
@pytest.mark.parametrize("sender", [SENDER, OTHER])
def test_each_sender_has_its_login(
    server: Daemon, sink: Sink, client: Postfix, login: Login, other_login: Login, sender: str
) -> None:
    recipient = f"postfix-{sender.partition('@')[0]}@example.net"
    inject(client, sender, recipient)
    message = sink.wait_for(recipient)
    assert message.return_path == sender
    [attempt] = server.events("--kind", "attempt", "--recipient", recipient)
    assert attempt["data"]["login"] == {SENDER: login, OTHER: other_login}[sender].username
    trace = re.match(rb"Received: [^\n]*\n(?:[ \t][^\n]*\n)*", message.content)
    assert trace
    assert b"\twith ESMTPSA id " in trace[0]
    # Below our trace stands Postfix's, and below that what it was given.
    assert without_trace(message).startswith(b"Received: from ")
    assert message.content.endswith(b"\r\n" + CONTENT)


@pytest.mark.row(158)
def test_what_dsn_asked_for_passes_through(sink: Sink, client: Postfix) -> None:
    inject(
        client,
        SENDER,
        "postfix-dsn@example.net",
        "NOTIFY=FAILURE,DELAY",
        "ORCPT=rfc822;first+2Bidea@example.org",
        mail=("RET=HDRS", "ENVID=QQ+2B314159", "BODY=8BITMIME"),
    )
    message = sink.wait_for("postfix-dsn@example.net")
    words = set(message.mail.split()) | set(message.rcpt[0].split())
    assert {"RET=HDRS", "ENVID=QQ+2B314159", "BODY=8BITMIME", "NOTIFY=FAILURE,DELAY"} <= words
    assert "ORCPT=rfc822;first+2Bidea@example.org" in words


def test_null_return_path_is_handed_over(server: Daemon, sink: Sink) -> None:
    """A DSN of Postfix's own has no sender to choose a login by: one login for the smarthost takes it."""
    login = server.login()
    settings = submitting(server.starttls, login.username, login.password, server.authority.path)
    with Postfix(settings) as client:
        inject(client, "", "postfix-null@example.net")
        message = sink.wait_for("postfix-null@example.net")
    assert message.return_path == ""
    assert message.content.endswith(b"\r\n" + CONTENT)
