"""How long the dashboard's pages take, with a million events and a hundred thousand messages in the store.

The store is filled past the server, filed for searches, and then served by it; each page is asked for again and again
on one connection, as an operator who has signed in. p50 and p99 are of the time from the request to its last octet;
CPU is the server's for a page, which hardly depends on what else the machine does.
"""

from __future__ import annotations

import argparse
import http.client
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sqlalchemy import Connection, insert

from bench.machine import machine
from bench.usage import Usage
from smtpeter.journal.events import Attempt, Click, Deferred, Delivered, Event, Failed, Open
from smtpeter.message import identifier
from smtpeter.message.envelope import Envelope, Recipient
from smtpeter.message.identifier import DeliveryId, MessageId, earliest
from smtpeter.message.status import Outcome, Reply, Result, Stage
from smtpeter.spool.model import Accepted, Delivery
from smtpeter.spool.states import State
from smtpeter.storage import contents, journal, migrations, search
from smtpeter.storage.engine import for_writing, open_engine
from smtpeter.storage.group import Job, Session
from smtpeter.storage.records import NEW_DELIVERY, delivery_row, message_row
from smtpeter.storage.rows import Rows
from smtpeter.storage.schema.mail import deliveries, messages
from tests.kit.certificates import Authority
from tests.kit.daemon import Daemon
from tests.kit.loopback import free_port
from tests.storage.stores import accepted, address

PORTION = 2000  # messages in one commit of the filling
SPAN = 28 * 86_400.0  # seconds over which the messages came
WORDS = [
    "spring",
    "summer",
    "autumn",
    "winter",
    "invoice",
    "order",
    "news",
    "offer",
    "receipt",
    "welcome",
    "reminder",
    "password",
]
KEEP_MESSAGES = Rows(insert(messages), list(messages.c.keys()))
KEEP_DELIVERIES = Rows(insert(deliveries), NEW_DELIVERY)


def made(number: int, count: int, now: float, chance: random.Random) -> tuple[Accepted, State]:
    """A message to one recipient: nine of ten delivered, the others failed, waiting or held."""
    when = now - SPAN + SPAN * number / count
    recipient = f"reader{number % 40_000}@site{number % 3000}.example"
    identifiers = (
        MessageId(earliest(when) + 2 * number % 4096),
        DeliveryId(earliest(when) + 2 * number % 4096 + 1),
    )
    login = f"shop{number % 20}"
    one = accepted(
        1, (recipient,), accepted_at=when, login=login, tags=(f"campaign{number % 50}",),
        content=b"Subject: x\r\n\r\n" + b"x" * 2000,
        envelope=Envelope(address(f"news@{login}.example"), (Recipient(address(recipient)),)),
        facts={"subject": f"Your {chance.choice(WORDS)} {chance.choice(WORDS)} {number}", "from": f"Shop <news@{login}.example>"},
    )  # fmt: skip
    state = chance.choices((State.DELIVERED, State.FAILED, State.DUE, State.HELD), (90, 4, 5, 1))[0]
    last = (
        None
        if state is State.HELD
        else Outcome(Result.DEFERRED, Stage.CONNECT, Reply(450, "4.2.0", "try later"), host="mx")
    )
    [delivery] = one.deliveries
    delivery = Delivery(
        identifiers[1], identifiers[0], delivery.recipient, state=state, attempts=1, due_at=now + 86_400 * 30,
        accepted_at=when, last=last,
    )  # fmt: skip
    message = type(one.message)(**{**_fields(one.message), "id": identifiers[0]})
    return Accepted(message, (delivery,), ()), state


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


def events(one: Accepted, state: State, number: int, chance: random.Random) -> Iterator[Event]:
    """What happened to it, `number` events in all."""
    [delivery] = one.deliveries
    common: dict[str, Any] = {
        "delivery": delivery.id, "message": one.message.id, "login": one.message.login,
        "recipient": str(delivery.recipient.address), "tags": one.message.tags,
    }  # fmt: skip
    when = delivery.accepted_at
    yield Attempt(time=when, envelope=str(one.message.envelope.return_path), **common)
    if state is State.DELIVERED:
        yield Delivered(time=when + 1, host="mx.example", reply="250 2.0.0 Ok", **common)
    elif state is State.FAILED:
        yield Failed(
            time=when + 1, host="mx.example", code=550, status="5.1.1", description="no such user", **common
        )
    for _ in range(number - 2):
        later = when + chance.random() * 7200
        yield (
            (Open if chance.random() < 0.6 else Click)(
                time=later, ip="192.0.2.7", headers="User-Agent: Mozilla/5.0 (X11; Linux x86_64)\n" * 3, **common
            )
            if state is State.DELIVERED
            else Deferred(time=later, host="mx.example", code=450, description="try later", **common)
        )  # fmt: skip


