"""The real Postfix, asked by smtplib: what it was given can be read back octet by octet."""

from __future__ import annotations

import smtplib

import pytest

from tests.kit.certificates import Authority
from tests.kit.postfix import Postfix, receiving, relaying
from tests.kit.sink import Sink

CONTENT = (
    b"From: a@sender.example\r\nSubject: =?utf-8?q?d=C3=A9j=C3=A0?=\r\n\r\n.dot\r\n\r\nd\xc3\xa9j\xc3\xa0 "
    + b"x" * 990
    + b"\r\n"
)


def test_receives_refuses_and_gives_back_the_octets(tmp_path) -> None:
    authority = Authority(tmp_path)
    issued = authority.issue("localhost", "127.0.0.1")
    settings = receiving(
        "example.com",
        refused={"later@example.com": "450 4.2.0 Not now"},
        tls=(issued.certificate, issued.private_key),
    )
    with Postfix(settings) as postfix, smtplib.SMTP(postfix.address, postfix.port) as client:
        client.starttls(context=authority.client_context())
        refused = client.sendmail(
            "a@sender.example", ["b@example.com", "later@example.com"], CONTENT, ["BODY=8BITMIME"]
        )
        assert {address: code for address, (code, _) in refused.items()} == {"later@example.com": 450}
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            client.sendmail("a@sender.example", ["b@elsewhere.example"], CONTENT)
        stored = postfix.wait("b@example.com")
        assert (stored.return_path, stored.recipient) == ("a@sender.example", "b@example.com")
        assert stored.content == CONTENT
        assert "using TLSv1.3" in stored.received


def test_relays_to_a_smarthost() -> None:
    with Sink() as sink, Postfix(relaying(sink.address, sink.port)) as postfix:
        with smtplib.SMTP(postfix.address, postfix.port) as client:
            client.sendmail("a@sender.example", ["b@example.com"], CONTENT, ["BODY=8BITMIME"])
        [message] = sink.wait()
        assert message.content.startswith(b"Received: from")
        assert message.content.endswith(CONTENT)
