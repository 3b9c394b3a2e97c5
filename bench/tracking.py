"""Clicks redirected beside nginx answering `return 302`, in turn; and how soon a click is in the journal.

The client is Python and shares the machine: the requests per second of the server's CPU count.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import statistics
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from bench import servers
from bench.harness import Harness
from bench.record import Comparison
from bench.usage import Usage
from smtpeter.journal.interface import Query
from smtpeter.message.identifier import DeliveryId
from smtpeter.message.token import tracked_tail
from smtpeter.service.answer import answered
from smtpeter.service.host import host
from smtpeter.service.keys import ring_of
from smtpeter.storage.store import Store, open_for_command
from tests.kit.loopback import answers, free_port, until
from tests.kit.peers import program

URL = "https://shop.example/summer/offers?week=10&from=newsletter"
CONNECTIONS = 16


def tracking(harness: Harness) -> Iterator[Comparison]:
    place = harness.place("tracking")
    with contextlib.ExitStack() as stack:
        daemon = stack.enter_context(servers.daemon(place))
        store = open_for_command("sqlite:///smtpeter.db", place / "smtpeter/data", host())
        stack.callback(store.stop)
        target = (
            f"/{ring_of(answered(store.accounts.keys())).click(DeliveryId(4711), 3, URL)}{tracked_tail(URL)}"
        )
        nginx = stack.enter_context(_nginx(harness.place("nginx")))
        doors = {
            "smtpeter": (daemon.tracking, target, stack.enter_context(Usage(daemon.pid))),
            "nginx": (nginx[0], "/summer/offers", stack.enter_context(Usage(nginx[1]))),
        }
        comparison = Comparison(f"{CONNECTIONS} connections that stay open", "per CPU second")
        for port, path, _ in doors.values():
            request(port, path, harness.scale.requests // 10)
        for _ in range(harness.scale.repetitions):
            for row, (port, path, usage) in doors.items():
                comparison.add(row, _measure(port, path, usage, harness.scale.requests))
        yield comparison
        yield _seen(store, daemon.tracking, target, harness.scale.repetitions)


def _measure(port: int, path: str, usage: Usage, requests: int) -> dict[str, float]:
    cpu, began = usage.cpu_seconds(), time.perf_counter()
    waits = request(port, path, requests)
    took, used = time.perf_counter() - began, usage.cpu_seconds() - cpu
    return {
        "redirects/s": requests / took,
        "per CPU second": requests / max(used, 1e-6),
        "CPU ms/redirect": used / requests * 1000,
        "p99 ms": statistics.quantiles(waits, n=100)[98] * 1000,
    }


def request(port: int, path: str, requests: int) -> list[float]:
    """Seconds that each of the requests waited; on each connection one after the other."""
    text = f"GET {path} HTTP/1.1\r\nHost: click.example\r\nUser-Agent: Mozilla/5.0 (bench)\r\n\r\n".encode()
    waits: list[float] = []
    left = requests
    with selectors.DefaultSelector() as selector, contextlib.ExitStack() as stack:
        for _ in range(min(CONNECTIONS, requests)):
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(sock, selectors.EVENT_READ, [time.perf_counter()])
            sock.sendall(text)
            left -= 1
        while len(waits) < requests:
            for key, _ in selector.select():
                answer = key.fileobj.recv(65536)
                assert answer.startswith(b"HTTP/1.1 302"), answer[:100]
                waits.append(time.perf_counter() - key.data[0])
                if left > 0:
                    left -= 1
                    key.data[0] = time.perf_counter()
                    key.fileobj.sendall(text)
    return waits


@contextlib.contextmanager
def _nginx(directory: Path) -> Iterator[tuple[int, int]]:
    """Its port and its process."""
    directory.mkdir()
    port = free_port()
    configuration = directory / "nginx.conf"
    configuration.write_text(
        f"daemon off; worker_processes 1; pid {directory}/nginx.pid; error_log stderr crit;\n"
        "events { worker_connections 512; }\n"
        f"http {{ access_log off; keepalive_requests 10000000; server {{ listen 127.0.0.1:{port}; "
        f"location / {{ return 302 {URL}; }} }} }}\n"
    )
    command = [program("nginx", "nginx-light"), "-p", directory, "-c", configuration]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            until(lambda: answers(port), what="nginx does not answer")
            yield port, process.pid
        finally:
            process.terminate()


def _seen(store: Store, port: int, target: str, times: int) -> Comparison:
    """How long a click takes to be in the journal, once those before it are."""
    comparison = Comparison("one click on a quiet server", "seconds to the journal")
    _wait_until_still(store)
    for _ in range(times):
        cursor = answered(store.journal.end())
        began = time.perf_counter()
        request(port, target, 1)
        until(lambda cursor=cursor: answered(store.journal.since(cursor, Query(kinds=("click",)), 1)))
        comparison.add("smtpeter", {"seconds to the journal": time.perf_counter() - began})
    return comparison


def _wait_until_still(store: Store) -> None:
    """Until nothing has been written for a second."""

    def is_still() -> bool:
        before = answered(store.journal.end())
        time.sleep(1.0)
        return bool(before == answered(store.journal.end()))

    until(is_still, 60)
