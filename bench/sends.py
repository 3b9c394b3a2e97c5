"""Sends by the REST API: connections that are kept, requests that go one after another on each; all is relayed.

The clients are threads of this program, which bounds the rate: the server's CPU counts.
"""

from __future__ import annotations

import http.client
import json
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from bench import servers
from bench.harness import Harness
from bench.record import Comparison
from bench.usage import Usage
from tests.kit.loopback import free_port

CONNECTIONS = 8
OCTETS = 5000
_LINE = "The harbour letter tells what came in and what went out this week.\n"


def sends(harness: Harness) -> Iterator[Comparison]:
    port = free_port()
    web = {"listen": [f"tcp:{port}:interface=127.0.0.1"], "requests_per_second": 1_000_000}
    relay = servers.smarthost(harness.sink.port)
    comparison = Comparison(
        f"messages of {OCTETS // 1000} KB, {CONNECTIONS} connections", "CPU ms/message", ours=""
    )
    with servers.daemon(harness.place("sends"), relay=relay, web=web) as daemon, Usage(daemon.pid) as usage:
        token = daemon.cli("token", "create", "--login", "bench")["token"]
        count = max(CONNECTIONS, round(200 * harness.scale.seconds))
        for name, body in _bodies().items():
            _measure(port, token, usage, body, CONNECTIONS)  # warm up
            for _ in range(harness.scale.repetitions):
                comparison.add(name, _measure(port, token, usage, body, count))
        daemon.wait_until_idle(60)
    yield comparison


def _bodies() -> dict[str, bytes]:
    """The same text as fields, and as a whole message."""
    text = _LINE * (OCTETS // len(_LINE))
    to = {"recipient": "reader@example.net", "envelope": "news@sender.example"}
    fields = {"from": "News <news@sender.example>", "to": to["recipient"], "subject": "News", "text": text}
    mime = f"From: news@sender.example\r\nTo: reader@example.net\r\nSubject: News\r\n\r\n{text}"
    return {
        "fields": json.dumps({**to, **fields}).encode(),
        "mime": json.dumps({**to, "mime": mime}).encode(),
    }


def _measure(port: int, token: str, usage: Usage, body: bytes, messages: int) -> dict[str, float]:
    each = messages // CONNECTIONS
    begun, cpu = time.monotonic(), usage.cpu_seconds()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        clients = [pool.submit(_client, port, token, body, each) for _ in range(CONNECTIONS)]
        times = [client.result() for client in clients]
    took, used = time.monotonic() - begun, usage.cpu_seconds() - cpu
    count = each * CONNECTIONS
    waits = sorted(wait for one in times for wait in one)
    return {
        "accepted/s": count / took,
        "CPU ms/message": used / count * 1000,
        "p50 ms": statistics.median(waits) * 1000,
        "p99 ms": waits[int(len(waits) * 0.99)] * 1000,
    }


def _client(port: int, token: str, body: bytes, messages: int) -> list[float]:
    """Seconds that each took."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    waits = []
    for _ in range(messages):
        begun = time.monotonic()
        connection.request("POST", "/v1/send", body, headers)
        response = connection.getresponse()
        answer = response.read()
        assert response.status == 200, answer
        waits.append(time.monotonic() - begun)
    return waits
