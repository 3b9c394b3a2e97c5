"""SIGKILL at random moments under load: every acknowledged message is delivered, octet for octet.

What comes twice was on its way when its process was killed. `make loss` runs hundreds of rounds, or SMTPETER_LOSS_ROUNDS.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from tests.e2e.test_workers_serve_together import is_there
from tests.kit.daemon import Daemon
from tests.kit.load import Clients, content
from tests.kit.loopback import until
from tests.kit.postgresql import PostgreSQL
from tests.kit.sink import Sink

ROUNDS = int(os.environ.get("SMTPETER_LOSS_ROUNDS", "50"))
CLAIMS = re.compile(r"is process (\d+) and claims as (\d+)")
PER_ROUND = 5  # messages that are acknowledged between two kills, at least


class Kills:
    """Kills a server's processes, and remembers what they had in flight."""

    def __init__(self, server: Daemon, chance: random.Random) -> None:
        self.in_flight: Counter[str] = Counter()  # by recipient: at how many kills it was
        self._server = server
        self._chance = chance

    def one_worker(self) -> None:
        """A worker; its parent starts another one."""
        claims_as = dict(CLAIMS.findall(self._server.log()))
        workers = [pid for pid in self._server.workers() if str(pid) in claims_as]
        if not workers:
            return
        victim = self._chance.choice(workers)
        with contextlib.suppress(ProcessLookupError):
            os.kill(victim, signal.SIGSTOP)  # so that what it has in flight stays so while we look
            until(lambda: _state(victim) in {"T", "Z", ""}, 30)
            try:
                self._look(f"worker = {claims_as[str(victim)]}")
            except OperationalError as error:
                if "locked" not in str(error):
                    raise
                # Stopped while it had the store to itself, as when it opens it: nobody can look. Another time.
                os.kill(victim, signal.SIGCONT)
                return
            os.kill(victim, signal.SIGKILL)

    def everything(self) -> None:
        """The process that was started, with which its workers end; another server takes its place."""
        workers = self._server.workers()
        self._server.kill()
        until(lambda: not any(map(is_there, workers)), 60)
        self._look("true")
        self._server.start()

    def _look(self, whose: str) -> None:
        engine = create_engine(self._server.store, poolclass=NullPool)
        asked = text(f"SELECT recipient FROM deliveries WHERE state = 'claimed' AND {whose}")
        with engine.connect() as connection:
            self.in_flight.update(connection.execute(asked).scalars())


def _state(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return ""


def check(clients: Clients, sink: Sink, kills: Kills) -> None:
    """Delivered: all that was acknowledged, nothing that was not sent, and twice only what was in flight."""
    arrived: Counter[str] = Counter()
    for message in sink.messages:
        [recipient] = message.recipients
        arrived[recipient] += 1
        assert message.content.endswith(content(recipient)), recipient
    assert set(clients.acknowledged) <= set(arrived) <= set(clients.sent)
    too_often = {r: (n, kills.in_flight[r]) for r, n in arrived.items() if n - 1 > kills.in_flight[r]}
    assert too_often == {}


def run(server: Daemon, sink: Sink, rounds: int, kill: Callable[[Kills, int], None]) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    kills = Kills(server, chance)
    with server:
        with Clients(server.starttls, 4) as clients:
            for number in range(rounds):
                goal = len(clients.acknowledged) + PER_ROUND
                until(lambda goal=goal: len(clients.acknowledged) >= goal, 120, server.log)
                time.sleep(chance.uniform(0, 0.2))
                kill(kills, number)
            goal = len(clients.acknowledged) + PER_ROUND
            until(lambda: len(clients.acknowledged) >= goal, 120, server.log)
        server.wait_until_idle(120)
        check(clients, sink, kills)
        lost = [entry for entry in server.events() if entry["event"] not in {"attempt", "delivery"}]
        assert lost == []


def one_in_five(kills: Kills, number: int) -> None:
    """Now and then everything is killed, else a worker."""
    if number % 5 == 4:
        kills.everything()
    else:
        kills.one_worker()


@pytest.mark.row(137)
@pytest.mark.row(144)
@pytest.mark.fault(
    "SIGKILL at random moments: the server", "what got its 250 arrives, twice only what was on its way"
)
def test_nothing_is_lost_when_one_process_is_killed(staffed: Callable[..., Daemon]) -> None:
    with Sink() as sink:
        run(staffed(sink.port, workers=1), sink, ROUNDS // 5, lambda kills, _: kills.everything())


@pytest.mark.row(137)
@pytest.mark.row(144)
@pytest.mark.fault(
    "SIGKILL at random moments: any worker", "what got its 250 arrives, twice only what was on its way"
)
def test_nothing_is_lost_when_workers_are_killed(staffed: Callable[..., Daemon]) -> None:
    with Sink() as sink:
        run(staffed(sink.port), sink, ROUNDS // 2, one_in_five)


@pytest.mark.row(137)
@pytest.mark.row(144)
@pytest.mark.fault(
    "SIGKILL at random moments: any worker, on PostgreSQL",
    "what got its 250 arrives, twice only what was on its way",
)
def test_nothing_is_lost_when_workers_on_postgresql_are_killed(
    staffed: Callable[..., Daemon], postgresql: PostgreSQL
) -> None:
    with Sink() as sink, postgresql.database() as name:
        server = staffed(sink.port, store={"url": postgresql.url(name)})
        run(server, sink, ROUNDS - ROUNDS // 5 - ROUNDS // 2, one_in_five)
