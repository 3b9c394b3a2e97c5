"""A login that is disabled, deleted, or gets another password can send nothing more, in sessions that are open too."""

from __future__ import annotations

import smtplib

import pytest

from tests.kit.daemon import Daemon, Login, submit
from tests.kit.loopback import until
from tests.kit.newsletters import newsletter
from tests.kit.sink import Sink

SENDER = "news@sender.example"
ENDS = ["disable", "rotate", "delete"]


def logged_in(server: Daemon, login: Login) -> smtplib.SMTP:
    client = server.client()
    client.login(login.username, login.password)
    return client


@pytest.mark.row(69)
@pytest.mark.parametrize("end", ENDS)
def test_between_messages_and_midway(server: Daemon, sink: Sink, end: str) -> None:
    login = server.login()
    with logged_in(server, login) as idle, logged_in(server, login) as midway:
        submit(idle, newsletter(), [f"before-{end}@example.net"])
        midway.mail(SENDER)
        midway.rcpt(f"midway-{end}@example.net")

        ended = server.command("login", end, login.username)
        assert ended.returncode == 0, ended.stderr
        until(lambda: _is_over(idle))
        code, text = midway.data(newsletter())  # begun before, at its final dot
        assert (code, text[:5]) == (535, b"5.7.8")

        with server.client() as late, pytest.raises(smtplib.SMTPAuthenticationError) as refused:
            late.login(login.username, login.password)
        assert refused.value.smtp_code == 535
    sink.wait_for(f"before-{end}@example.net")
    server.wait_until_idle()
    assert not server.events("--recipient", f"midway-{end}@example.net")


@pytest.mark.row(69)
def test_login_that_is_enabled_again(server: Daemon, sink: Sink) -> None:
    login = server.login()
    server.cli("login", "disable", login.username)
    with server.client() as client, pytest.raises(smtplib.SMTPAuthenticationError):
        client.login(login.username, login.password)
    server.cli("login", "enable", login.username)
    server.submit(login, newsletter(), ["again@example.net"])
    sink.wait_for("again@example.net")


def _is_over(client: smtplib.SMTP) -> bool:
    code, text = client.mail(SENDER)
    if code == 250:
        client.rset()
        return False
    assert (code, text[:5]) == (535, b"5.7.8")
    return True
