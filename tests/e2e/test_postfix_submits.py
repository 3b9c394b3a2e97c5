"""The Postfix that is already there hands its mail over with a login, over verified TLS, and it reaches the MX host."""

from __future__ import annotations

import smtplib

import pytest

from tests.kit.daemon import Daemon
from tests.kit.newsletters import newsletter
from tests.kit.postfix import Postfix, submitting
from tests.kit.sink import Sink


@pytest.mark.row(158)
def test_smarthost_for_a_postfix(server: Daemon, sink: Sink) -> None:
    login = server.login()
    content = newsletter()
    settings = submitting(server.starttls, login.username, login.password, server.authority.path)
    with Postfix(settings) as postfix:
        with smtplib.SMTP(postfix.address, postfix.port) as client:
            client.sendmail("news@sender.example", ["reader@example.net", "other@example.net"], content)
        messages = sink.wait()
    assert {recipient for message in messages for recipient in message.recipients} == {
        "reader@example.net",
        "other@example.net",
    }
    assert all(message.content.endswith(content) for message in messages)
    assert b"\twith ESMTPSA id " in messages[0].content
