"""What an idle session costs: many sessions on one server process, resident memory before and after.

Three kinds, each against a server of its own: in clear after EHLO, under TLS (STARTTLS, EHLO), and logged in. The
clients are in this process; every session is answered to a NOOP at the end, so that none is counted that is gone.
Both ends need a file descriptor for each session: the limit is raised to what the system allows.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import resource
import socket
import ssl
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.machine import machine
from bench.processes import Usage
from tests.kit.certificates import Authority
from tests.kit.daemon import Daemon, Login

_SPARE = 200  # file descriptors for everything else
_SOURCES = 8  # client addresses: one has too few ports for many tens of thousands


@dataclass(frozen=True, slots=True)
class Figures:
    """Octets of resident memory; CPU of opening a session, at the server."""

    sessions: int
    before: int
    after: int
    open_ms: float

    @property
    def each(self) -> float:
        """KB a session."""
        return (self.after - self.before) / self.sessions / 1024


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


def in_clear(client: Client, server: Daemon, login: Login) -> None:  # noqa: ARG001
    client.say("EHLO idle.example", "250")


def under_tls(client: Client, server: Daemon, login: Login) -> None:
    in_clear(client, server, login)
    client.start_tls(_context(server))
    client.say("EHLO idle.example", "250")


def logged_in(client: Client, server: Daemon, login: Login) -> None:
    under_tls(client, server, login)
    plain = base64.b64encode(f"\0{login.username}\0{login.password}".encode()).decode()
    client.say(f"AUTH PLAIN {plain}", "235")


KINDS: dict[str, Callable[[Client, Daemon, Login], None]] = {
    "in clear": in_clear,
    "under TLS": under_tls,
    "logged in": logged_in,
}
_contexts: dict[Path, ssl.SSLContext] = {}


def _context(server: Daemon) -> ssl.SSLContext:
    """One for all sessions: a context of the clients' own would be their memory, but their time, too."""
    return _contexts.setdefault(server.authority.path, server.authority.client_context())


def main() -> None:
    arguments = _arguments()
    _raise_limit(arguments.sessions + _SPARE)
    results = {kind: _measure(KINDS[kind], arguments.sessions) for kind in KINDS}
    about = machine()
    print(", ".join(f"{name}: {value}" for name, value in about.items()))
    print(f"\n{arguments.sessions} idle sessions on one process\n")
    print("| | RSS before, MB | RSS after, MB | KB a session | CPU ms to open one |\n|---|---|---|---|---|")
    for kind, figures in results.items():
        sizes = f"{figures.before / 1e6:.0f} | {figures.after / 1e6:.0f} | {figures.each:.1f}"
        print(f"| {kind} | {sizes} | {figures.open_ms:.2f} |")
    if arguments.json:
        report = {kind: asdict(figures) | {"kb_each": figures.each} for kind, figures in results.items()}
        arguments.json.write_text(json.dumps({"machine": about, "results": report}, indent=2) + "\n")


def _raise_limit(needed: int) -> None:
    """For this process and, by inheritance, for the server."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(soft, needed)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
    except (ValueError, OSError) as error:
        sys.exit(f"cannot run: {needed} file descriptors are needed, the limit is {hard}: {error}")


def _measure(open_session: Callable[[Client, Daemon, Login], None], sessions: int) -> Figures:
    with _server(sessions) as (server, login), contextlib.ExitStack() as stack:
        with contextlib.closing(Client(server.starttls, 0)) as first:  # what only the first one costs
            open_session(first, server, login)
        time.sleep(0.5)
        usage = Usage(server.pid)
        before, cpu = _resident(server.pid), usage.cpu_seconds()
        clients: list[Client] = []
        for number in range(sessions):
            client = Client(server.starttls, number)
            stack.callback(client.close)
            open_session(client, server, login)
            clients.append(client)
        time.sleep(0.5)
        cpu = usage.cpu_seconds() - cpu
        after = _resident(server.pid)
        _check(clients)
    return Figures(sessions, before, after, cpu / sessions * 1000)


def _check(clients: Sequence[Client]) -> None:
    for client in clients:
        client.say("NOOP", "250")


@contextlib.contextmanager
def _server(sessions: int) -> Iterator[tuple[Daemon, Login]]:
    with tempfile.TemporaryDirectory(prefix="smtpeter-bench-") as name:
        directory = Path(name)
        limits = {
            "maximum_connections": sessions + 100,
            "maximum_connections_per_address": sessions + 100,
            "command_timeout": "1h",
        }
        daemon = Daemon(directory / "smtpeter", Authority(directory), submission=limits)
        login = daemon.login()
        with daemon:
            yield daemon, login


def _resident(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sessions", type=int, default=5000, help="of each kind (default %(default)s)")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    return parser.parse_args()


if __name__ == "__main__":
    main()
