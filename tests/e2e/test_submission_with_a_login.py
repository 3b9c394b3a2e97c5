"""A newsletter submitted with a login, over STARTTLS and implicit TLS, by PLAIN and LOGIN, arrives as it was."""

from __future__ import annotations

import pytest

from tests.kit.daemon import Daemon, submit
from tests.kit.newsletters import newsletter
from tests.kit.sink import Sink


@pytest.mark.row(59)
@pytest.mark.row(73)
@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "implicit"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("at_once", [True, False], ids=["initial response", "challenged"])
def test_newsletter_arrives_octet_by_octet(
    server: Daemon, sink: Sink, implicit: bool, mechanism: str, at_once: bool
) -> None:
    login = server.login()
    content = newsletter()
    with server.client(implicit=implicit) as client:
        client.user, client.password = login.username, login.password
        client.ehlo()
        code, _ = client.auth(
            mechanism, getattr(client, f"auth_{mechanism.lower()}"), initial_response_ok=at_once
        )
        assert code == 235
        accepted = submit(client, content, ["reader@example.net", "other@example.net"])
    assert set(accepted.ids) == {"reader@example.net", "other@example.net"}
    assert len(set(accepted.ids.values())) == 2

    [message] = sink.wait()
    assert message.return_path == "news@sender.example"
    assert set(message.recipients) == {"reader@example.net", "other@example.net"}
    trace, _, rest = message.content.partition(b"From: The Harbour Letter")
    assert b"From: The Harbour Letter" + rest == content
    assert trace.startswith(b"Received: from ")
    assert b"reader@example.net" not in trace
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
