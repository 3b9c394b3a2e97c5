"""Load from Postfix's smtp-source, and its smtp-sink that counts what arrives; both bounded, both ours to end."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import Self

from bench.processes import Usage, busy_seconds
from tests.kit.loopback import answers, free_port, until
from tests.kit.peers import program

COUNTER = re.compile(rb"mesg=(\d+)[ \r\n]")


@dataclass(frozen=True, slots=True)
class Load:
    """What smtp-source sends: `messages` of `octets` over `sessions` at a time.

    `kept`: all messages of a session over one connection, else a new connection for each.
    """

    messages: int
    octets: int
    sessions: int
    kept: bool

    def __str__(self) -> str:
        way = "kept connections" if self.kept else "a connection each"
        return f"{self.messages} messages of {self.octets} octets, {self.sessions} sessions, {way}"


@dataclass(frozen=True, slots=True)
class Figures:
    """One run. Rates are messages a second; CPU is that of the peer's processes alone; memory is in MB.

    `others`: processors that were busy meanwhile with what is neither the peer nor the load tools; such figures
    are worth little when that is more than a trifle.
    """

    accepted: float
    end_to_end: float
    cpu_ms: float
    memory: float
    others: float


class CountingSink:
    """smtp-sink on a free port; `count` is how many messages it has taken, `last` when that last changed."""

    def __init__(self) -> None:
        self.port = free_port()
        self.count = 0
        self.last = 0.0

    def __enter__(self) -> Self:
        command = [program("smtp-sink", "postfix"), "-u", "nobody", "-c", f"127.0.0.1:{self.port}", "1000"]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        until(lambda: answers(self.port), what="smtp-sink does not answer")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._reader.join(10)

    def cpu_seconds(self) -> float:
        return Usage(self._process.pid).cpu_seconds()

    def _read(self) -> None:
        assert self._process.stdout is not None
        tail = b""
        with self._process.stdout as counters:
            while octets := os.read(counters.fileno(), 1 << 16):
                tail = (tail + octets)[-200:]
                found = COUNTER.findall(tail)
                if found and int(found[-1]) != self.count:
                    self.count, self.last = int(found[-1]), time.monotonic()
                time.sleep(0.005)  # read seldom: the counter must not cost what is measured


def measure(port: int, sink: CountingSink, load: Load, usage: Usage, limit: float = 120.0) -> Figures:
    """Send the load to the peer at `port`, and wait until the sink has it all; within `limit` seconds, or it is an error."""
    before = sink.count
    cpu, tools, busy = usage.cpu_seconds(), _tools(sink), busy_seconds()
    with usage.sampled():
        begun = time.monotonic()
        subprocess.run(_source(port, load), check=True, timeout=limit, stdout=subprocess.DEVNULL)
        accepted = time.monotonic()
        until(
            lambda: sink.count - before >= load.messages,
            limit - (accepted - begun),
            lambda: f"{sink.count - before} of {load.messages} messages arrived",
        )
        arrived = sink.last
        time.sleep(0.3)  # what the peer does behind the last message is its cost too
    used = usage.cpu_seconds() - cpu
    others = busy_seconds() - busy - used - (_tools(sink) - tools)
    return Figures(
        accepted=load.messages / (accepted - begun),
        end_to_end=load.messages / (arrived - begun),
        cpu_ms=used / load.messages * 1000,
        memory=usage.peak_memory / 1e6,
        others=max(0.0, others / (time.monotonic() - begun)),
    )


def _tools(sink: CountingSink) -> float:
    """Processor time of smtp-sink, of this program, and of the smtp-sources that have ended."""
    own, ended = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sink.cpu_seconds() + own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime


def _source(port: int, load: Load) -> list[str]:
    return [
        program("smtp-source", "postfix"),
        *("-s", str(load.sessions), "-l", str(load.octets), "-m", str(load.messages)),
        *("-M", "load.example", "-f", "sender@src.example", "-t", "rcpt@dest.example"),
        *(["-d"] if load.kept else []),
        f"127.0.0.1:{port}",
    ]
