"""What a backlog costs: a message beside few and beside many deliveries queued, and a server that starts on them.

Half of the backlog is to one dead site, due before all else; the rest is due later. Beside it nothing is sent: it is the
store alone that is measured, in CPU time of its thread, in the order small, large, large, small, on files of their own.
"""

from __future__ import annotations

import itertools
import smtplib
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert

from bench import servers
from bench.harness import Harness
from bench.record import Comparison, Goal
from bench.usage import Usage
from smtpeter.message.edit import Template
from smtpeter.storage import claims, migrations, spool
from smtpeter.storage.engine import for_writing, open_engine
from smtpeter.storage.group import Job, Session
from smtpeter.storage.records import NEW_DELIVERY, delivery_row, message_row, pack
from smtpeter.storage.rows import Rows
from smtpeter.storage.schema.mail import contents, deliveries, messages
from tests.kit.certificates import Authority
from tests.kit.daemon import Daemon
from tests.storage.stores import accepted, settlement

SMALL = 1000  # deliveries queued
GROUP = 20  # messages in one commit
PORTION = 5000  # deliveries in one commit of the filling
DEAD = frozenset(("dead.example",))
NOW = 1_000_000.0
COST = "CPU µs/message"
START = "seconds to the first 250"


def backlog(harness: Harness) -> Iterator[Comparison]:
    large = harness.scale.backlog
    place = harness.place("backlog")
    place.mkdir()
    numbers = itertools.count(1_000_000_000)
    rows = {f"{count:,} queued": _opened(place, count) for count in (SMALL, large)}
    small, many = rows
    comparison = Comparison("accepted, claimed past the dead site, and settled", COST, ours=many)
    comparison.goals = (Goal(COST, 1.3, small, many, at_most=True),)
    for row in (small, many, many, small) * harness.scale.repetitions:
        comparison.add(row, {COST: _cost(rows[row], numbers, min(1000, large // 100))})
    for session in rows.values():
        session.close()
    yield comparison


def start_up(harness: Harness) -> Iterator[Comparison]:
    """The smarthost takes connections and says nothing, so that what is due stays queued."""
    count = harness.scale.queued
    place = harness.place("start-up")
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as silence:
        relay = servers.smarthost(silence.getsockname()[1]) | {
            "greeting_timeout": "4h",
            "smarthost_tls": "none",
        }
        place.mkdir()
        trusted = {"trusted_networks": {"127.0.0.0/8": "bench"}}
        daemon = Daemon(place, Authority(place), relay=relay, submission=trusted)
        daemon.login(username="bench")
        many = f"{count:,} queued"
        goal = Goal(START, 5.0, row=many, at_most=True)
        comparison = Comparison("killed before, half of what is queued is due", START, (goal,), ours="")
        for row in ("nothing queued", many):
            if row == many:
                _fill_file(place / "data", count)
            for _ in range(harness.scale.repetitions):
                comparison.add(row, _started(daemon))
        yield comparison


def _started(daemon: Daemon) -> dict[str, float]:
    """It is killed then, so that the next one starts as after a failure."""
    began = time.monotonic()
    daemon.start()
    try:
        with smtplib.SMTP("127.0.0.1", daemon.starttls, timeout=60) as client:
            client.sendmail("news@sender.example", ["joe@example.net"], b"Subject: first\r\n\r\nHello\r\n")
        return {START: time.monotonic() - began, "memory MB": Usage(daemon.pid).memory() / 1e6}
    finally:
        daemon.kill()


def _fill_file(directory: Path, count: int) -> None:
    """The store of a server that does not run."""
    session = Session(for_writing(open_engine("sqlite:///smtpeter.db", directory)))
    _fill(session, count, time.time())
    session.close()


def _fill(session: Session, count: int, now: float) -> None:
    """`count` messages with one delivery each: half of them due, to dead.example, and half due later."""
    model = accepted(1, content=b"x" * 100, accepted_at=now)
    content = (pack(Template(model.message.template.pieces)), model.message.content)
    keep_messages = Rows(insert(messages), list(messages.c.keys()))
    keep_contents = Rows(insert(contents), list(contents.c.keys()))
    keep_deliveries = Rows(insert(deliveries), NEW_DELIVERY)
    message, details = message_row(model.message), delivery_row(model.deliveries[0], 0, None)

    def write(connection: Connection, batch: Any) -> list[None]:
        (numbers,) = batch
        keep_messages.execute(connection, [(number, *message[1:]) for number in numbers])
        keep_contents.execute(connection, [(number, *content) for number in numbers])
        rows = []
        for number in numbers:
            dead = number % 2
            domain = "dead.example" if dead else f"site{number % 5000}.example"
            row = list(details)
            row[:4] = [number, number, f"joe@{domain}", domain]
            row[NEW_DELIVERY.index("due_at")] = 1.0 + number / 1e7 if dead else now + 3600.0
            rows.append(tuple(row))
        keep_deliveries.execute(connection, rows)
        return [None]

    for first in range(1, count, PORTION):
        numbers = range(first, min(first + PORTION, count + 1))
        (answer,) = session.write([Job(write, numbers, RuntimeError)])
        assert answer.error is None, answer.error


def _opened(directory: Path, count: int) -> Session:
    """A store with that much in it, and the dead site's deliveries laid aside, as the first claims leave them."""
    engine = open_engine(f"sqlite:///{count}.db", directory)
    migrations.upgrade(engine)
    session = Session(for_writing(engine))
    _fill(session, count, NOW)
    wanted = [claims.Wanted(GROUP, NOW, DEAD)]
    while not _do(session, lambda c, batch: claims.claim(c, 1, batch), wanted)[0].is_all:
        pass
    return session


def _cost(session: Session, numbers: itertools.count[int], count: int) -> float:
    """CPU microseconds for a message that is accepted, claimed past the dead site, and settled."""
    groups = max(1, count // GROUP)
    began = time.thread_time()
    for _ in range(groups):
        made = [accepted(next(numbers), content=b"x" * 2000, due_at=NOW) for _ in range(GROUP)]
        _do(session, lambda c, batch: spool.accept(c, 1, batch), made)
        (claimed,) = _do(
            session, lambda c, batch: claims.claim(c, 1, batch), [claims.Wanted(GROUP, NOW, DEAD)]
        )
        assert len(claimed.claims) == GROUP
        given = [spool.GivenBack((settlement(claim),), ()) for claim in claimed.claims]
        _do(session, lambda c, batch: spool.settle(c, 1, batch), given)
    return (time.thread_time() - began) / (groups * GROUP) * 1e6


def _do(session: Session, write: Callable[..., Any], arguments: list[Any]) -> list[Any]:
    answers = session.write([Job(write, argument, RuntimeError) for argument in arguments])
    assert all(answer.error is None for answer in answers), answers
    return [answer.value for answer in answers]
