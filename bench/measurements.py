"""The table of measurements, in the order in which they are made; what comes last is left out first when time is short."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench import peers, servers
from bench.backlog import backlog, start_up
from bench.harness import Harness, Start
from bench.idle import idle
from bench.record import OURS, SINGLE, Comparison
from bench.relaying import campaign, end_to_end, floor, latency, stores, submission, workers
from bench.returned import returned
from bench.rewriting import rewriting
from bench.sends import sends
from bench.storm import storm
from bench.tracking import tracking


@dataclass(frozen=True, slots=True)
class Measurement:
    """`about`: one sentence for whoever reads the figures."""

    name: str
    measure: Callable[[Harness], Iterator[Comparison]]
    about: str
    is_short: bool = False  # few servers are started for it: it is part of the short form


SERVERS: dict[str, Start] = {
    OURS: servers.smtpeter,
    SINGLE: servers.single,
    "postfix": servers.postfix,
    "exim": peers.exim,
    "haraka": peers.haraka,
    "opensmtpd": peers.opensmtpd,
}

MEASUREMENTS = tuple(
    Measurement(*row)
    for row in (
        ("end to end", end_to_end, "From the client into the server's own queue and on to the sink, in clear, without logins, on connections that are kept.", True),
        ("submission", submission, "STARTTLS and AUTH PLAIN, with as many messages on a connection as said; all is relayed meanwhile.", True),
        ("campaign", campaign, "A newsletter personalised for each reader: smtpeter with all switches on, Postfix relaying it untouched.", True),
        ("latency", latency, "One client that sends one message after the other: from MAIL to the 250 behind the commit.", True),
        ("workers", workers, "smtpeter with one, two and four processes on the same listeners."),
        ("floor", floor, "smtpeter beside what is left of a relay in Twisted and SQLite when all is taken away that it is for (bench/floor.py)."),
        ("stores", stores, "smtpeter with SQLite and with a PostgreSQL of its own that syncs, whose processes are counted."),
        ("backlog", backlog, "What a message costs the store beside few and beside many queued deliveries, half of them to one dead site.", True),
        ("start-up", start_up, "From starting the process to the 250 of the first message."),
        ("rewriting", rewriting, "CPU of one document, at first sight and later in a campaign; the peers get decoded HTML, smtpeter whole messages.", True),
        ("tracking", tracking, "Clicks redirected, beside nginx that answers each request with the same 302 and remembers nothing.", True),
        ("returned mail", returned, "Reports about deliveries: taken, recognised, kept, settled, and passed on.", True),
        ("sends", sends, "POST /v1/send with a token, as fields and as a whole message."),
        ("storm", storm, "What others wait while one login sends more newsletters than the workers can inline."),
        ("idle sessions", idle, "Resident memory of a session that says nothing."),
    )
)  # fmt: skip
