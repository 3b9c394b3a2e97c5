"""What was acknowledged is on the disk: the order of system calls, a power cut at any point, several processes."""

import hashlib
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.spool.model import QueueFilter
from smtpeter.storage import migrations
from smtpeter.storage.engine import open_engine
from smtpeter.storage.store import open_for_command
from tests.kit.peers import program
from tests.storage.stores import URL, Machine, accepted, result, settlement

# Accepts, settles and reports, and says so after each answer, without a buffer between.
TELLER = """
import os, sys
from pathlib import Path
from smtpeter.journal.events import Click
from smtpeter.message.status import Result
from smtpeter.storage.store import open_for_server
from tests.storage.stores import URL, Machine, Pump, accepted, settlement

pump = Pump()
store = open_for_server(URL, Path(sys.argv[1]), pump, Machine().host)
for number in range(1, 6):
    (claim,) = pump.run(store.spool.accept(accepted(number, content=b"x" * 5000, claimed=True)))
    os.write(1, b"accepted\\n")
    pump.run(store.spool.settle([settlement(claim, Result.FAILED)], [accepted(100 + number)]))
    os.write(1, b"settled with a report\\n")
    pump.run(store.journal.append([Click(time=1.0, delivery=1, message=1)]))
    os.write(1, b"appended\\n")
pump.run(store.stop())
"""


@pytest.mark.row(135)
def test_before_each_answer_the_log_is_synced_and_so_is_its_directory(tmp_path):
    trace = tmp_path / "trace"
    calls = "trace=pwrite64,write,fdatasync,fsync"
    command = [program("strace", "strace"), "-f", "-y", "-qq", "-s", "40", "-e", calls, "-o", trace]
    subprocess.run(
        [*command, sys.executable, "-c", TELLER, str(tmp_path / "data")],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    told, written, directory_synced, syncing = [], False, False, set()
    for line in trace.read_text().splitlines():
        thread, _, call = line.partition(" ")
        call = call.strip()
        if call.startswith("pwrite64") and "smtpeter.db-wal>" in call:
            written = True
        elif re.match(r"(fdatasync|fsync)\(", call):
            directory_synced |= call.rstrip().endswith("data>) = 0") or "data>)  " in call
            if "smtpeter.db-wal>" in call:
                syncing.add(thread)
        elif call.startswith(("write(1<", "write(1,")):
            told.append((written, directory_synced))
        if thread in syncing and re.search(r"\)\s+= 0$", call) and "sync" in call:
            syncing.discard(thread)
            written = False
    assert [(False, True)] * 15 == told


# -- a power cut -------------------------------------------------------------------------------------------


def content(number):
    return hashlib.sha256(str(number).encode()).digest() * (20 * number)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """The database, its log, and after each answer: how long the log was then, and what had been answered."""
    directory = tmp_path_factory.mktemp("recorded")
    migrations.upgrade(open_engine(URL, directory))  # and closed: all is in the database itself
    shutil.copy(directory / "smtpeter.db", directory / "before.db")
    store = open_for_command(URL, directory, Machine().host)
    answered = []

    def note(*done):
        answered.append(((directory / "smtpeter.db-wal").stat().st_size, *done))

    for number in range(1, 6):
        claims = result(
            store.spool.accept(accepted(number, content=content(number), claimed=number % 2 == 0))
        )
        note("accepted", number)
        if number % 2 == 0:
            result(store.spool.settle([settlement(claim) for claim in claims]))
            note("settled", number)
    log = (directory / "smtpeter.db-wal").read_bytes()
    result(store.stop())
    return (directory / "before.db").read_bytes(), log, answered


FRAME = 24 + 8192  # octets of one page in the log, after its head of 32


def tails(log):
    """What a power cut may leave of the log: any part of it, ending within a page too, or in rubbish."""
    for end in range(32, len(log) + 1, FRAME):
        yield end, log[: end + 4000]
        yield end, log[:end] + b"\x00" * FRAME + log[end + FRAME :]


def surviving(directory, database, log):
    (directory / "cut.db").write_bytes(database)
    (directory / "cut.db-wal").write_bytes(log)
    (directory / "cut.db-shm").unlink(missing_ok=True)
    with closing(sqlite3.connect(directory / "cut.db")) as opened:
        contents = dict(opened.execute("SELECT message, content FROM contents"))
        states = dict(opened.execute("SELECT id, state FROM deliveries"))
        messages = [number for (number,) in opened.execute("SELECT id FROM messages")]
        kinds = opened.execute("SELECT delivery, kind FROM events").fetchall()
    return contents, states, messages, kinds


@pytest.mark.row(138)
def test_after_a_power_cut_at_any_point_all_that_was_answered_is_there_and_nothing_by_halves(
    recorded, tmp_path
):
    database, log, answered = recorded
    assert len(log) > 40 * FRAME
    for end, tail in tails(log):
        contents, states, messages, kinds = surviving(tmp_path, database, tail)
        for size, verb, number in answered:
            if size <= end:
                assert content(number) == contents[10 * number]
                assert verb == "accepted" or "delivered" == states[10 * number + 1]
        assert messages == list(contents)
        assert [10 * number + 1 for number in range(1, len(messages) + 1)] == list(states)
        told = [(delivery, "attempt") for delivery in states]
        told += [(delivery, "delivery") for delivery, state in states.items() if state == "delivered"]
        assert sorted(told) == sorted(kinds)


# -- a disk that is really full ----------------------------------------------------------------------------

FILLER = """
import resource, signal, sys
from pathlib import Path
from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.storage.store import open_for_command
from tests.storage.stores import URL, Machine, accepted, result

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then write(2) fails, as on a full disk
store = open_for_command(URL, Path(sys.argv[1]), Machine().host)
result(store.spool.accept(accepted(1)))
size = max(path.stat().st_size for path in Path(sys.argv[1]).iterdir())
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100_000, resource.RLIM_INFINITY))
refused = []
for number in range(2, 40):
    try:
        result(store.spool.accept(accepted(number, content=b"x" * 20_000)))
        print("accepted", number)
    except SpoolUnavailable:
        print("refused", number)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
result(store.spool.accept(accepted(50)))
print("accepted", 50)
"""


@pytest.mark.row(136)
def test_when_the_file_can_grow_no_more_it_is_refused_and_taken_when_it_can(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FILLER, str(tmp_path)], check=True, capture_output=True, text=True
    )
    said = [line.split() for line in done.stdout.splitlines()]
    taken = [int(number) for verb, number in said if verb == "accepted"]
    assert "refused" in {verb for verb, _ in said}
    assert 50 == taken[-1]
    store = open_for_command(URL, tmp_path, Machine().host)
    found = result(store.spool.deliveries(QueueFilter(), 100))
    assert [11, *(10 * number + 1 for number in taken)] == [delivery.id for delivery in found]
    result(store.stop())


