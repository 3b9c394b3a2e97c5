"""curl, which shell scripts send mail with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.clients import CONTENT, SENDER, arrived, run, without_trace
from tests.kit.daemon import Daemon, Login
from tests.kit.peers import program
from tests.kit.sink import Sink


@pytest.mark.row(59)
@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
@pytest.mark.parametrize("initial", [True, False], ids=["initial response", "challenged"])
def test_curl(server: Daemon, sink: Sink, login: Login, tmp_path: Path, scheme: str, initial: bool) -> None:
    recipients = [f"curl-{scheme}-{initial}-{number}@example.net" for number in (1, 2)]
    content = tmp_path / "content"
    content.write_bytes(CONTENT)
    port = server.starttls if scheme == "smtp" else server.implicit_tls
    run(
        program("curl", "curl"),
        *("--silent", "--show-error", "--ssl-reqd", "--cacert", server.authority.path),
        *("--url", f"{scheme}://localhost:{port}/client.example"),
        *("--user", f"{login.username}:{login.password}"),
        *(["--sasl-ir"] if initial else []),
        *("--mail-from", SENDER, "--upload-file", content),
        *(word for recipient in recipients for word in ("--mail-rcpt", recipient)),
    )
    message = arrived(sink, server, login, recipients[0])
    assert without_trace(message) == CONTENT
    assert list(message.recipients) == recipients
