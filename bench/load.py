"""The load, and one measured run: load.c -> a server (its own queue) -> smtp-sink, all on 127.0.0.1, all bounded."""

from __future__ import annotations

import json
import resource
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.servers import Server
from bench.sink import CountingSink
from bench.usage import busy_seconds
from tests.kit.loopback import until
from tests.kit.peers import program

HERE = Path(__file__).parent
LIMIT = 60.0  # seconds that a run may take
UNLIMITED = 1_000_000_000
HEADER = (
    b"From: <sender@src.example>\r\nTo: <rcpt@dest.example>\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\n"
    b"Message-ID: <load@load.example>\r\nSubject: load\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent: `contents` in turn over `sessions` at a time, `per_connection` messages on each connection.

    `login`: "" for neither TLS nor AUTH, or the name of one of the server's logins, for both.
    """

    contents: Path
    sessions: int
    per_connection: int = UNLIMITED
    login: str = ""


def plain(octets: int) -> bytes:
    """A content of that size: header, and lines of 78 octets."""
    line = b"x" * 76 + b"\r\n"
    return (HEADER + line * (octets // len(line)))[: octets - 2] + b"\r\n"


def write_contents(path: Path, contents: Iterable[bytes]) -> Path:
    """As they go over the wire (RFC 5321, 4.5.2)."""
    with path.open("wb") as file:
        for content in contents:
            file.write(content.replace(b"\r\n.", b"\r\n..") + b".\r\n")
    return path


def built(directory: Path) -> Path:
    """The generator, compiled."""
    made = directory / "load"
    libraries = ("-lssl", "-lcrypto", "-lpthread")
    subprocess.run(
        [program("gcc", "gcc libssl-dev"), "-O2", "-o", made, HERE / "load.c", *libraries], check=True
    )
    return made


class Generator:
    """Sends loads to servers that relay to `sink`."""

    def __init__(self, directory: Path, sink: CountingSink) -> None:
        self._program = built(directory)
        self._sink = sink

    def measure(self, server: Server, load: Load, messages: int) -> dict[str, float]:
        """One run; every message must be accepted, and must arrive. Rates are messages a second."""
        before = self._sink.count
        cpu, tools, busy = server.usage.cpu_seconds(), self._tools(), busy_seconds()
        with server.usage.sampled():
            begun = time.monotonic()
            told = self._send(server, load, messages)
            until(
                lambda: self._sink.count - before >= messages,
                LIMIT - (time.monotonic() - begun),
                lambda: f"{server.name}: {self._sink.count - before} of {messages} messages arrived",
            )
            arrived = self._sink.last
            time.sleep(0.3)  # what the server does behind the last message is its cost too
        used = server.usage.cpu_seconds() - cpu
        others = busy_seconds() - busy - used - (self._tools() - tools)
        return {
            "accepted/s": messages / told["seconds"],
            "end to end/s": messages / (arrived - begun),
            "CPU ms/message": used / messages * 1000,
            "p50 ms": told["p50_ms"],
            "p99 ms": told["p99_ms"],
            "memory MB": server.usage.peak_memory / 1e6,
            "others' processors": max(0.0, others / (time.monotonic() - begun)),
        }

    def _send(self, server: Server, load: Load, messages: int) -> dict[str, float]:
        login = server.logins[load.login] if load.login else "-"
        counts = (server.port, min(load.sessions, server.sessions, messages), messages, load.per_connection)
        ended = subprocess.run(
            [self._program, *map(str, counts), login, load.contents, str(LIMIT)],
            capture_output=True,
            check=False,
            timeout=LIMIT + 60,
        )
        told: dict[str, float] = json.loads(ended.stdout or "{}")
        assert told.get("accepted") == messages, f"{server.name}: {told} {ended.stderr.decode()}"
        return told

    def _tools(self) -> float:
        """Processor time of the sink, of this program, and of its generators that have ended."""
        own, ended = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return self._sink.cpu_seconds() + own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime
