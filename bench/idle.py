"""What an idle session costs: many sessions on one server process, resident memory before and after.

Three kinds, each against a server of its own: in clear after EHLO, under TLS (STARTTLS, EHLO), and logged in. The
clients are in this process; every session is answered to a NOOP at the end, so that none is counted that is gone.
"""

from __future__ import annotations

import base64
import contextlib
import resource
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import servers
from bench.harness import Harness
from bench.record import Comparison, Goal
from bench.usage import Usage
from tests.kit.daemon import Daemon, Login

_SPARE = 200  # file descriptors for everything else
_SOURCES = 8  # client addresses: one has too few ports for many tens of thousands
EACH = "KB a session"


class Client:
    """One end of a session: blocking, and thrifty, since there are thousands."""

    def __init__(self, port: int, number: int) -> None:
        source = f"127.0.2.{number % _SOURCES + 1}"
        self._socket: socket.socket = socket.create_connection(("127.0.0.1", port), 30, (source, 0))
        self._hear("220")

    def close(self) -> None:
        self._socket.close()

    def say(self, line: str, code: str) -> None:
        self._socket.sendall(line.encode() + b"\r\n")
        self._hear(code)

    def start_tls(self, context: ssl.SSLContext) -> None:
        self.say("STARTTLS", "220")
        self._socket = context.wrap_socket(self._socket, server_hostname="localhost")

    def _hear(self, code: str) -> None:
        said = b""
        while not said.endswith(b"\n") or said.splitlines()[-1][3:4] == b"-":
            octets = self._socket.recv(4096)
            assert octets, f"closed after {said!r}"
            said += octets
        assert said.startswith(code.encode()), said


Open = Callable[[Client, ssl.SSLContext, Login], None]


def _in_clear(client: Client, _context: ssl.SSLContext, _login: Login) -> None:
    client.say("EHLO idle.example", "250")


def _under_tls(client: Client, context: ssl.SSLContext, login: Login) -> None:
    _in_clear(client, context, login)
    client.start_tls(context)
    client.say("EHLO idle.example", "250")


def _logged_in(client: Client, context: ssl.SSLContext, login: Login) -> None:
    _under_tls(client, context, login)
    plain = base64.b64encode(f"\0{login.username}\0{login.password}".encode()).decode()
    client.say(f"AUTH PLAIN {plain}", "235")


KINDS: dict[str, Open] = {"in clear": _in_clear, "under TLS": _under_tls, "logged in": _logged_in}


def idle(harness: Harness) -> Iterator[Comparison]:
    sessions = harness.scale.idle
    _raise_limit(sessions + _SPARE)
    goals = tuple(Goal(EACH, 40.0, row=kind, at_most=True) for kind in KINDS)
    comparison = Comparison(f"{sessions:,} sessions on one process", EACH, goals, ours="")
    for kind, opened in KINDS.items():
        comparison.add(kind, _measure(opened, harness.place("idle"), sessions))
    yield comparison


def _raise_limit(needed: int) -> None:
    """For this process and, by inheritance, for the server."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(soft, needed)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))


def _measure(opened: Open, place: Path, sessions: int) -> dict[str, float]:
    limits = {
        "maximum_connections": sessions + 100,
        "maximum_connections_per_address": sessions + 100,
        "command_timeout": "1h",
    }
    with servers.daemon(place, submission=limits) as server, contextlib.ExitStack() as stack:
        login, context = server.login(), server.authority.client_context()
        with contextlib.closing(Client(server.starttls, 0)) as first:  # what only the first one costs
            opened(first, context, login)
        time.sleep(0.5)
        usage = stack.enter_context(Usage(server.pid))
        before, cpu = _resident(server), usage.cpu_seconds()
        clients = []
        for number in range(sessions):
            client = Client(server.starttls, number)
            stack.callback(client.close)
            opened(client, context, login)
            clients.append(client)
        time.sleep(0.5)
        cpu = usage.cpu_seconds() - cpu
        after = _resident(server)
        for client in clients:
            client.say("NOOP", "250")
    return {EACH: (after - before) / sessions / 1024, "CPU ms to open one": cpu / sessions * 1000}


def _resident(server: Daemon) -> int:
    """Octets of its process."""
    for line in Path(f"/proc/{server.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")
