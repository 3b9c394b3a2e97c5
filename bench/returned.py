"""Returned mail: how many reports the server takes, recognises, keeps, settles and passes on; and recognition alone.

Deliveries are made first, by the server itself, to a host that takes everything; then every return path gets its
report back, over a few connections that stay open. A run ends when the last one has its 250, which is when the text,
its events, the late failure and the report to the customer are on the disk.
"""

from __future__ import annotations

import smtplib
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence

from bench import servers
from bench.harness import Harness
from bench.record import Comparison
from bench.usage import Usage
from smtpeter.returns.recognise import recognise, tokens_within
from smtpeter.returns.recognition import Kind
from tests.kit.daemon import Daemon
from tests.kit.loopback import free_port
from tests.kit.names import StubNames
from tests.kit.returned import samples
from tests.kit.sink import Sink

RECIPIENTS = 100  # of one message
CONNECTIONS = 10
WAIT = 120.0  # seconds
MAIL = b"From: News <news@sender.example>\r\nSubject: Spring\r\n\r\n" + b"Hello, dear reader.\r\n" * 100


def returned(harness: Harness) -> Iterator[Comparison]:
    with StubNames() as names, Sink() as sink:
        for name in ("example.net", "sender.example"):
            names.host(name, "127.0.0.1")
        port = free_port()
        relay = {
            "mode": "mx",
            "port": sink.port,
            "nameservers": [names.nameserver],
            "allow_private_addresses": True,
        }
        bounces = {"domain": "bounces.sender.example", "listen": [f"tcp:{port}:interface=127.0.0.1"]}
        with (
            servers.daemon(harness.place("returned"), relay=relay, bounces=bounces) as daemon,
            Usage(daemon.pid) as usage,
        ):
            paths = _delivered(daemon, sink, harness.scale.returned)
            comparison = Comparison(f"reports of 3 KB about {len(paths)} deliveries", "CPU ms/report")
            comparison.remark = "Passing the reports on to the customer's return path is in the figures."
            for _ in range(
                harness.scale.repetitions
            ):  # what comes again is settled already, and kept all the same
                comparison.add("smtpeter", _measure(port, paths, usage))
            yield comparison
    yield _recognition(harness.scale.seconds)


def _delivered(daemon: Daemon, sink: Sink, count: int) -> list[tuple[str, str]]:
    """Return path and recipient of so many deliveries that the sink has taken."""
    login = daemon.login("--track-bounces")
    for start in range(0, count, RECIPIENTS):
        names = [f"r{number}@example.net" for number in range(start, min(start + RECIPIENTS, count))]
        daemon.submit(login, MAIL, names)
    messages = sink.wait(count, WAIT)
    daemon.wait_until_idle(WAIT)
    return [(message.return_path, message.recipients[0]) for message in messages[:count]]


def _measure(port: int, paths: Sequence[tuple[str, str]], usage: Usage) -> dict[str, float]:
    threads = [
        threading.Thread(target=_bring, args=(port, paths[number::CONNECTIONS]))
        for number in range(CONNECTIONS)
    ]
    cpu, began = usage.cpu_seconds(), time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took, used = time.perf_counter() - began, usage.cpu_seconds() - cpu
    return {"reports/s": len(paths) / took, "CPU ms/report": used / len(paths) * 1000}


def _bring(port: int, paths: Sequence[tuple[str, str]]) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=WAIT) as client:
        client.ehlo()
        for return_path, recipient in paths:
            client.sendmail("", [return_path], _report(recipient))


def _report(recipient: str) -> bytes:
    """A DSN as a Postfix makes it."""
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


def _recognition(seconds: float) -> Comparison:
    """The tests' corpus in memory, all kinds in turn; for complaints the search for tokens is in it."""
    contents = [each.content for each in samples()]
    spent: dict[str, float] = defaultdict(float)
    counted: dict[str, int] = defaultdict(int)
    while not spent or sum(spent.values()) < seconds:
        for content in contents:
            started = time.process_time()
            found = recognise(content)
            if found.kind is Kind.COMPLAINT:
                tokens_within(content)
            for row in ("all kinds", found.kind.value):
                spent[row] += time.process_time() - started
                counted[row] += 1
    comparison = Comparison("recognition alone, in one process", "messages/CPU s", ours="")
    for row, count in counted.items():
        comparison.add(row, {"messages/CPU s": count / max(spent[row], 1e-6)})
    return comparison
