"""Where a worker's two busiest threads run: together, where there is room."""

import os
import threading
import time
from functools import partial
from pathlib import Path
from random import Random

import pytest
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher

from smtpeter.service.affinity import Affinity, Linux
from smtpeter.storage.threads import WRITER

ALL = [0, 1, 2]


class Machine:
    """Processors whose work and threads a test knows."""

    def __init__(self, processors=(0, 1, 2)):
        self.processors = processors
        self.worked = dict.fromkeys(processors, 100.0)
        self.own = 7.0
        self.where = {}
        self.refuses = None

    def allowed(self):
        return self.processors

    def busy(self):
        return dict(self.worked)

    def used(self, thread):
        return self.own if thread == os.getpid() else 0.0

    def put(self, thread, processors):
        if self.refuses is not None:
            raise self.refuses
        self.where[thread] = sorted(processors)


class Worker:
    """One that has started, and its machine; seconds go by with others at work here and there."""

    def __init__(self, number=3, machine=None, coin=lambda: True):
        self.machine = machine or Machine()
        self.clock = Clock()
        self.affinity = Affinity(self.clock, number, self.machine, coin)
        self.affinity.start()

    def second(self, own=0.0, others=()):
        """`own`: of a processor's time, where it sits."""
        for processor, share in dict(others).items():
            self.machine.worked[processor] += share
        self.machine.own += own
        if own and self.machine.where:
            self.machine.worked[self.seat] += own
        self.clock.advance(1.0)

    @property
    def seat(self):
        [seat] = self.machine.where[os.getpid()]
        return seat


@pytest.fixture
def thread():
    """Starts threads by name, which end with the test."""
    end = threading.Event()
    started = []

    def start(name):
        started.append(threading.Thread(target=end.wait, name=name))
        started[-1].start()
        return started[-1].native_id

    yield start
    end.set()
    for one in started:
        one.join()


def test_the_reactor_and_the_writer_sit_together_and_nobody_else(thread):
    writer, other = thread(WRITER), thread("smtpeter-reader-0")
    worker = Worker()
    assert {} == worker.machine.where  # it has not yet seen who is busy
    worker.second()
    assert [0] == worker.machine.where[os.getpid()] == worker.machine.where[writer]
    assert ALL == worker.machine.where[other]


@pytest.mark.parametrize(("number", "seat"), [(1, 1), (2, 2), (3, 0), (4, 1)])
def test_each_worker_has_a_place_of_its_own_as_far_as_there_are(number, seat):
    worker = Worker(number)
    worker.second()
    assert seat == worker.seat


def test_what_it_does_itself_does_not_drive_it_away():
    worker = Worker()
    worker.second()
    for _ in range(3):
        worker.second(own=0.95)
        assert 0 == worker.seat


def test_it_goes_where_there_is_room_and_comes_back_when_others_have_gone():
    worker = Worker()
    worker.second()
    worker.second(own=0.5, others={0: 0.5, 1: 0.2})
    assert 2 == worker.seat
    worker.second(own=0.9, others={0: 1.0, 1: 0.2})
    assert 2 == worker.seat
    worker.second(own=0.9, others={0: 0.2})
    assert 0 == worker.seat


def test_it_does_not_move_for_little():
    worker = Worker()
    worker.second()
    worker.second(own=0.7, others={0: 0.2})
    assert 0 == worker.seat
    worker.second(own=0.5, others={0: 0.5, 1: 0.1})
    assert 2 == worker.seat
    worker.second(own=0.5, others={0: 0.9, 2: 0.2})  # processor 1 is a little better now
    assert 2 == worker.seat


def test_who_has_nothing_to_do_is_at_home_whoever_else_is():
    worker = Worker()
    worker.second()
    worker.second(own=0.5, others={0: 0.9})
    assert 1 == worker.seat
    worker.second(own=0.05, others={0: 1.0})
    assert 0 == worker.seat


def test_two_that_meet_part_though_the_kernel_has_moved_all_else_away_from_them():
    visitor = Worker(2, Machine((0, 1)))
    visitor.second()
    visitor.second(own=0.5, others={0: 0.5})
    assert 1 == visitor.seat
    # It has half of processor 1, who is at home there the other half, and what may move half of processor 0.
    visitor.second(own=0.5, others={0: 0.5, 1: 0.5})
    assert 0 == visitor.seat


def test_two_at_home_on_the_same_processor_do_not_chase_each_other():
    chance = Random(1)
    both = [Worker(1, Machine((0, 1)), partial(chance.getrandbits, 1)) for _ in range(2)]
    both[1].machine.worked = both[0].machine.worked
    for worker in both:
        worker.second()
    met = 0
    for _ in range(200):
        meet = both[0].seat == both[1].seat
        met += meet
        for worker in both:
            worker.machine.own += (share := 0.5 if meet else 0.9)
            worker.machine.worked[worker.seat] += share
        for worker in both:
            worker.clock.advance(1.0)
    assert met < 20


def test_what_starts_later_where_it_sits_is_let_go(thread):
    worker = Worker()
    worker.second()
    late = thread("smtpeter-hash")
    assert late not in worker.machine.where
    worker.second()
    assert ALL == worker.machine.where[late]
    worker.affinity.free(4711)
    assert ALL == sorted(worker.machine.where[4711])


