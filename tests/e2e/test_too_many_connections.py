"""Many connections from one address, and no file descriptors left: the others are served, and nothing is lost."""

from __future__ import annotations

import contextlib
import resource
import smtplib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.daemon import Daemon, Login, submit
from tests.kit.loopback import until
from tests.kit.newsletters import newsletter
from tests.kit.sink import Sink

CROWD = 200
ALLOWED = 100  # the default of maximum_connections_per_address
OTHER = "127.0.0.2"


@pytest.fixture
def sockets() -> Iterator[list[socket.socket]]:
    """What a test opens and leaves open."""
    opened: list[socket.socket] = []
    yield opened
    for one in opened:
        one.close()


def connect(port: int, source: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 20, (source, 0))


def heard(client: socket.socket) -> bytes:
    """The first thing the server says; b"" when it closes without a word."""
    try:
        return client.recv(1000)
    except ConnectionResetError:
        return b""


@pytest.mark.row(48)
def test_one_address_may_have_a_hundred(
    server: Daemon, sink: Sink, login: Login, sockets: list[socket.socket]
) -> None:
    sockets.extend(connect(server.starttls) for _ in range(CROWD))
    greetings = [heard(client) for client in sockets]
    assert sum(greeting.startswith(b"220 ") for greeting in greetings) == ALLOWED
    turned_away = [
        client for client, greeting in zip(sockets, greetings, strict=True) if greeting[:4] != b"220 "
    ]
    assert all(greeting[:10] == b"421 4.7.0 " for greeting in greetings if greeting[:4] != b"220 ")
    assert {heard(client) for client in turned_away} == {b""}  # and closed

    # Who is in stays in; who comes from elsewhere comes in.
    with _inside(server, login, source=OTHER) as client:
        submit(client, newsletter(), ["crowd@example.net"])
    for client in sockets:
        if client not in turned_away:
            client.sendall(b"NOOP\r\n")
            assert heard(client).startswith(b"250 ")
    sink.wait_for("crowd@example.net")

    # Those who leave make room.
    for client in sockets:
        client.close()
    until(lambda: _greets(server))


@pytest.mark.row(48)
def test_under_implicit_tls_the_excess_is_closed(server: Daemon, sockets: list[socket.socket]) -> None:
    sockets.extend(connect(server.implicit_tls, "127.0.0.3") for _ in range(ALLOWED + 5))
    context = server.authority.client_context()
    served = []
    for plain in sockets:
        with contextlib.suppress(OSError):  # a handshake that finds the connection closed
            served.append(context.wrap_socket(plain, server_hostname="localhost"))
    sockets.extend(served)
    assert len(served) == ALLOWED
    assert {heard(client)[:4] for client in served} == {b"220 "}


@pytest.mark.row(48)
def test_out_of_file_descriptors(prepared, sink: Sink, sockets: list[socket.socket]) -> None:
    """What was accepted is delivered, sessions that are open go on, and new ones come in once there is room."""
    recipients = [f"descriptor-{number}@example.net" for number in range(10)]
    with prepared(sink.port) as server:
        login = server.login()
        with _inside(server, login) as client:
            submit(client, newsletter(), recipients[:1])
            sink.wait_for(recipients[0])
            highest = max(int(entry.name) for entry in Path(f"/proc/{server.pid}/fd").iterdir())
            before = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
            resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (highest + 20, before[1]))
            sockets.extend(connect(server.starttls) for _ in range(60))
            greetings = [heard(other) for other in sockets]
            assert 0 < sum(greeting.startswith(b"220 ") for greeting in greetings) < 60
            taken = [recipient for recipient in recipients[1:] if _is_taken(client, recipient)]
            for other in sockets:
                other.close()
            until(lambda: _greets(server), what=server.log)
            resource.prlimit(server.pid, resource.RLIMIT_NOFILE, before)
        server.submit(login, newsletter(), ["afterwards@example.net"])
        until(lambda: _is_delivered(server), 30, server.log)
    arrived = {recipient for message in sink.messages for recipient in message.recipients}
    assert {recipients[0], *taken, "afterwards@example.net"} <= arrived


def _is_taken(client: smtplib.SMTP, recipient: str) -> bool:
    """Whether a message gets its 250; anything else must be temporary."""
    code = _transaction(client, recipient)
    assert code == 250 or 400 <= code < 500
    return code == 250


def _transaction(client: smtplib.SMTP, recipient: str) -> int:
    """The code of the reply that it ends with."""
    try:
        client.sendmail("news@sender.example", [recipient], newsletter())
    except smtplib.SMTPResponseException as refused:
        return refused.smtp_code
    return 250


def _is_delivered(server: Daemon) -> bool:
    """Whether nothing waits; what does need not wait for its time."""
    server.cli("queue", "retry", "--all")
    return server.cli("queue", "list") == []


def _inside(server: Daemon, login: Login, source: str = "127.0.0.1") -> smtplib.SMTP:
    client = smtplib.SMTP("localhost", server.starttls, timeout=30, source_address=(source, 0))
    client.starttls(context=_context(server))
    client.login(login.username, login.password)
    return client


def _context(server: Daemon) -> ssl.SSLContext:
    return server.authority.client_context()


def _greets(server: Daemon) -> bool:
    with connect(server.starttls) as client:
        return heard(client).startswith(b"220 ")
