"""How long a refused login takes tells nobody which logins exist."""

from __future__ import annotations

import smtplib
import statistics
import time

import pytest

from tests.kit.certificates import Authority
from tests.kit.daemon import Daemon

SOURCES = 10  # client addresses: each may fail only so often before it is locked
KINDS = ("unknown user", "generated password", "chosen password", "disabled login")


@pytest.mark.row(65)
def test_time_of_refused_logins(tmp_path, authority: Authority) -> None:
    """All in turn, so that what else the machine does falls on each alike; a shortcut would be many times faster."""
    took: dict[str, list[float]] = {kind: [] for kind in KINDS}
    with Daemon(tmp_path, authority, submission={"error_delay": "0s"}) as server:
        server.login(username="disabled")
        server.cli("login", "disable", "disabled")
        server.login(username="generated")
        made = server.command(
            "login", "create", "chosen", "--password-stdin", stdin="correct horse battery\n"
        )
        assert made.returncode == 0, made.stderr
        tries = {
            "unknown user": ("nobody", "wrong password"),
            "generated password": ("generated", "wrong password"),
            "chosen password": ("chosen", "wrong password"),
            "disabled login": ("disabled", "wrong password"),
        }
        context = server.authority.client_context()
        for source in range(SOURCES):
            for kinds in (KINDS[:2], KINDS[2:]):  # the third failure ends a session
                with smtplib.SMTP(
                    "localhost", server.starttls, timeout=30, source_address=(f"127.0.1.{source + 1}", 0)
                ) as client:
                    client.starttls(context=context)
                    client.ehlo()
                    for kind in kinds:
                        took[kind].append(_refused(client, *tries[kind]))
    medians = {kind: statistics.median(times) for kind, times in took.items()}
    assert max(medians.values()) < 2 * min(medians.values()), medians


def _refused(client: smtplib.SMTP, username: str, password: str) -> float:
    """Seconds until the 535."""
    client.user, client.password = username, password
    began = time.perf_counter()
    with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
        client.auth("PLAIN", client.auth_plain)
    assert refused.value.smtp_code == 535
    return time.perf_counter() - began
