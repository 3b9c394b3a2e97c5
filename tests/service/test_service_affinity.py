"""Where a worker's two busiest threads run: together, where there is room."""

import os
import threading
import time

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

    def used(self):
        return self.own

    def put(self, thread, processors):
        if self.refuses is not None:
            raise self.refuses
        self.where[thread] = sorted(processors)


class Worker:
    """One that has started, and its machine; `seconds` go by with others at work here and there."""

    def __init__(self, number=3, machine=None):
        self.machine = machine or Machine()
        self.clock = Clock()
        self.affinity = Affinity(self.clock, number, self.machine)
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
    worker.second(own=0.5, others={0: 0.9, 1: 0.4})
    assert 2 == worker.seat
    worker.second(own=0.9, others={0: 1.0, 1: 0.4})
    assert 2 == worker.seat
    worker.second(own=0.9, others={0: 0.2})
    assert 0 == worker.seat


def test_it_does_not_move_for_little():
    worker = Worker()
    worker.second(own=0.9, others={0: 0.2})
    assert 0 == worker.seat


def test_who_has_nothing_to_do_is_at_home_whoever_else_is():
    worker = Worker()
    worker.second(own=0.5, others={0: 0.9})
    assert 1 == worker.seat
    worker.second(own=0.05, others={0: 1.0})
    assert 0 == worker.seat


def test_two_that_meet_part_though_the_kernel_has_moved_all_else_away_from_them():
    machine = Machine((0, 1))
    at_home, visitor = Worker(1, machine), Worker(2, machine)
    visitor.second(own=0.5, others={0: 0.9})
    assert 1 == visitor.seat
    # It has half of processor 1, the one at home there the other half, and what may move half of processor 0.
    machine.worked[1] += 0.5
    visitor.second(own=0.5, others={0: 0.5})
    assert 0 == visitor.seat
    at_home.affinity.stop()


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
    worker.machine.refuses = ProcessLookupError()
    worker.affinity.free(4711)


@pytest.mark.parametrize(
    "machine",
    [
        pytest.param(Machine((5,)), id="one processor"),
        pytest.param(Machine(()), id="no choice"),
        pytest.param(type("Dark", (Machine,), {"busy": lambda self: {}})(), id="nobody tells who is busy"),
    ],
)
def test_where_there_is_nothing_to_choose_it_does_nothing(machine):
    worker = Worker(1, machine)
    assert [] == worker.clock.getDelayedCalls()
    worker.affinity.free(4711)
    worker.affinity.stop()
    assert {} == machine.where


def test_a_kernel_that_refuses_is_told_once_and_asked_no_more():
    told = []
    globalLogPublisher.addObserver(told.append)
    worker = Worker()
    worker.machine.refuses = PermissionError(1, "Operation not permitted")
    try:
        worker.second()
    finally:
        globalLogPublisher.removeObserver(told.append)
    [event] = [event for event in told if event["log_namespace"].startswith("smtpeter")]
    assert "[Errno 1] Operation not permitted" == event["why"]
    assert [] == worker.clock.getDelayedCalls()


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
    allowed = machine.allowed()
    before, used = machine.busy(), machine.used()
    assert set(allowed) <= set(before)
    until = time.thread_time() + 0.2
    while time.thread_time() < until:
        pass
    assert machine.used() - used >= 0.2
    after = machine.busy()
    assert sum(after.values()) - sum(before.values()) >= 0.1
    mine = thread("mine")
    machine.put(mine, allowed[-1:])
    assert {allowed[-1]} == os.sched_getaffinity(mine)
    assert set(allowed) == os.sched_getaffinity(0)


def test_a_machine_that_hides_its_processors_tells_nothing(monkeypatch):
    monkeypatch.setattr("smtpeter.service.affinity._STAT", "/nowhere/stat")
    assert {} == Linux().busy()


def test_idle_and_waiting_time_is_not_work_and_stolen_time_is(monkeypatch, tmp_path):
    stat = tmp_path / "stat"
    stat.write_text(
        "cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 100 20 30 9999 888 4 5 41 0 0\ncpu12 0 0 0 7 7 0 0 0 0 0\nintr 5\n"
    )
    monkeypatch.setattr("smtpeter.service.affinity._STAT", stat)
    ticks = os.sysconf("SC_CLK_TCK")
    assert {0: 200 / ticks, 12: 0.0} == Linux().busy()
