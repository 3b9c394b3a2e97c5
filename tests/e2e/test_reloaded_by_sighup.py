"""SIGHUP reads the configuration and the certificates again, in a server that goes on serving."""

from __future__ import annotations

import contextlib
import signal
import smtplib
import socket

import pytest

from tests.kit.certificates import Authority
from tests.kit.clients import CONTENT, SENDER
from tests.kit.daemon import Daemon
from tests.kit.loopback import until


@pytest.mark.row(155)
def test_told_and_served(tmp_path, authority: Authority, monkeypatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(30)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        with Daemon(tmp_path / "server", authority) as server:
            assert manager.recv(1000).startswith(b"READY=1\n")
            login = server.login()
            server.sections["retention"] = {"content": "1d"}
            server.sections["relay"]["port"] = 26
            server.configure()
            server.signal(signal.SIGHUP)
            until(lambda: "configuration read anew: retention.content" in server.log(), what=server.log)
            until(lambda: "counts after a restart: relay.port" in server.log(), what=server.log)
            assert [b"RELOADING=1", b"READY=1"] == [manager.recv(1000).split(b"\n")[0] for _ in range(2)]

            server.sections["retention"] = {"contents": "1d"}
            server.configure()
            server.signal(signal.SIGHUP)
            until(lambda: "retention.contents: no such key" in server.log(), what=server.log)
            server.sections["retention"] = {}
            server.configure()
            server.submit(login, CONTENT)
        said = b""
        while b"STOPPING=1" not in said:
            said = manager.recv(1000)


def names_of(server: Daemon) -> set[str]:
    """Those of the certificate that is shown where TLS begins at once."""
    context = server.authority.client_context()
    context.check_hostname = False
    with (
        socket.create_connection(("127.0.0.1", server.implicit_tls), 20) as connection,
        contextlib.closing(context.wrap_socket(connection)) as client,
    ):
        shown = client.getpeercert()
    assert shown
    return {name for _, name in shown["subjectAltName"]}  # type: ignore[misc]


def trusts_loopback(server: Daemon) -> bool:
    """Whether mail from here needs no AUTH."""
    with smtplib.SMTP("127.0.0.1", server.starttls, timeout=20) as client:
        client.ehlo()
        return client.mail(SENDER)[0] == 250


@pytest.mark.parametrize("workers", [1, 2])
def test_other_certificate_and_trusted_networks(tmp_path, authority: Authority, workers: int) -> None:
    """At another path; a session that is open goes on."""
    other = authority.issue("renamed.example")
    with (
        Daemon(tmp_path / "server", authority, server={"workers": workers}) as server,
        server.client() as before,
    ):
        server.login(username="local")
        assert names_of(server) == {"localhost", "127.0.0.1"}
        assert not trusts_loopback(server)

        server.sections["tls"] = {
            "certificate": str(other.certificate),
            "private_key": str(other.private_key),
        }
        server.sections["submission"]["trusted_networks"] = {"127.0.0.0/8": "local"}
        server.configure()
        server.signal(signal.SIGHUP)
        until(
            lambda: (
                "read anew: submission.trusted_networks, tls.certificate, tls.private_key" in server.log()
            ),
            what=server.log,
        )
        until(lambda: server.log().count("certificates read anew") == workers, what=server.log)
        assert names_of(server) == {"renamed.example"}
        assert trusts_loopback(server)
        assert before.noop()[0] == 250

        server.sections["tls"]["certificate"] = "missing.pem"
        server.configure()
        server.signal(signal.SIGHUP)
        until(lambda: "missing.pem: No such file" in server.log(), what=server.log)
        assert names_of(server) == {"renamed.example"}
