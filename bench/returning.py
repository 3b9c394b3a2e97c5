"""How many returned messages the server processes a second: taken, recognised, kept, settled, and passed on.

Deliveries are made first, by the server itself, to a host that takes everything; then every return path gets its
report back, over a few connections that stay open. A run ends when the last one has its 250, which is when the text,
its events, the late failure and the report to the customer are on the disk. All of it on 127.0.0.1.
"""

from __future__ import annotations

import argparse
import smtplib
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.machine import machine
from bench.processes import Usage
from tests.kit.certificates import Authority
from tests.kit.daemon import Daemon
from tests.kit.loopback import free_port
from tests.kit.names import StubNames
from tests.kit.sink import Sink

HOST = "bounces.sender.example"
RECIPIENTS = 100  # of one message
WAIT = 120.0  # seconds
MAIL = b"From: News <news@sender.example>\r\nSubject: Spring\r\n\r\n" + b"Hello, dear reader.\r\n" * 100


def report(recipient: str) -> bytes:
    """A DSN as a Postfix makes it, of some 3 KB."""
    return (
        (
            "From: MAILER-DAEMON@sink.example\r\nSubject: Undelivered Mail Returned to Sender\r\n"
            "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
            'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
            "--b\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\nThis is the mail system.\r\n\r\n"
            f"<{recipient}>: host mx.example.net said: 550 5.1.1 User unknown\r\n\r\n"
            "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; sink.example\r\n\r\n"
            f"Final-Recipient: rfc822; {recipient}\r\nAction: failed\r\nStatus: 5.1.1\r\n"
            "Diagnostic-Code: smtp; 550 5.1.1 User unknown\r\n\r\n"
            "--b\r\nContent-Type: message/rfc822\r\n\r\n"
        ).encode()
        + MAIL
        + b"\r\n--b--\r\n"
    )


def deliver(server: Daemon, sink: Sink, count: int) -> list[tuple[str, str]]:
    """Return path and recipient of so many deliveries that the sink has taken."""
    login = server.login("--track-bounces")
    for start in range(0, count, RECIPIENTS):
        server.submit(login, MAIL, [f"r{n}@example.net" for n in range(start, start + RECIPIENTS)])
    messages = sink.wait(count, WAIT)
    server.wait_until_idle(WAIT)
    return [(message.return_path, message.recipients[0]) for message in messages[:count]]


def bring(port: int, returned: Sequence[tuple[str, str]]) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=WAIT) as client:
        client.ehlo()
        for return_path, recipient in returned:
            client.sendmail("", [return_path], report(recipient))


def measure(port: int, returned: Sequence[tuple[str, str]], connections: int) -> float:
    """Seconds until all are taken."""
    threads = [
        threading.Thread(target=bring, args=(port, returned[number::connections]))
        for number in range(connections)
    ]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deliveries", type=int, default=500)
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument("--repetitions", type=int, default=3)
    asked = parser.parse_args()
    port = free_port()
    bounces = {"domain": HOST, "listen": [f"tcp:{port}:interface=127.0.0.1"]}
    with tempfile.TemporaryDirectory() as directory, StubNames() as names, Sink() as sink:
        names.host("example.net", "127.0.0.1")
        names.host("sender.example", "127.0.0.1")
        relay = {
            "mode": "mx",
            "port": sink.port,
            "nameservers": [names.nameserver],
            "allow_private_addresses": True,
        }
        place = Path(directory)
        with Daemon(place / "server", Authority(place), relay=relay, bounces=bounces) as server:
            returned = deliver(server, sink, asked.deliveries)
            rates, costs = [], []
            for _ in range(
                asked.repetitions
            ):  # what comes a second time is settled already, and kept all the same
                before = Usage(server.pid).cpu_seconds()
                rates.append(len(returned) / measure(port, returned, asked.connections))
                costs.append((Usage(server.pid).cpu_seconds() - before) / len(returned) * 1000)
            print(", ".join(f"{name}: {value}" for name, value in machine().items()))
            print(
                f"{statistics.median(rates):.0f} returned messages/s ({', '.join(f'{r:.0f}' for r in rates)})"
            )
            print(
                f"{statistics.median(costs):.2f} CPU ms/message (of the server, relaying the reports included)"
            )


if __name__ == "__main__":
    main()
