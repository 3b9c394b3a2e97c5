"""What was acknowledged is there after kill -9, whole."""

import hashlib
import signal
import subprocess
import sys

import pytest

from smtpeter.journal.interface import Query
from smtpeter.spool.model import QueueFilter
from smtpeter.spool.states import State
from smtpeter.storage.store import open_for_server
from tests.storage.stores import URL, Machine, Pump

# Accepts and settles with some dozens waiting at a time, and says so only after each answer.
ACCEPTER = """
import hashlib, itertools, sys
from pathlib import Path
from twisted.internet.defer import Deferred
from smtpeter.message.status import Result
from smtpeter.storage.store import open_for_server
from tests.storage.stores import URL, Machine, Pump, accepted, settlement

pump = Pump()
store = open_for_server(URL, Path(sys.argv[1]), pump, Machine().host)
numbers = itertools.count(int(sys.argv[2]))

async def accept():
    while True:
        number = next(numbers)
        content = hashlib.sha256(str(number).encode()).digest() * (number % 200)
        claims = await store.spool.accept(accepted(number, content=content, claimed=number % 2 == 0))
        sys.stdout.write(f"accepted {number}\\n")
        for claim in claims:
            await store.spool.settle([settlement(claim)])
            sys.stdout.write(f"settled {number}\\n")
        sys.stdout.flush()

running = [Deferred.fromCoroutine(accept()) for _ in range(30)]
pump.run(Deferred())
"""


def kill_while_accepting(directory, first, after):
    """Let it accept until `after` lines are read, kill it, and give what it had said by then."""
    command = [sys.executable, "-c", ACCEPTER, str(directory), str(first)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        lines = [process.stdout.readline() for _ in range(after)]
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read()
    assert -signal.SIGKILL == process.returncode
    complete = (("".join(lines)) + rest).rpartition("\n")[0]
    said = [line.split() for line in complete.splitlines()]
    return {word: [int(number) for verb, number in said if verb == word] for word in ("accepted", "settled")}


def rounds(directory, count):
    told = {"accepted": [], "settled": []}
    for number in range(count):
        said = kill_while_accepting(directory, 1 + number * 1_000_000, 150 + 37 * number)
        for word, numbers in said.items():
            told[word] += numbers
    return told


def check(directory, told):
    pump = Pump()
    store = open_for_server(URL, directory, pump, Machine().host)
    for number in told["accepted"]:
        content = hashlib.sha256(str(number).encode()).digest() * (number % 200)
        assert content == pump.run(store.spool.message(10 * number)).content
        kinds = [e.event.kind for e in pump.run(store.journal.since(0, Query(delivery=10 * number + 1), 9))]
        state = pump.run(store.spool.delivery(10 * number + 1)).state
        # Nothing is left in flight, and state and events tell the same story.
        assert (State.DUE, ["attempt"]) == (state, kinds) or (
            (State.DELIVERED, ["attempt", "delivery"]) == (state, kinds)
        )
        if number in told["settled"]:
            assert State.DELIVERED is state
    everything = pump.run(store.spool.deliveries(QueueFilter(states=None), 1_000_000))
    assert len(told["accepted"]) <= len(everything)
    pump.run(store.stop())


@pytest.mark.row(137)
def test_what_was_acknowledged_survives_sigkill(tmp_path):
    told = rounds(tmp_path, 2)
    assert told["settled"]
    check(tmp_path, told)


@pytest.mark.stress
@pytest.mark.row(137)
def test_what_was_acknowledged_survives_many_sigkills(tmp_path):
    check(tmp_path, rounds(tmp_path, 50))