def test_a_process_that_was_started_before_is_left_alone_and_one_that_has_ended_is_no_trouble():
    worker = Worker()
    worker.affinity.free(4711)
    assert {} == worker.machine.where
    worker.second()
    worker.affinity.free(None)  # what Twisted says of one that has ended at once
    assert None not in worker.machine.where
    worker.machine.refuses = ProcessLookupError()
    worker.affinity.free(4711)


@pytest.mark.parametrize(
    "machine",
    [
        pytest.param(Machine((5,)), id="one processor"),
        pytest.param(Machine(()), id="no choice"),
        pytest.param(type("Dark", (Machine,), {"busy": lambda self: {}})(), id="nobody tells who is busy"),
        pytest.param(type("Dim", (Machine,), {"busy": lambda self: {0: 1.0}})(), id="nor of all"),
    ],
)
def test_where_there_is_nothing_to_choose_it_does_nothing(machine):
    worker = Worker(1, machine)
    assert [] == worker.clock.getDelayedCalls()
    worker.affinity.free(4711)
    worker.affinity.stop()
    assert {} == machine.where


@pytest.fixture
def told():
    """What the server logs."""
    events = []
    globalLogPublisher.addObserver(events.append)
    yield events
    globalLogPublisher.removeObserver(events.append)


def test_a_kernel_that_refuses_is_told_once_and_asked_no_more(told):
    worker = Worker()
    worker.machine.refuses = PermissionError(1, "Operation not permitted")
    worker.second()
    [event] = [event for event in told if event["log_namespace"].startswith("smtpeter")]
    assert "[Errno 1] Operation not permitted" == event["why"]
    assert [] == worker.clock.getDelayedCalls()
    worker.affinity.free(4711)


def test_when_its_processor_is_taken_away_all_run_anywhere(told, thread):
    class Shrunk(Machine):
        def put(self, thread, processors):
            if list(processors) == [1]:
                raise OSError(22, "Invalid argument")
            super().put(thread, processors)

    writer = thread(WRITER)
    worker = Worker(3, Shrunk())
    worker.second()
    assert [0] == worker.machine.where[writer]
    worker.second(own=0.5, others={0: 0.9})
    assert ALL == worker.machine.where[os.getpid()] == worker.machine.where[writer]
    assert [] == worker.clock.getDelayedCalls()


def test_it_decides_nothing_by_half_a_look():
    worker = Worker()
    worker.second()
    del worker.machine.worked[1]
    worker.second(own=0.5, others={0: 0.9})
    assert 0 == worker.seat
    worker.machine.worked[1] = 0.0  # since when, nobody knows
    worker.second(own=0.5, others={0: 0.9})
    assert 0 == worker.seat
    worker.second(own=0.5, others={0: 0.9})
    assert 1 == worker.seat


def test_it_decides_nothing_by_a_moment():
    worker = Worker()
    worker.second()
    worker.clock.advance(1.9)  # the reactor was busy
    worker.machine.own += 0.05
    worker.machine.worked[0] += 0.1
    worker.clock.advance(0.1)
    assert 0 == worker.seat


def test_each_thread_is_put_once_and_again_when_it_moves():
    class Counting(Machine):
        puts = 0

        def put(self, thread, processors):
            super().put(thread, processors)
            self.puts += thread == os.getpid()

    worker = Worker(3, Counting())
    worker.second()
    worker.second()
    assert 1 == worker.machine.puts
    worker.second(own=0.5, others={0: 0.9, 1: 0.9})
    assert 2 == worker.machine.puts


def test_it_stops():
    worker = Worker()
    worker.affinity.stop()
    worker.affinity.stop()
    assert [] == worker.clock.getDelayedCalls()


def test_this_machine_tells_and_does_what_is_asked_of_it(thread):
    machine = Linux()
    allowed, me = machine.allowed(), threading.get_native_id()
    before, used = machine.busy(), machine.used(me)
    assert set(allowed) <= set(before)
    until = time.thread_time() + 0.2
    while time.thread_time() < until:
        pass
    assert machine.used(me) - used >= 0.15
    after = machine.busy()
    assert sum(after.values()) - sum(before.values()) >= 0.1
    mine = thread("mine")
    machine.put(mine, allowed[-1:])
    assert {allowed[-1]} == os.sched_getaffinity(mine)
    assert set(allowed) == os.sched_getaffinity(0)


def test_a_machine_that_hides_its_processors_tells_nothing(monkeypatch):
    monkeypatch.setattr("smtpeter.service.affinity._STAT", Path("/nowhere/stat"))
    assert {} == Linux().busy()


@pytest.mark.parametrize("text", ["cpu0 1 2 3\n", "cpux 1 2 3 4 5 6 7 8\n", "cpu0 1 2 3 4 5 6 x 8\n"])
def test_what_is_told_otherwise_than_expected_is_not_told(monkeypatch, tmp_path, text):
    stat = tmp_path / "stat"
    stat.write_text(text)
    monkeypatch.setattr("smtpeter.service.affinity._STAT", stat)
    assert {} == Linux().busy()


def test_idle_and_waiting_and_stolen_time_is_not_work(monkeypatch, tmp_path):
    stat = tmp_path / "stat"
    stat.write_text(
        "cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 100 20 30 9999 888 4 5 41 0 0\ncpu12 0 0 0 7 7 0 0 0 0 0\nintr 5\n"
    )
    monkeypatch.setattr("smtpeter.service.affinity._STAT", stat)
    assert {0: 1.59, 12: 0.0} == Linux().busy()
