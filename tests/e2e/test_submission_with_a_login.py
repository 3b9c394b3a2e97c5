"""A newsletter submitted with a login, over STARTTLS and implicit TLS, by PLAIN and LOGIN, arrives as it was."""

from __future__ import annotations

import pytest

from tests.kit.daemon import Daemon, Login, submit
from tests.kit.newsletters import newsletter
from tests.kit.sink import Sink


@pytest.mark.row(59)
@pytest.mark.row(73)
@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "implicit"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("at_once", [True, False], ids=["initial response", "challenged"])
def test_newsletter_arrives_octet_by_octet(
    server: Daemon, sink: Sink, login: Login, implicit: bool, mechanism: str, at_once: bool
) -> None:
    recipients = [f"{mechanism}-{implicit}-{at_once}-{number}@example.net" for number in (1, 2)]
    content = newsletter()
    with server.client(implicit=implicit) as client:
        client.user, client.password = login.username, login.password
        client.ehlo()
        code, _ = client.auth(
            mechanism, getattr(client, f"auth_{mechanism.lower()}"), initial_response_ok=at_once
        )
        assert code == 235
        accepted = submit(client, content, recipients)
    assert list(accepted.ids) == recipients
    assert len(set(accepted.ids.values())) == 2

    message = sink.wait_for(recipients[0])
    assert message.return_path == "news@sender.example"
    assert list(message.recipients) == recipients
    trace, _, rest = message.content.partition(b"From: The Harbour Letter")
    assert b"From: The Harbour Letter" + rest == content
    assert trace.startswith(b"Received: from ")
    assert b"@example.net" not in trace  # RFC 5321 7.2: nobody reads who else was written to
    assert b"\twith ESMTPSA id " in trace


@pytest.mark.row(57)
def test_what_is_offered_where(server: Daemon) -> None:
    with server.client(implicit=True) as client:
        client.ehlo()
        assert not client.has_extn("starttls")
        assert set(client.esmtp_features["auth"].split()) == {"PLAIN", "LOGIN"}
    with server.client() as client:
        client.ehlo()
        assert not client.has_extn("starttls")
        assert client.has_extn("auth")
