"""The pool: who gets which job, and what becomes of a message whose worker dies."""

import os
import signal
import time
from types import SimpleNamespace

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from smtpeter.message.edit import Edit, Literal, Report, Span, Template
from smtpeter.message.options import Switches
from smtpeter.rewrite.job import Done, Failed, decode_job, frame
from smtpeter.rewrite.pool import Pool, PoolStopped, RewritersFailed, cpu_seconds

CSS = Switches(inline_css=True, track_clicks=True)
LIGHT = Switches(track_clicks=True)
HEADER = (Edit(0, 0, (Literal(b"Received: x\r\n"),)),)
DONE = Done(Template((Literal(b"done"),)), Report(notes=("a note",)))
OVERRUN = signal.SIGPROF


class Child:
    """What a spawned process is to its protocol; tests answer for it, and let it end."""

    def __init__(self, number, protocol):
        self.pid = number
        self.protocol = protocol
        self.jobs = []
        self.is_closed = self.is_dead = False
        self.killed = False
        protocol.makeConnection(self)

    def writeToChild(self, descriptor, data):
        assert 0 == descriptor
        if self.is_closed:
            raise KeyError(descriptor)
        self.jobs.append(decode_job(data[4:]))

    def closeStdin(self):
        self.is_closed = True

    def signalProcess(self, name):
        assert "KILL" == name
        if self.is_dead:
            raise ProcessExitedAlready
        self.killed = True
        self.end(signal.SIGKILL)

    def answer(self, answer=DONE):
        data = frame(answer)
        self.protocol.outReceived(data[:3])
        self.protocol.outReceived(data[3:])

    def end(self, number=None):
        self.is_dead = self.is_closed = True
        ended = ProcessTerminated(signal=number) if number else ProcessDone(0)
        self.protocol.processEnded(Failure(ended))


@pytest.fixture
def scene():
    clock, children, used = Clock(), [], {}

    def spawn(protocol):
        if scene.refuses:
            raise OSError(12, "Cannot allocate memory")
        children.append(Child(len(children) + 1, protocol))

    def pool(workers=1):
        return Pool(clock, spawn, lambda pid: used.get(pid, 0.0), workers, 5.0)

    scene = SimpleNamespace(clock=clock, children=children, used=used, pool=pool, refuses=False)
    yield scene
    assert [] == clock.getDelayedCalls()


def prepare(pool, original=b"m", switches=CSS, edits=HEADER, login="news"):
    """A list that gets the result, or what went wrong."""
    results = []
    Deferred.fromCoroutine(pool.prepare(login, original, switches, edits)).addBoth(results.append)
    return results


def test_a_job_starts_a_worker_and_gets_its_answer(scene):
    pool = scene.pool()
    assert [] == scene.children

    results = prepare(pool)
    (job,) = scene.children[0].jobs
    assert (b"m", CSS, HEADER) == (job.original, job.switches, job.header_edits)
    assert [] == results
    scene.children[0].answer()

    assert [(DONE.template, DONE.report)] == results


def test_a_worker_has_one_job_at_a_time(scene):
    pool = scene.pool()
    first, second = prepare(pool, b"1"), prepare(pool, b"2")
    (child,) = scene.children

    assert [b"1"] == [job.original for job in child.jobs]
    child.answer()
    assert [b"1", b"2"] == [job.original for job in child.jobs]
    assert (1, 0) == (len(first), len(second))
    child.answer()
    assert 1 == len(second)


@pytest.mark.row(145)
def test_a_worker_that_dies_is_replaced_and_its_job_tried_once_more(scene):
    results = prepare(scene.pool())
    scene.children[0].end(signal.SIGSEGV)

    assert CSS == scene.children[1].jobs[0].switches
    scene.children[1].answer()
    assert [(DONE.template, DONE.report)] == results


@pytest.mark.row(145)
def test_when_it_dies_again_the_message_goes_without_css(scene):
    results = prepare(scene.pool())
    scene.children[0].end(signal.SIGSEGV)
    scene.children[1].end(signal.SIGKILL)

    assert LIGHT == scene.children[2].jobs[0].switches
    scene.children[2].answer()
    notes = ("a note", "inline css: its worker process ended with signal 9")
    assert [(DONE.template, Report(notes=notes))] == results


@pytest.mark.row(82, 145)
def test_a_job_that_takes_too_much_cpu_time_is_not_tried_again(scene):
    results = prepare(scene.pool())
    scene.children[0].end(OVERRUN)

    assert LIGHT == scene.children[1].jobs[0].switches
    scene.children[1].answer()
    assert ("a note", "inline css: took more than 5 s of CPU") == results[0][1].notes


@pytest.mark.row(145)
@pytest.mark.parametrize("switches", [CSS, LIGHT])
def test_when_nothing_helps_the_message_goes_as_it_came(scene, switches):
    results = prepare(scene.pool(), b"From: x\r\n", switches)
    while not results:
        scene.children[-1].end()

    assert (4 if switches.inline_css else 2) == len(scene.children)
    template = Template((Literal(b"Received: x\r\n"), Span(0, 9)))
    assert [
        (template, Report(notes=("nothing was rewritten: its worker process ended with status 0",)))
    ] == results


def test_logins_take_turns(scene):
    pool = scene.pool()
    for name in (b"1", b"2", b"3"):
        prepare(pool, name, login="much")
    prepare(pool, b"other", login="little")
    for _ in range(4):
        scene.children[0].answer()

    assert [b"1", b"2", b"other", b"3"] == [job.original for job in scene.children[0].jobs]


