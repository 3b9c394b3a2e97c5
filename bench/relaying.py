"""Measurements of whole servers: load.c -> the server and its own queue -> smtp-sink."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from bench import servers
from bench.harness import Harness, started
from bench.load import Load, plain, write_contents
from bench.newsletter import harbour, letter
from bench.record import OURS, SINGLE, Comparison, Goal
from tests.kit.postgresql import PostgreSQL, installed

RATE = "end to end/s"


def end_to_end(harness: Harness) -> Iterator[Comparison]:
    for octets, bound in ((2048, 3.0), (51200, 2.0)):
        contents = harness.contents(plain(octets))
        for sessions in (10, 20):
            load = f"{octets // 1024} KB, {sessions} sessions"
            comparison = Comparison(load, RATE, (Goal(RATE, bound, "postfix"),))
            yield harness.compare(comparison, harness.servers.values(), Load(contents, sessions))


def submission(harness: Harness) -> Iterator[Comparison]:
    contents = harness.contents(plain(2048))
    peers = [server for server in harness.servers.values() if server.logins]
    for each in (20, 1):
        load = f"2 KB, 20 sessions, STARTTLS and AUTH, {each} a connection"
        comparison = Comparison(load, "accepted/s", (Goal("accepted/s", 2.0, "postfix"),))
        yield harness.compare(comparison, peers, Load(contents, 20, each, "plain"))


def latency(harness: Harness) -> Iterator[Comparison]:
    """One client that waits for each 250."""
    contents = harness.contents(plain(2048))
    peers = [server for server in harness.servers.values() if server.logins]
    goals = (Goal("p50 ms", 1.2, "postfix", at_most=True), Goal("p99 ms", 1.2, "postfix", at_most=True))
    comparison = Comparison("2 KB, one session, STARTTLS and AUTH", "p50 ms", goals)
    yield harness.compare(comparison, peers, Load(contents, 1, login="plain"))


def campaign(harness: Harness) -> Iterator[Comparison]:
    """smtpeter with every switch on, Postfix passing on what it gets; no two messages are alike."""
    html = harbour()
    numbers = itertools.count(1)
    place = harness.place("campaign")
    amount = max(20, round(400 * harness.scale.seconds))

    def load() -> Load:
        made = (letter(html, next(numbers)) for _ in range(amount))
        return Load(write_contents(place, made), 20, 20, "campaign")

    peers = [server for server in harness.servers.values() if server.name in {OURS, SINGLE, "postfix"}]
    size = len(letter(html, 1)) // 1024
    yield harness.compare(
        Comparison(
            f"newsletter of {size} KB, 20 sessions, STARTTLS and AUTH, 20 a connection",
            RATE,
            (Goal(RATE, 1.0, "postfix"),),
            remark="smtpeter tracks clicks, opens and bounces, guards against scam and inlines CSS; Postfix changes nothing. What the first message of a campaign costs more is in rewriting.",
        ),
        peers,
        load,
    )


def workers(harness: Harness) -> Iterator[Comparison]:
    """One process uses one processor; Postfix beside it uses all there are."""
    names = {1: "1 worker", 2: "2 workers", 4: "4 workers"}
    each = [
        servers.relaying(name, harness.place("workers"), harness.sink.port, server={"workers": count})
        for count, name in names.items()
    ]
    no_slower = tuple(Goal(RATE, 1.0, names[1], row=names[count]) for count in (2, 4))
    peers = [server for server in harness.servers.values() if server.name == "postfix"]
    with started(*each) as running:
        for size, times in ((2048, 3.0), (51_200, 2.0)):
            goals = (*no_slower, Goal(RATE, times, "postfix", row=names[2]))
            comparison = Comparison(f"{size // 1024} KB, 20 sessions, SQLite", RATE, goals, ours=names[1])
            yield harness.compare(comparison, [*running, *peers], Load(harness.contents(plain(size)), 20))


def floor(harness: Harness) -> Iterator[Comparison]:
    """How much of its time smtpeter spends on what it is for."""
    contents = harness.contents(plain(2048))
    ours = [server for server in harness.servers.values() if server.name == OURS]
    with started(servers.floor(harness.place("floor"), harness.sink.port)) as bare:
        for load, figure, sent in (
            ("2 KB, 20 sessions", RATE, Load(contents, 20)),
            ("2 KB, 20 sessions, STARTTLS and AUTH, 20 a connection", RATE, Load(contents, 20, 20, "plain")),
            ("2 KB, 20 sessions, STARTTLS and AUTH, 1 a connection", RATE, Load(contents, 20, 1, "plain")),
            ("2 KB, one session, STARTTLS and AUTH", "p50 ms", Load(contents, 1, login="plain")),
        ):
            yield harness.compare(Comparison(load, figure), [*ours, *bare], sent)


def stores(harness: Harness) -> Iterator[Comparison]:
    """PostgreSQL as Debian ships it, with fsync; its processes' CPU and memory are in the figures."""
    programs = installed()
    contents = harness.contents(plain(2048))
    as_shipped = {"fsync": "on", "full_page_writes": "on", "autovacuum": "on", "shared_buffers": "128MB"}
    postgresql = PostgreSQL(programs, as_shipped)
    try:
        postgresql.start()
        with postgresql.database() as name, started(
            servers.relaying("SQLite", harness.place("sqlite"), harness.sink.port),
            servers.relaying(
                "PostgreSQL",
                harness.place("postgresql"),
                harness.sink.port,
                beside=[postgresql.pid],
                store={"url": postgresql.url(name)},
            ),
        ) as running:  # fmt: skip
            comparison = Comparison("2 KB, 20 sessions", RATE, ours="SQLite")
            yield harness.compare(comparison, running, Load(contents, 20))
    finally:
        postgresql.stop()