def fill(directory: Path, count: int, number: int, now: float) -> str:
    """A store with `count` messages and `number` events; the id of one delivery."""
    directory.mkdir(parents=True, exist_ok=True)
    engine = open_engine("sqlite:///smtpeter.db", directory)
    migrations.upgrade(engine)
    session = Session(for_writing(engine))
    chance = random.Random(7)

    def write(connection: Connection, batch: Any) -> list[None]:
        (numbers,) = batch
        several = [made(one, count, now, chance) for one in numbers]
        KEEP_MESSAGES.execute(connection, [message_row(one.message) for one, _ in several])
        contents.keep(connection, [one.message for one, _ in several])
        KEEP_DELIVERIES.execute(connection, [delivery_row(one.deliveries[0], 0, None) for one, _ in several])
        happened = [event for one, state in several for event in events(one, state, number // count, chance)]
        journal.keep(connection, sorted(happened, key=lambda event: event.time))
        return [None]

    for first in range(0, count, PORTION):
        _do(session, write, range(first, min(first + PORTION, count)))
    while _do(session, search.digest, (20_000, 1 << 62)):
        pass
    session.close()
    engine.dispose()
    one, _ = made(count // 2, count, now, random.Random(7))
    return identifier.show(one.deliveries[0].id)


def _do(session: Session, write: Any, argument: Any) -> Any:
    (answer,) = session.write([Job(write, argument, RuntimeError)])
    assert answer.error is None, answer.error
    return answer.value


class Browser:
    """One connection of an operator who has signed in."""

    def __init__(self, port: int, password: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        body = urlencode({"name": "bench", "password": password})
        self._connection.request(
            "POST", "/sign-in", body, {"Content-Type": "application/x-www-form-urlencoded"}
        )
        answer = self._connection.getresponse()
        answer.read()
        self._cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]

    def milliseconds(self, path: str) -> float:
        """From the request to the last octet."""
        began = time.perf_counter()
        self._connection.request("GET", path, headers={"Cookie": self._cookie})
        answer = self._connection.getresponse()
        answer.read()
        taken = (time.perf_counter() - began) * 1000
        assert answer.status == 200, (path, answer.status)
        return taken


def pages(delivery: str, now: float) -> dict[str, str]:
    day = time.strftime("%Y-%m-%d", time.gmtime(now - 14 * 86_400))
    return {
        "overview, an hour": "/?range=hour",
        "overview, a day": "/?range=day",
        "overview, a week": "/?range=week",
        "overview, a month": "/?range=month",
        "queue": "/queue",
        "queue of a domain": "/queue?domain=site7.example",
        "queue of a recipient": "/queue?recipient=reader7%40site7.example",
        "queue of a login": "/queue?login=shop3",
        "messages": "/messages",
        "messages, by recipient": "/messages?recipient=reader7%40site7.example",
        "messages, by sender": "/messages?sender=news%40shop3.example",
        "messages, by subject": "/messages?subject=summer+offer",
        "messages, by a rare subject": "/messages?subject=71234",
        "messages, by login": "/messages?login=shop3",
        "messages, by tag": "/messages?tag=campaign7",
        "messages, failed": "/messages?state=failed",
        "messages, of a day": f"/messages?since={day}&until={day}",
        "messages, by login and subject": "/messages?login=shop3&subject=password",
        "messages, of nobody": "/messages?login=shop3&recipient=nobody%40example.com",
        "message": f"/messages/{delivery}",
        "message, its timeline": f"/messages/{delivery}/timeline",
        "bounces": "/bounces",
        "suppressions": "/suppressions",
        "logins": "/logins",
        "domains": "/domains",
        "webhooks": "/webhooks",
        "tokens": "/tokens",
        "operators": "/operators",
        "changes": "/changes",
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--messages", type=int, default=100_000, help="messages in the store (default %(default)s)"
    )
    parser.add_argument(
        "--events", type=int, default=1_000_000, help="events in the store (default %(default)s)"
    )
    parser.add_argument(
        "--repetitions", type=int, default=100, help="requests for each page (default %(default)s)"
    )
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="smtpeter-bench-") as name:
        directory = Path(name)
        now, began = time.time(), time.monotonic()
        delivery = fill(directory / "data", wanted.messages, wanted.events, now)
        print(f"filled in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        print(", ".join(f"{name}: {value}" for name, value in machine().items()))
        print(f"\n{wanted.messages} messages, {wanted.events} events; milliseconds\n")
        measure(directory, delivery, now, wanted.repetitions)


def measure(directory: Path, delivery: str, now: float, repetitions: int) -> None:
    """Serve the store in `directory`, and print a table."""
    (directory / "authority").mkdir(exist_ok=True)
    port = free_port()
    web = {"listen": [f"tcp:{port}:interface=127.0.0.1"]}
    with Daemon(directory, Authority(directory / "authority"), web=web) as server:
        browser = Browser(port, server.cli("operator", "create", "bench")["password"])
        usage = Usage(server.pid)
        print("| page | p50 | p99 | CPU |\n|---|---|---|---|")
        for page, path in pages(delivery, now).items():
            browser.milliseconds(path)
            used = usage.cpu_seconds()
            times = [browser.milliseconds(path) for _ in range(repetitions)]
            cpu = (usage.cpu_seconds() - used) / repetitions * 1000
            p99 = statistics.quantiles(times, n=100)[98]
            print(f"| {page} | {statistics.median(times):.1f} | {p99:.1f} | {cpu:.1f} |", flush=True)


if __name__ == "__main__":
    main()