@pytest.mark.row(145)
def test_other_jobs_are_not_harmed(scene):
    pool = scene.pool()
    bad, good = prepare(pool, b"bad"), prepare(pool, b"good")
    scene.children[0].end(OVERRUN)

    assert [b"good"] == [job.original for job in scene.children[1].jobs]
    scene.children[1].answer()
    assert 1 == len(good)
    scene.children[1].answer()
    assert 1 == len(bad)


@pytest.mark.row(145)
def test_a_worker_that_uses_no_cpu_time_is_stuck(scene):
    results = prepare(scene.pool())
    for second in range(1, 4):
        scene.used[1] = second
        scene.clock.advance(60)
    assert not scene.children[0].killed

    scene.clock.advance(60)

    assert scene.children[0].killed
    scene.children[1].answer()
    assert [(DONE.template, DONE.report)] == results


def test_waiting_costs_nothing(scene):
    pool = scene.pool()
    results = [prepare(pool) for _ in range(3)]
    for second in range(1, 200):
        scene.used[1] = second
        scene.clock.advance(50)
    for _ in results:
        scene.children[0].answer()

    assert [[(DONE.template, DONE.report)]] * 3 == results
    assert 1 == len(scene.children)


def test_an_idle_worker_that_dies_is_replaced_when_it_is_needed(scene):
    pool = scene.pool()
    prepare(pool)
    scene.children[0].answer()
    scene.children[0].end(signal.SIGKILL)
    assert 1 == len(scene.children)

    results = prepare(pool)
    scene.children[1].answer()
    assert 1 == len(results)


def test_a_worker_may_have_closed_its_input_before_its_end_is_told(scene):
    pool = scene.pool()
    prepare(pool)
    scene.children[0].answer()
    scene.children[0].closeStdin()

    results = prepare(pool)
    scene.children[0].end(signal.SIGKILL)
    scene.children[1].answer()
    assert [(DONE.template, DONE.report)] == results


@pytest.mark.row(145)
def test_when_no_process_can_be_started_the_message_goes_as_it_came(scene):
    scene.refuses = True
    results = prepare(scene.pool())
    for _ in range(4):
        scene.clock.advance(0)

    assert "Cannot allocate memory" in results[0][1].notes[0]


def test_an_answer_that_says_failed_is_an_exception(scene):
    results = prepare(scene.pool())
    scene.children[0].answer(Failed("ValueError: x"))

    assert isinstance(results[0].value, RewritersFailed)
    assert "ValueError: x" == str(results[0].value)


def test_a_campaign_keeps_to_its_worker(scene):
    pool = scene.pool(3)
    for number in range(30):
        prepare(pool, b"To: %d\r\n\r\n<style>p{top:0}</style>%d" % (number, number))
        scene.children[-1].answer()
    assert 1 == len(scene.children)

    for number in range(30):
        prepare(pool, b"<style>p{top:%d}</style>" % number)
        for child in scene.children:
            if child.protocol._waiting:
                child.answer()
    assert 3 == len(scene.children)


def test_a_campaign_spills_to_idle_workers(scene):
    pool = scene.pool(2)
    results = [prepare(pool) for _ in range(10)]

    assert 2 == len(scene.children)
    assert [1, 1] == [len(child.jobs) for child in scene.children]
    for _ in range(5):
        for child in scene.children:
            if child.protocol._waiting:
                child.answer()
    for child in scene.children:
        while child.protocol._waiting:
            child.answer()
    assert all(results)


def test_it_stops_when_its_workers_have_ended(scene):
    pool = scene.pool(2)
    stopped = []
    results, *_ = [prepare(pool) for _ in range(4)]
    for child in scene.children:
        while child.protocol._waiting:
            child.answer()
    pool.stop().addCallback(stopped.append)
    assert [True, True] == [child.is_closed for child in scene.children]

    scene.children[0].end()
    assert [] == stopped
    scene.clock.advance(6)

    assert scene.children[1].killed
    assert 1 == len(stopped)
    assert 1 == len(results)


def test_what_waits_when_it_stops_fails_and_may_be_done_by_another(scene):
    pool = scene.pool()
    under_way, waiting = prepare(pool), prepare(pool)
    pool.stop()
    late = prepare(pool)
    assert [True, True] == [results[0].check(PoolStopped) is PoolStopped for results in (waiting, late)]
    scene.children[0].answer()
    scene.children[0].end()
    assert [(DONE.template, DONE.report)] == under_way
    assert 1 == len(scene.children)


def test_a_worker_that_dies_when_it_stops_is_not_started_anew(scene):
    pool = scene.pool()
    under_way = prepare(pool)
    pool.stop()
    scene.children[0].end(signal.SIGKILL)
    assert PoolStopped is under_way[0].check(PoolStopped)
    assert 1 == len(scene.children)


def test_without_workers_it_stops_at_once(scene):
    stopped = []
    scene.pool().stop().addCallback(stopped.append)

    assert 1 == len(stopped)


def test_what_a_worker_prints_is_logged(scene):
    prepare(scene.pool())
    scene.children[0].protocol.errReceived(b"a line\n" * 1_000)
    scene.children[0].answer()


def test_cpu_seconds_are_those_of_the_process():
    before = cpu_seconds(os.getpid())
    while time.process_time() < before + 0.2:
        pass
    assert 0.1 <= cpu_seconds(os.getpid()) - before <= 5
    assert 0.0 == cpu_seconds(2**22 + 1)
