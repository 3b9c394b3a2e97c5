"""A wrong password is 535, and no password is ever written down."""

from __future__ import annotations

import base64
import smtplib
from pathlib import Path

import pytest

from tests.kit.daemon import Daemon, Login
from tests.kit.loopback import until
from tests.kit.newsletters import newsletter
from tests.kit.sink import Sink


@pytest.mark.row(68)
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("initial", [True, False])
def test_wrong_password_is_535_and_logged_without_it(
    server: Daemon, login: Login, mechanism: str, initial: bool
) -> None:
    wrong = "N0t-the-passw0rd-at-all"
    with server.client() as client:
        client.ehlo()
        client.user, client.password = login.username, wrong
        with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
            client.auth(mechanism, getattr(client, f"auth_{mechanism.lower()}"), initial_response_ok=initial)
        assert refused.value.smtp_code == 535
        assert refused.value.smtp_error.startswith(b"5.7.8")
        assert client.noop()[0] == 250  # the session lives on
    until(lambda: login.username in server.log())
    log = server.log()
    assert wrong not in log
    assert base64.b64encode(wrong.encode()).decode().rstrip("=") not in log
    assert base64.b64encode(f"\0{login.username}\0{wrong}".encode()).decode() not in log


@pytest.mark.row(68)
def test_right_password_is_nowhere_either(server: Daemon, login: Login, sink: Sink) -> None:
    server.submit(login, newsletter())
    assert login.password.encode() not in sink.wait()[0].content
    for path in Path(server.directory).rglob("*"):
        if path.is_file():
            assert login.password.encode() not in path.read_bytes(), path


@pytest.mark.row(52)
def test_no_login_before_tls(server: Daemon, login: Login) -> None:
    with smtplib.SMTP("127.0.0.1", server.starttls, timeout=10) as client:
        client.ehlo()
        assert not client.has_extn("auth")
        code, text = client.docmd(
            "AUTH", "PLAIN " + base64.b64encode(f"\0{login.username}\0{login.password}".encode()).decode()
        )
        assert (code, text[:5]) in {(530, b"5.7.0"), (538, b"5.7.1")}
        assert client.mail("news@sender.example")[0] == 530
