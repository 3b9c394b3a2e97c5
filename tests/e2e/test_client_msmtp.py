"""msmtp in the place of sendmail, as cron and PHP call it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.clients import CONTENT, SENDER, arrived, run, without_trace
from tests.kit.daemon import Daemon, Login
from tests.kit.peers import program
from tests.kit.sink import Sink

ACCOUNT = """\
account default
host localhost
port {port}
auth {mechanism}
user {username}
password {password}
from {sender}
tls on
tls_starttls {starttls}
tls_trust_file {authority}
"""


@pytest.mark.row(59)
@pytest.mark.parametrize("mechanism", ["plain", "login"])
@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "implicit"])
def test_msmtp(
    server: Daemon, sink: Sink, login: Login, tmp_path: Path, mechanism: str, implicit: bool
) -> None:
    recipient = f"msmtp-{mechanism}-{implicit}@example.net"
    account = tmp_path / "msmtprc"
    account.touch(mode=0o600)
    account.write_text(
        ACCOUNT.format(
            port=server.implicit_tls if implicit else server.starttls,
            mechanism=mechanism,
            username=login.username,
            password=login.password,
            sender=SENDER,
            starttls="off" if implicit else "on",
            authority=server.authority.path,
        )
    )
    # DSN parameters are what `-N` and `-R` are for; sendmail's -oi keeps a lone dot from ending the input.
    run(
        *(
            program("msmtp", "msmtp"),
            "-C",
            account,
            "-N",
            "failure,delay",
            "-R",
            "hdrs",
            "-oi",
            "--",
            recipient,
        ),
        stdin=CONTENT.replace(b"\r\n", b"\n"),
    )
    message = arrived(sink, server, login, recipient)
    assert without_trace(message) == CONTENT
    assert " RET=HDRS" in message.mail
    assert " NOTIFY=FAILURE,DELAY" in message.rcpt[0]
