"""SIGHUP reads the configuration again, in a server that goes on serving."""

from __future__ import annotations

import signal
import socket

import pytest

from tests.kit.certificates import Authority
from tests.kit.clients import CONTENT
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