# -- several processes -------------------------------------------------------------------------------------

WORKER = """
import sys
from pathlib import Path
from smtpeter.storage import workers
from smtpeter.storage.engine import FreeSpace, for_writing, open_engine
from smtpeter.storage.store import Store
from smtpeter.storage.threads import Inline
from tests.storage.stores import URL, Machine, accepted, result, settlement

directory, first, count, machine = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), Machine()
engine = open_engine(URL, directory)
with for_writing(engine).begin() as connection:
    number = workers.register(connection, 0.0)
store = Store(Inline(engine), machine.host, FreeSpace(directory, 0, machine.host.statvfs, machine.host.boot_clock), number)
sys.stdin.readline()
for number in range(first, first + count):
    result(store.spool.accept(accepted(number, content=b"x" * 2000)))
    for claim in result(store.spool.claim(2, 9e9)):
        assert () == result(store.spool.settle([settlement(claim)]))
        print(claim.delivery.id)
result(store.stop())
"""


@pytest.mark.row(141)
def test_several_processes_write_to_one_file_and_none_finds_it_locked(tmp_path):
    migrations.upgrade(open_engine(URL, tmp_path))
    command = [sys.executable, "-c", WORKER, str(tmp_path)]
    running = [
        subprocess.Popen(
            [*command, str(1000 * place), "25"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for place in range(1, 4)
    ]
    for process in running:
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=120)[0] for process in running]
    assert [0] * 3 == [process.returncode for process in running]
    settled = [int(line) for output in outputs for line in output.splitlines()]
    assert len(settled) == len(set(settled)), "nothing was claimed twice"
    store = open_for_command(URL, tmp_path, Machine().host)
    found = result(store.spool.deliveries(QueueFilter(states=None), 1000))
    waiting = {delivery.id for delivery in found if not delivery.state.is_final}
    assert 75 == len(found)
    assert {delivery.id for delivery in found} == waiting | set(settled)
    result(store.stop())


def test_a_writer_whose_turn_never_comes_is_refused_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr("smtpeter.storage.sqlite._TRIES", 3)
    store = open_for_command(URL, tmp_path, Machine().host)
    with closing(sqlite3.connect(tmp_path / "smtpeter.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(SpoolUnavailable, match="locked"):
            result(store.spool.accept(accepted(1)))
        other.execute("ROLLBACK")
    result(store.spool.accept(accepted(1)))
    result(store.stop())
