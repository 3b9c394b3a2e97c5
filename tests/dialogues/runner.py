"""Runs a dialogue script against a server: in memory, or over a socket against the daemon.

    # rows: 5 6            what the script proves (docs/conformance.md)
    # implicit TLS         on such a listener
    # in one piece         never octet by octet
    # settings: key=value  settings of section [submission] that differ (in memory only)
    C: EHLO client.test    sent with CRLF; lines that follow one another are sent in one go
    C> raw\r\n\x00         sent as it stands, Python escapes decoded, no CRLF
    S: 250-* greets *      a line of the server; * is any text
    S: ...                 the rest of a reply of several lines
    S: <closed>            the server closed
    TLS                    the client's handshake
    T: 301                 so many seconds pass (in memory only)

`{name}` in a C or S line is replaced from `variables`.
"""

from __future__ import annotations

import re
import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

HERE = Path(__file__).parent


class Channel(Protocol):
    """The client's end of a connection."""

    def send(self, data: bytes) -> None: ...

    def read_line(self) -> bytes:
        """The next line with its CRLF; b"" when the server has closed."""

    def start_tls(self) -> None: ...

    def advance(self, seconds: float) -> None: ...


@dataclass
class Script:
    name: str
    steps: list[tuple[str, str]]
    rows: list[int] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    implicit_tls: bool = False
    in_memory_only: bool = False
    in_one_piece: bool = False  # means nothing octet by octet


def read_script(path: Path) -> Script:
    script = Script(path.stem, [])
    for line in path.read_text().splitlines():
        if line.startswith("# rows:"):
            script.rows = [int(row) for row in line[7:].split()]
        elif line.startswith("# settings:"):
            script.settings = dict(pair.split("=", 1) for pair in line[11:].split())
            script.in_memory_only = True
        elif line.startswith("# implicit TLS"):
            script.implicit_tls = True
        elif line.startswith("# in one piece"):
            script.in_one_piece = True
        elif line and not line.startswith("#"):
            kind, _, text = line.partition(" ") if line[:2] in {"C:", "S:", "C>", "T:"} else (line, "", "")
            script.steps.append((kind, text))
            script.in_memory_only |= kind == "T:"
    return script


def scripts() -> list[Script]:
    return [read_script(path) for path in sorted(HERE.glob("*.txt"))]


def run_dialogue(script: Script, channel: Channel, variables: dict[str, str]) -> None:
    """Plays the client; an AssertionError tells at which step the server said something else."""
    waiting = b""
    for number, (kind, written) in enumerate(script.steps, 1):
        text = written
        for name, value in variables.items():
            text = text.replace("{" + name + "}", value)
        where = f"{script.name}, step {number}: {kind} {text}"
        if kind == "C:":
            waiting += text.encode() + b"\r\n"
            continue
        if kind == "C>":
            waiting += text.encode().decode("unicode_escape").encode("latin-1")
            continue
        if waiting:
            channel.send(waiting)
            waiting = b""
        if kind == "TLS":
            channel.start_tls()
        elif kind == "T:":
            channel.advance(float(text))
        elif text == "...":
            while (line := channel.read_line())[3:4] == b"-":
                pass
            assert line[3:4] == b" ", where
        else:
            expect_line(channel.read_line(), text, where)
    if waiting:
        channel.send(waiting)


def expect_line(line: bytes, pattern: str, where: str) -> None:
    if pattern == "<closed>":
        assert line == b"", f"{where}: still open, said {line!r}"
        return
    assert line.endswith(b"\r\n"), f"{where}: got {line!r}"
    text = line[:-2].decode()
    wanted = ".*".join(map(re.escape, pattern.split("*")))
    assert re.fullmatch(wanted, text), f"{where}: got {text!r}"


class SocketChannel:
    """A real connection, for the daemon. `context` is the client's TLS context, `hostname` the name it asks for."""

    def __init__(
        self,
        address: tuple[str, int],
        context: ssl.SSLContext,
        hostname: str,
        *,
        implicit_tls: bool = False,
        timeout: float = 20.0,
    ) -> None:
        self._socket: socket.socket = socket.create_connection(address, timeout)
        self._context = context
        self._hostname = hostname
        self._buffer = b""
        if implicit_tls:
            self.start_tls()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def read_line(self) -> bytes:
        while b"\n" not in self._buffer:
            try:
                data = self._socket.recv(65536)
            except (ConnectionResetError, ssl.SSLEOFError):
                data = b""
            if not data:
                return b""
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line + b"\n"

    def start_tls(self) -> None:
        self._socket = self._context.wrap_socket(self._socket, server_hostname=self._hostname)

    def advance(self, seconds: float) -> None:
        raise NotImplementedError("time cannot be hurried on a real connection")

    def close(self) -> None:
        self._socket.close()
