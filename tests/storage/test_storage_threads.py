"""The thread adapter: writes are grouped, answers come in the reactor's thread, and it ends in order."""

import threading

import pytest

from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.storage import threads
from smtpeter.storage.group import Job
from smtpeter.storage.threads import Threads
from tests.storage.stores import Pump


class Bench:
    """A Threads over an empty database whose writes are functions of the test's."""

    def __init__(self, engine):
        self.pump = Pump()
        self.now = 0.0
        self.chores = []
        self.access = Threads(engine, self.pump, self._chore, 10.0, lambda: self.now)

    def _chore(self):
        return Job(lambda _c, batch: self.chores.extend(batch) or batch, self.now, RuntimeError)

    def write(self, function, argument=None):
        return self.access.write(function, argument, lambda trouble: SpoolUnavailable(trouble.cause))


@pytest.fixture
def bench(stored):
    made = Bench(stored.engine)
    yield made
    made.pump.run(made.access.stop())


class Gate:
    """A write that holds the writer until it is opened, and tells when it has been reached."""

    def __init__(self):
        self.reached = threading.Event()
        self.opened = threading.Event()

    def __call__(self, _connection, batch):
        self.reached.set()
        assert self.opened.wait(30)
        return batch


def test_what_waits_while_a_commit_runs_shares_the_next_one(bench):
    groups = []

    def note(_connection, batch):
        groups.append(list(batch))
        return [(number, threading.current_thread().name) for number in batch]

    gate = Gate()
    first = bench.write(gate)
    assert gate.reached.wait(30)
    rest = [bench.write(note, number) for number in range(10)]
    gate.opened.set()

    answers = [bench.pump.run(deferred) for deferred in rest]

    bench.pump.run(first)
    assert [list(range(10))] == groups
    assert [(number, "smtpeter-writer") for number in range(10)] == answers


def test_answers_come_in_the_reactors_thread(bench):
    threads = []
    deferred = bench.write(lambda _c, batch: batch)
    deferred.addCallback(lambda _: threads.append(threading.current_thread()))
    bench.pump.run(deferred)
    assert [threading.current_thread()] == threads


def test_reads_do_not_wait_for_the_writer(bench):
    gate = Gate()
    writing = bench.write(gate)
    assert gate.reached.wait(30)
    name = bench.pump.run(
        bench.access.read(lambda _connection: threading.current_thread().name, refuse=RuntimeError)
    )
    assert name.startswith("smtpeter-reader-")
    gate.opened.set()
    bench.pump.run(writing)


def test_stopping_lets_what_came_before_be_written_and_refuses_the_rest(bench):
    gate = Gate()
    first = bench.write(gate)
    second = bench.write(lambda _c, batch: batch, "second")
    stopped = bench.access.stop()

    late = bench.write(lambda _c, batch: batch)
    with pytest.raises(SpoolUnavailable, match="closed"):
        bench.pump.run(late)
    with pytest.raises(SpoolUnavailable, match="closed"):
        bench.pump.run(bench.access.read(int, refuse=lambda trouble: SpoolUnavailable(trouble.cause)))
    assert not stopped.called

    gate.opened.set()
    bench.pump.run(stopped)
    assert first.called
    assert "second" == bench.pump.run(second)
    for thread in bench.access._threads:
        thread.join(30)
    assert [False] * 3 == [thread.is_alive() for thread in bench.access._threads]


def test_who_no_longer_waits_disturbs_nobody(bench, expected_failures):
    gate = Gate()
    cancelled = bench.write(gate)
    assert gate.reached.wait(30)
    cancelled.addErrback(lambda failure: None)
    cancelled.cancel()
    other = bench.write(lambda _c, batch: batch, "other")
    gate.opened.set()
    assert "other" == bench.pump.run(other)


def test_the_chore_is_done_in_its_time_however_busy_the_writer_is(bench):
    done = bench.chores
    gate = Gate()
    first = bench.write(gate)
    assert gate.reached.wait(30)
    waiting = bench.write(lambda _c, batch: done.append("write") or batch)
    bench.now = 10.0
    gate.opened.set()

    bench.pump.run(first)
    bench.pump.run(waiting)
    bench.pump.run(bench.write(lambda _c, batch: done.append("write") or batch))

    assert [10.0, "write", "write"] == done


@pytest.fixture
def pauses(monkeypatch):
    """Calls, each with a function, that happen when the writer pauses; what is left is not called."""
    to_come, paused = [], []

    def sleep(seconds):
        paused.append(seconds)
        if to_come:
            to_come.pop(0)()

    monkeypatch.setattr(threads.time, "sleep", sleep)
    return to_come, paused


def write_together(bench, count):
    """Writes of which the writer finds all at once."""
    gate = Gate()
    first = bench.write(gate)
    assert gate.reached.wait(30)
    rest = [bench.write(lambda _c, batch: batch, number) for number in range(count)]
    gate.opened.set()
    for deferred in [first, *rest]:
        bench.pump.run(deferred)


def test_when_several_came_together_those_who_are_about_to_come_share_the_commit(bench, pauses):
    to_come, _ = pauses
    write_together(bench, 3)
    groups, late = [], []

    def note(_connection, batch):
        groups.append(list(batch))
        return batch

    to_come.extend([lambda: late.append(bench.write(note, 2)), lambda: late.append(bench.write(note, 3))])
    bench.pump.run(bench.write(note, 1))
    for deferred in late:
        bench.pump.run(deferred)
    assert [[1, 2, 3]] == groups


def test_who_comes_alone_never_waits(bench, pauses):
    _, paused = pauses
    write_together(bench, 3)
    bench.pump.run(bench.write(lambda _c, batch: batch))  # the others might have come, but do not
    del paused[:]
    for _ in range(3):
        bench.pump.run(bench.write(lambda _c, batch: batch))
    assert [] == paused


def test_the_writer_waits_no_longer_than_some_milliseconds_however_many_come(bench, pauses):
    to_come, paused = pauses
    write_together(bench, 3)
    del paused[:]
    late = []
    to_come.extend([lambda: late.append(bench.write(lambda _c, batch: batch))] * 7)
    bench.pump.run(bench.write(lambda _c, batch: batch))
    assert 8 == len(paused)
    assert sum(paused) <= 0.01
    for deferred in late:
        bench.pump.run(deferred)
