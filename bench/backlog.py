"""What a message costs beside a backlog: accepted, claimed and settled, with few and with many deliveries queued.

Half of the backlog is to one dead site, due before all else; the rest is due later. Nothing is sent: it is the store
alone that is measured, in CPU time of its thread, in the order small, large, large, small, on files of their own.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sqlalchemy import Connection, insert

from bench.machine import machine
from smtpeter.storage import claims, migrations, spool
from smtpeter.storage.engine import for_writing, open_engine
from smtpeter.storage.group import Job, Session
from smtpeter.storage.records import NEW_DELIVERY, delivery_row, message_row
from smtpeter.storage.rows import Rows
from smtpeter.storage.schema import contents, deliveries, messages
from smtpeter.storage.store import open_for_server
from tests.storage.stores import Machine, Pump, accepted, settlement

GROUP = 20  # messages in one commit
PORTION = 5000  # deliveries in one commit of the filling
DEAD = frozenset(("dead.example",))
NOW = 1_000_000.0


def fill(session: Session, count: int) -> None:
    """`count` messages with one delivery each: half of them due, to dead.example, and half due later."""
    model = accepted(1, content=b"x" * 100)
    keep_messages = Rows(insert(messages), list(messages.c.keys()))
    keep_contents = Rows(insert(contents), list(contents.c.keys()))
    keep_deliveries = Rows(insert(deliveries), NEW_DELIVERY)
    message, details = message_row(model.message), delivery_row(model.deliveries[0], 0, None)

    def write(connection: Connection, batch: Any) -> list[None]:
        (numbers,) = batch
        keep_messages.execute(connection, [(number, *message[1:]) for number in numbers])
        keep_contents.execute(connection, [(number, b"\x80", b"x" * 100) for number in numbers])
        rows = []
        for number in numbers:
            dead = number % 2
            domain = "dead.example" if dead else f"site{number % 5000}.example"
            row = list(details)
            row[:4] = [number, number, f"joe@{domain}", domain]
            row[NEW_DELIVERY.index("due_at")] = 1.0 + number / 1e7 if dead else NOW + 3600.0
            rows.append(tuple(row))
        keep_deliveries.execute(connection, rows)
        return [None]

    for first in range(1, count, PORTION):
        numbers = range(first, min(first + PORTION, count + 1))
        (answer,) = session.write([Job(write, numbers, RuntimeError)])
        assert answer.error is None, answer.error


def cost(session: Session, numbers: itertools.count[int], count: int) -> float:
    """CPU microseconds for a message that is accepted, claimed past the dead site, and settled."""
    began = time.thread_time()
    for _ in range(count // GROUP):
        made = [accepted(next(numbers), content=b"x" * 2000, due_at=NOW) for _ in range(GROUP)]
        _do(session, lambda c, batch: spool.accept(c, 1, batch), made)
        (claimed,) = _do(
            session, lambda c, batch: claims.claim(c, 1, batch), [claims.Wanted(GROUP, NOW, DEAD)]
        )
        assert len(claimed.claims) == GROUP
        given = [spool.GivenBack((settlement(claim),), ()) for claim in claimed.claims]
        _do(session, lambda c, batch: spool.settle(c, 1, batch), given)
    return (time.thread_time() - began) / count * 1e6


def _do(session: Session, write: Callable[..., Any], arguments: list[Any]) -> list[Any]:
    answers = session.write([Job(write, argument, RuntimeError) for argument in arguments])
    assert all(answer.error is None for answer in answers), answers
    return [answer.value for answer in answers]


def opened(directory: Path, backlog: int) -> Session:
    """A store with that much in it, and the dead site's deliveries laid aside, as the first claims leave them."""
    engine = open_engine(f"sqlite:///{backlog}.db", directory)
    migrations.upgrade(engine)
    session = Session(for_writing(engine))
    began = time.monotonic()
    fill(session, backlog)
    filled = time.monotonic()
    aside = time.thread_time()
    wanted = [claims.Wanted(GROUP, NOW, DEAD)]
    while not _do(session, lambda c, batch: claims.claim(c, 1, batch), wanted)[0].is_all:
        pass
    aside = time.thread_time() - aside
    print(
        f"{backlog} queued: filled in {filled - began:.1f} s; laid aside: {aside / backlog * 2e6:.0f} µs of CPU each"
    )
    return session


def restart(directory: Path, backlog: int) -> float:
    """Seconds until a server that starts on that store, after one that was killed, has accepted a message."""
    began = time.monotonic()
    pump = Pump()
    store = open_for_server(f"sqlite:///{backlog}.db", directory, pump, Machine().host)
    pump.run(store.spool.accept(accepted(2_000_000_000, claimed=True)))
    taken = time.monotonic() - began
    pump.run(store.stop())
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--small", type=int, default=1000, help="deliveries queued (default %(default)s)")
    parser.add_argument("--large", type=int, default=1_000_000, help="and these (default %(default)s)")
    parser.add_argument("--messages", type=int, default=1000, help="messages a round (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of four (default %(default)s)")
    wanted = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as directory:
        numbers = itertools.count(1_000_000_000)
        small, large = (opened(Path(directory), backlog) for backlog in (wanted.small, wanted.large))
        taken: dict[Session, list[float]] = {small: [], large: []}
        for session in (small, large, large, small) * wanted.rounds:
            taken[session].append(cost(session, numbers, wanted.messages))
        few, many = (statistics.median(taken[session]) for session in (small, large))
        print(f"{wanted.small} queued: {few:.0f} µs of CPU a message (median of {2 * wanted.rounds})")
        print(f"{wanted.large} queued: {many:.0f} µs; {many / few:.2f} times")
        for session in (small, large):
            session.close()
        print(
            f"a restart beside {wanted.large}: {restart(Path(directory), wanted.large):.2f} s to the first acceptance"
        )


if __name__ == "__main__":
    main()
