"""Python's smtplib, as an application uses it."""

from __future__ import annotations

import smtplib

import pytest

from tests.kit.clients import CONTENT, SENDER, arrived, without_trace
from tests.kit.daemon import Daemon, Login
from tests.kit.sink import Sink


@pytest.mark.row(59)
@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "implicit"])
def test_sendmail(server: Daemon, sink: Sink, login: Login, implicit: bool) -> None:
    recipients = [f"smtplib-{implicit}-{number}@example.net" for number in range(3)]
    with server.client(implicit=implicit) as client:
        client.login(login.username, login.password)
        refused = client.sendmail(SENDER, recipients, CONTENT, mail_options=["BODY=8BITMIME"])
    assert refused == {}
    message = arrived(sink, server, login, recipients[0])
    assert without_trace(message) == CONTENT
    assert list(message.recipients) == recipients


@pytest.mark.row(30)
def test_sendmail_reports_the_recipient_that_was_refused(server: Daemon, sink: Sink, login: Login) -> None:
    with server.client() as client:
        client.login(login.username, login.password)
        refused = client.sendmail(SENDER, ["smtplib-good@example.net", "bad..one@example.net"], CONTENT)
    assert {address: code for address, (code, _) in refused.items()} == {"bad..one@example.net": 501}
    assert arrived(sink, server, login, "smtplib-good@example.net").recipients == (
        "smtplib-good@example.net",
    )


@pytest.mark.row(8)
@pytest.mark.row(19)
def test_many_messages_over_one_connection(server: Daemon, sink: Sink, login: Login) -> None:
    """Small, empty and large ones in turn, with a refusal in between."""
    contents = [CONTENT, b"Subject: nothing\r\n\r\n", CONTENT + (b"y" * 76 + b"\r\n") * 20_000]
    with server.client() as client:
        client.login(login.username, login.password)
        for number, content in enumerate(contents):
            client.sendmail(SENDER, [f"smtplib-many-{number}@example.net"], content)
            with pytest.raises(smtplib.SMTPRecipientsRefused):
                client.sendmail(SENDER, ["no@domain@at.all"], content)
    for number, content in enumerate(contents):
        message = sink.wait_for(f"smtplib-many-{number}@example.net")
        assert message.content.endswith(content)
