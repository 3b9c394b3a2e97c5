"""The thread adapter: writes are grouped, answers come in the reactor's thread, and it ends in order."""

import threading

import pytest

from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.storage.group import Job
from smtpeter.storage.threads import Threads
from tests.storage.stores import Pump


class Slow(Threads):
    """`meanwhile` happens when its writer has found nothing to do, and goes on to something else."""

    meanwhile = None

    def _is_wanted(self, timeout):
        is_wanted = super()._is_wanted(timeout if self.meanwhile is None else 0.0)
        if self.meanwhile is not None and not is_wanted:
            happens, self.meanwhile = self.meanwhile, None
            happens()
        return is_wanted


class Bench:
    """A Threads over an empty database whose writes are functions of the test's."""

    def __init__(self, engine):
        self.pump = Pump()
        self.now = 0.0
        self.chores = []
        self.access = Slow(engine, self.pump, self._chore, 10.0, lambda: self.now)

    def _chore(self):
        return Job(lambda _c, batch: self.chores.extend(batch) or batch, self.now, RuntimeError)

    def write(self, function, argument=None, **options):
        """Ask for a write, and hand it to the writer."""
        asked = self.access.write(
            function, argument, lambda trouble: SpoolUnavailable(trouble.cause), **options
        )
        self.pump.pass_time()
        return asked


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


def test_what_nobody_waits_for_is_written_with_what_somebody_waits_for(bench):
    groups = []

    def note(_connection, batch):
        groups.append(list(batch))
        return batch

    unhurried = bench.access.write(note, "unhurried", RuntimeError, urgent=False)
    bench.pump.run(bench.write(note, "urgent"))
    bench.pump.run(unhurried)
    assert [["unhurried", "urgent"]] == groups


def test_what_nobody_waits_for_is_written_without_more_as_well(bench):
    assert "alone" == bench.pump.run(bench.write(lambda _c, batch: batch, "alone", urgent=False))


def test_what_has_not_been_handed_to_the_writer_yet_is_written_before_it_stops(bench):
    answers = [
        bench.access.write(lambda _c, batch: batch, hurry, RuntimeError, urgent=hurry)
        for hurry in (False, True)
    ]
    bench.pump.run(bench.access.stop())
    assert [False, True] == [bench.pump.run(answer) for answer in answers]


def test_what_comes_while_the_writer_looks_away_is_written_before_it_stops(bench):
    answers, happened = [], threading.Event()

    def last():
        answers.append(bench.access.write(lambda _c, batch: batch, "last", RuntimeError))
        answers.append(bench.access.stop())
        happened.set()

    bench.access.meanwhile = last
    bench.pump.run(bench.write(lambda _c, batch: batch))
    assert happened.wait(30)
    written, stopped = answers
    bench.pump.run(stopped)
    assert written.called
    assert "last" == bench.pump.run(written)


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
