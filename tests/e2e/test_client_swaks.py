"""swaks, the tool that a sysadmin tries a server with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.clients import CONTENT, SENDER, arrived, run, without_trace
from tests.kit.daemon import Daemon, Login
from tests.kit.peers import program
from tests.kit.sink import Sink


@pytest.mark.row(59)
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("tls", ["--tls", "--tls-on-connect"])
@pytest.mark.parametrize("pipelined", [False, True], ids=["lock-step", "pipelined"])
def test_swaks(
    server: Daemon, sink: Sink, login: Login, tmp_path: Path, mechanism: str, tls: str, pipelined: bool
) -> None:
    recipient = f"swaks-{mechanism}{tls}-{pipelined}@example.net"
    content = tmp_path / "content"
    content.write_bytes(CONTENT.replace(b"\r\n", b"\n").removesuffix(b"\n"))  # it adds the last line end
    port = server.starttls if tls == "--tls" else server.implicit_tls
    said = run(
        program("swaks", "swaks"),
        *("--server", "localhost", "--port", str(port), tls, "--tls-verify"),
        *("--tls-ca-path", server.authority.path),
        *("--auth", mechanism, "--auth-user", login.username, "--auth-password", login.password),
        *("--from", SENDER, "--to", recipient, "--data", f"@{content}"),
        *(["--pipeline"] if pipelined else []),
        cwd=tmp_path,
    )
    assert "<~  235 2.7.0" in said
    assert without_trace(arrived(sink, server, login, recipient)) == CONTENT
