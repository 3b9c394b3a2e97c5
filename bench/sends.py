"""Sends by the REST API: how many messages are safely kept a second, and a second of processor time.

Connections are kept, requests go one after another on each; the smarthost takes connections and says nothing, so that
deliveries wait and next to nothing is relayed. The clients are processes of their own and are not counted.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import multiprocessing
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.machine import machine
from bench.processes import Usage, busy_seconds
from tests.kit.certificates import Authority
from tests.kit.daemon import Daemon
from tests.kit.loopback import free_port

_LINE = "The harbour letter tells what came in and what went out this week.\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--octets", type=int, default=5000)
    parser.add_argument("--repetitions", type=int, default=3)
    arguments = parser.parse_args()
    print(machine())
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="smtpeter-bench-")))
        port, token, usage = stack.enter_context(_server(directory))
        for name, body in _bodies(arguments.octets).items():
            _measure(port, token, usage, body, 200, 4)  # warm up
            runs = [
                _measure(port, token, usage, body, arguments.messages, arguments.connections)
                for _ in range(arguments.repetitions)
            ]
            figures = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
            print(f"{name}: " + ", ".join(f"{value:.4g} {key}" for key, value in figures.items()), flush=True)


def _bodies(octets: int) -> dict[str, bytes]:
    """The same text as fields, and as a whole message."""
    text = _LINE * max(1, octets // len(_LINE))
    to = {"recipient": "reader@example.net", "envelope": "news@sender.example"}
    fields = {
        **to,
        "from": "News <news@sender.example>",
        "to": to["recipient"],
        "subject": "News",
        "text": text,
    }
    mime = f"From: news@sender.example\r\nTo: reader@example.net\r\nSubject: News\r\n\r\n{text}"
    return {"fields": json.dumps(fields).encode(), "mime": json.dumps({**to, "mime": mime}).encode()}


@contextlib.contextmanager
def _server(directory: Path) -> Iterator[tuple[int, str, Usage]]:
    port = free_port()
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as silence:
        smarthost = f"127.0.0.1:{silence.getsockname()[1]}"
        daemon = Daemon(
            directory / "smtpeter",
            Authority(directory),
            relay={
                "mode": "smarthost",
                "smarthost": smarthost,
                "smarthost_tls": "none",
                "allow_private_addresses": True,
                "retry": ["4h"],
                "greeting_timeout": "4h",
            },
            web={"listen": [f"tcp:{port}:interface=127.0.0.1"], "requests_per_second": 1_000_000},
        )
        daemon.login(username="bench")
        token = daemon.cli("token", "create", "--login", "bench")["token"]
        with daemon:
            yield port, token, Usage(daemon.pid)


def _measure(
    port: int, token: str, usage: Usage, body: bytes, messages: int, connections: int
) -> dict[str, float]:
    context = multiprocessing.get_context("fork")
    each = messages // connections
    begun, busy, cpu = time.monotonic(), busy_seconds(), usage.cpu_seconds()
    with context.Pool(min(connections, 8)) as pool:
        times = pool.starmap(_client, [(port, token, body, each)] * connections, chunksize=1)
    took = time.monotonic() - begun
    cpu, busy = usage.cpu_seconds() - cpu, busy_seconds() - busy
    count = each * connections
    waits = sorted(wait for one in times for wait in one)
    return {
        "sends/s": count / took,
        "sends/CPU s": count / cpu,
        "CPU ms/send": cpu / count * 1000,
        "median ms": statistics.median(waits) * 1000,
        "p99 ms": waits[int(len(waits) * 0.99)] * 1000,
        "processors busy": busy / took,
    }


def _client(port: int, token: str, body: bytes, messages: int) -> list[float]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    waits: list[Any] = []
    for _ in range(messages):
        begun = time.monotonic()
        connection.request("POST", "/v1/send", body, headers)
        response = connection.getresponse()
        answer = response.read()
        assert response.status == 200, answer
        waits.append(time.monotonic() - begun)
    return waits


if __name__ == "__main__":
    main()
