"""The socket unit in place of a capability: systemd's own activator binds the ports, and the server is given them."""

from __future__ import annotations

import re
import socket
import tomllib
from pathlib import Path

import pytest

from tests.kit.certificates import Authority
from tests.kit.clients import CONTENT
from tests.kit.daemon import ROOT, Daemon, submit
from tests.kit.loopback import until
from tests.kit.manual import settings
from tests.kit.peers import program


class Activated(Daemon):
    """Started by the first who connects, with the sockets of the unit, in its order and under its name."""

    def _command(self, name: str, *arguments: str) -> list[str]:
        command = super()._command(name, *arguments)
        if name != "twistd":
            return command
        unit = (ROOT / "debian/smtpeter.socket").read_text()
        ports = {"587": self.starttls, "465": self.implicit_tls}
        listen = [
            f"--listen=127.0.0.1:{ports[port]}" for port in re.findall(r"(?m)^ListenStream=(\d+)", unit)
        ]
        return [
            program("systemd-socket-activate", "systemd"),
            *listen,
            f"--fdname={':'.join(['smtpeter.socket'] * len(listen))}",
            "--setenv=PYTHONPATH",
            *command,
        ]


@pytest.mark.parametrize("workers", [1, 2])
def test_both_ports_are_served(tmp_path: Path, authority: Authority, workers: int) -> None:
    by_the_manual = tomllib.loads(settings("smtpeter.toml", "sockets"))
    server = Activated(
        tmp_path / "server",
        authority,
        server={"workers": workers},
        tracking={"click_url": "", "open_url": "", "listen": []},
        **by_the_manual,
    )
    login = server.login()
    assert "can be used" in server.command("check-config").stdout
    with server:
        until(lambda: server.log().count("Listening on") == 2, what=server.log)
        with socket.create_connection(("127.0.0.1", server.starttls)):  # which starts it
            until(lambda: server.log().count("smtpeter is ready") == workers, what=server.log)
        assert server.submit(login, CONTENT).ids
        with server.client(implicit=True) as client:
            client.login(login.username, login.password)
            assert submit(client, CONTENT, ["reader@example.net"]).ids
    assert "submission.starttls[0] starting on" in server.log()
