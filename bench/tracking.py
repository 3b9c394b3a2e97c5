"""Clicks redirected per second beside nginx answering `return 302`, in turn, in the same run; and the journal followed.

The rate per CPU second of the server counts: the client is Python and shares the machine. It needs Debian's nginx-light.
"""

from __future__ import annotations

import argparse
import contextlib
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.machine import machine
from bench.processes import Usage
from smtpeter.journal.events import Click
from smtpeter.journal.interface import Query
from smtpeter.message.identifier import DeliveryId
from smtpeter.message.token import tracked_tail
from smtpeter.service.answer import answered
from smtpeter.service.host import host
from smtpeter.service.keys import ring_of
from smtpeter.storage.store import open_for_command
from tests.kit.certificates import Authority
from tests.kit.daemon import Daemon
from tests.kit.loopback import answers, free_port, until

URL = "https://shop.example/summer/offers?week=10&from=newsletter"


def main() -> None:
    arguments = _arguments()
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="smtpeter-bench-")))
        peers = [stack.enter_context(_smtpeter(directory)), stack.enter_context(_nginx(directory))]
        runs: dict[str, list[tuple[float, float, float]]] = {name: [] for name, *_ in peers}
        for _, port, _, target in peers:
            _load(port, target, 1000, arguments.connections)
        for _ in range(arguments.repetitions):
            for name, port, usage, target in peers:
                cpu, began = usage.cpu_seconds(), time.perf_counter()
                waits = _load(port, target, arguments.requests, arguments.connections)
                took = time.perf_counter() - began
                used = usage.cpu_seconds() - cpu
                p99 = statistics.quantiles(waits, n=100)[98] * 1000
                runs[name].append((len(waits) / took, len(waits) / used, p99))
                print(f"  {name}: {runs[name][-1]}", file=sys.stderr, flush=True)
        print(", ".join(f"{name}: {value}" for name, value in machine("nginx-light").items()))
        print(f"\n{arguments.requests} requests, {arguments.connections} connections; medians\n")
        print("| | redirects/s | per CPU second | p99 ms |\n|---|---|---|---|")
        medians = {
            name: [statistics.median(column) for column in zip(*rows, strict=True)]
            for name, rows in runs.items()
        }
        for name, (rate, per_cpu, p99) in medians.items():
            print(f"| {name} | {rate:.0f} | {per_cpu:.0f} | {p99:.1f} |")
        print(f"\nper CPU second, of nginx's: {medians['smtpeter'][1] / medians['nginx'][1]:.2f}")
        _seen(peers[0][3], peers[0][1], directory)
        _followed(directory, arguments.events)


def _load(port: int, target: str, requests: int, connections: int) -> list[float]:
    """Seconds that each of the requests waited; on each connection one after the other."""
    request = (
        f"GET {target} HTTP/1.1\r\nHost: click.example\r\nUser-Agent: Mozilla/5.0 (bench)\r\n\r\n".encode()
    )
    waits: list[float] = []
    selector = selectors.DefaultSelector()
    left = requests
    for _ in range(connections):
        sock = socket.create_connection(("127.0.0.1", port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(sock, selectors.EVENT_READ, [time.perf_counter()])
        sock.sendall(request)
        left -= 1
    while len(waits) < requests:
        for key, _ in selector.select():
            sock, began = key.fileobj, key.data
            answer = sock.recv(65536)
            assert answer.startswith(b"HTTP/1.1 302"), answer[:100]
            waits.append(time.perf_counter() - began[0])
            if left > 0:
                left -= 1
                began[0] = time.perf_counter()
                sock.sendall(request)
    for key in list(selector.get_map().values()):
        key.fileobj.close()
    selector.close()
    return waits


@contextlib.contextmanager
def _smtpeter(directory: Path) -> Iterator[tuple[str, int, Usage, str]]:
    daemon = Daemon(directory / "smtpeter", Authority(directory))
    daemon.login()  # makes the store
    store = open_for_command("sqlite:///smtpeter.db", directory / "smtpeter" / "data", host())
    ring = ring_of(answered(store.accounts.keys()))
    store.stop()
    target = f"/{ring.click(DeliveryId(4711), 3, URL)}{tracked_tail(URL)}"
    with daemon:
        yield "smtpeter", daemon.tracking, Usage(daemon.pid), target


@contextlib.contextmanager
def _nginx(directory: Path) -> Iterator[tuple[str, int, Usage, str]]:
    port = free_port()
    configuration = directory / "nginx.conf"
    configuration.write_text(
        f"daemon off; worker_processes 1; pid {directory}/nginx.pid; error_log stderr crit;\n"
        "events { worker_connections 512; }\n"
        f"http {{ access_log off; keepalive_requests 10000000; server {{ listen 127.0.0.1:{port}; "
        f"location / {{ return 302 {URL}; }} }} }}\n"
    )
    process = subprocess.Popen(
        ["nginx", "-p", str(directory), "-c", str(configuration)], stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: answers(port))
        yield "nginx", port, Usage(process.pid), "/summer/offers"
    finally:
        process.terminate()
        process.wait()


def _seen(target: str, port: int, directory: Path) -> None:
    """How long a click takes to be in the journal, three times."""
    store = open_for_command("sqlite:///smtpeter.db", directory / "smtpeter" / "data", host())
    until(lambda: answered(store.journal.count(0))[1].get("click", 0) and not _busy(store))
    waits = []
    for _ in range(3):
        cursor = answered(store.journal.end())
        began = time.perf_counter()
        _load(port, target, 1, 1)
        while not answered(store.journal.since(cursor, Query(kinds=("click",)), 1)):
            time.sleep(0.005)
        waits.append(time.perf_counter() - began)
        time.sleep(0.5)
    store.stop()
    print(f"a click is in the journal after {max(waits):.2f} s at most")


def _busy(store: object) -> bool:
    before = answered(store.journal.end())  # type: ignore[attr-defined]
    time.sleep(1.0)
    return before != answered(store.journal.end())  # type: ignore[attr-defined]


def _followed(directory: Path, number: int) -> None:
    """Events read by a cursor, a thousand at a time."""
    store = open_for_command("sqlite:///smtpeter.db", directory / "followed", host())
    for base in range(0, number, 5000):
        events = [
            Click(time=1.0, delivery=n, message=n, login="shop", recipient="bob@x.example", url=URL)
            for n in range(base, base + 5000)
        ]
        answered(store.journal.append(events))
    began, cursor, seen = time.perf_counter(), 0, 0
    while page := answered(store.journal.since(cursor, Query(), 1000)):
        cursor, seen = page[-1].cursor, seen + len(page)
    print(f"{seen / (time.perf_counter() - began):.0f} events/s followed by a cursor")
    store.stop()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=10_000, help="a run (default %(default)s)")
    parser.add_argument("--connections", type=int, default=16, help="at a time (default %(default)s)")
    parser.add_argument("--repetitions", type=int, default=3, help="runs of each (default %(default)s)")
    parser.add_argument("--events", type=int, default=50_000, help="to be followed (default %(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
