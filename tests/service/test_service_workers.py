"""The parent's side of workers: orders, restarts, what is logged, and the end in order."""

import signal
from pathlib import Path

import msgspec
import pytest
from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.task import Clock
from twisted.logger import LogLevel, globalLogPublisher
from twisted.python.failure import Failure

from smtpeter.config import Settings, read
from smtpeter.service.api import largest_request
from smtpeter.service.worker import Listener, Orders, Told
from smtpeter.service.workers import Worker, share

DOCUMENT = {
    "server": {"hostname": "mail.example.com", "data_directory": "data", "workers": 3},
    "tls": {"certificate": ["a.pem", "b.pem"], "private_key": ["a.key", "b.key"]},
    "submission": {"starttls": ["tcp:587"], "trusted_networks": {"192.0.2.0/24": "joe"}},
    "relay": {
        "mode": "smarthost",
        "smarthost": "mx.example.net:25",
        "smarthost_tls": "verified",
        "retry": ["5m", "1h"],
    },
    "tracking": {"click_url": "https://click.example.com", "listen": ["tcp:8080"]},
}


def settings(**server):
    return read(DOCUMENT | {"server": DOCUMENT["server"] | server}, Path("/etc/smtpeter"))


class Transport:
    """A process as its parent sees it."""

    pid = 4711

    def __init__(self):
        self.orders = b""
        self.signals = []
        self.has_ended = False

    def write(self, data):
        self.orders += data

    def signalProcess(self, name):
        if self.has_ended:
            raise ProcessExitedAlready
        self.signals.append(name)


class Staff:
    """One worker's place, with processes that a test ends."""

    def __init__(self):
        self.clock = Clock()
        self.processes = []
        self.refusals = []
        self.gone = []
        self.worker = Worker(2, self.orders, self.spawn, self.gone.append, self.clock)

    def passes(self, seconds):
        """Time, in steps as short as the parent's own."""
        self.clock.pump([5.0] * round(seconds / 5))

    def orders(self, number, predecessor):
        return Orders(number, settings(), (Listener("tcp:587", 5, 2),), 4, predecessor)

    def spawn(self, process):
        if self.refusals:
            raise self.refusals.pop()
        self.processes.append(process)
        process.makeConnection(Transport())

    @property
    def process(self):
        return self.processes[-1]

    def says(self, *told):
        self.process.childDataReceived(1, b"".join(msgspec.json.encode(line) + b"\n" for line in told))

    def ends(self, signal=None):
        self.process.transport.has_ended = True
        reason = ProcessDone(None) if signal is None else ProcessTerminated(None, signal, None)
        self.process.processEnded(Failure(reason))


@pytest.fixture
def staff():
    return Staff()


@pytest.fixture
def logged():
    seen = []

    def observe(event):
        if event.get("log_namespace") == "smtpeter.service.workers.Worker":
            seen.append((event["log_level"], event["log_format"].format(**event)))

    globalLogPublisher.addObserver(observe)
    yield seen
    globalLogPublisher.removeObserver(observe)


# -- what a worker is told -----------------------------------------------------------------------------------


def test_orders_arrive_as_they_were_given(staff):
    staff.worker.start()
    line = staff.process.transport.orders
    assert line.endswith(b"\n")
    assert staff.orders(2, None) == msgspec.json.decode(line, type=Orders)


def test_other_settings_follow_the_orders_while_there_is_a_process(staff):
    staff.worker.change(settings())
    staff.worker.start()
    changed = settings(workers=5)
    staff.worker.change(changed)
    _, line, rest = staff.process.transport.orders.split(b"\n")
    assert (changed, b"") == (msgspec.json.decode(line, type=Settings), rest)
    process = staff.process
    staff.ends(signal.SIGKILL)
    staff.worker.change(changed)
    assert 2 == process.transport.orders.count(b"\n")


def test_limits_of_what_the_machine_has_are_divided():
    whole, part = settings(), share(settings())
    assert 3334 == part.submission.maximum_connections
    assert 178_956_971 == part.submission.maximum_memory
    assert 1 == part.rewrite.workers
    assert 89_478_486 == part.web.maximum_memory
    assert whole.submission.maximum_connections_per_address == part.submission.maximum_connections_per_address
    assert whole.relay == part.relay


def test_every_worker_can_take_a_message_of_the_maximum_size():
    part = share(settings(workers=64))
    assert part.submission.maximum_size == part.submission.maximum_memory
    assert largest_request(part.submission.maximum_size) == part.web.maximum_memory


# -- what a worker tells -------------------------------------------------------------------------------------


def test_its_log_lines_carry_its_number_and_their_level(staff, logged):
    staff.worker.start()
    staff.says(Told(level="info", text="one {brace}"), Told(level="error", text="two\nlines"))
    staff.process.childDataReceived(2, b"Segmentation")
    staff.process.childDataReceived(2, b" fault\n")
    assert [
        (LogLevel.info, "worker 2: one {brace}"),
        (LogLevel.error, "worker 2: two\nlines"),
        (LogLevel.warn, "worker 2: Segmentation fault"),
    ] == logged


# -- its end -------------------------------------------------------------------------------------------------


@pytest.mark.row(144)
def test_a_successor_starts_at_once_and_is_told_whose_claims_to_take_back(staff, logged):
    staff.worker.start()
    staff.says(Told(ready=17))
    staff.clock.advance(3)
    staff.ends(signal.SIGKILL)
    staff.clock.advance(0)
    assert 2 == len(staff.processes)
    assert 17 == msgspec.json.decode(staff.process.transport.orders, type=Orders).predecessor
    [told, (level, text)] = logged
    assert (LogLevel.info, "worker 2 is process 4711 and claims as 17") == told
    assert LogLevel.error is level
    assert "worker 2 has ended" in text
    assert "signal 9" in text


def test_a_successor_that_got_no_claims_leaves_its_predecessors_to_the_next(staff):
    staff.worker.start()
    staff.says(Told(ready=17))
    staff.ends(signal.SIGKILL)
    staff.clock.advance(0)
    staff.ends(signal.SIGKILL)
    staff.clock.advance(1)
    assert 3 == len(staff.processes)
    assert 17 == msgspec.json.decode(staff.process.transport.orders, type=Orders).predecessor


def test_one_that_keeps_ending_is_started_ever_less_often(staff):
    staff.worker.start()
    pauses = []
    for _ in range(8):
        staff.ends()
        [call] = staff.clock.getDelayedCalls()
        pauses.append(call.getTime() - staff.clock.seconds())
        staff.clock.advance(pauses[-1])
    assert [0, 1, 2, 4, 8, 16, 30, 30] == pauses

    staff.says(Told(ready=1))
    staff.clock.advance(3)
    staff.ends()
    assert [staff.clock.seconds()] == [call.getTime() for call in staff.clock.getDelayedCalls()]


def test_one_that_cannot_be_started_for_want_of_resources_is_tried_again(staff, logged):
    staff.refusals = [BlockingIOError(11, "Resource temporarily unavailable")] * 2
    staff.worker.start()
    assert [] == staff.processes
    staff.clock.advance(0)
    staff.clock.advance(1)
    assert 1 == len(staff.processes)
    assert "temporarily unavailable" in logged[0][1]


@pytest.mark.row(137)
def test_one_that_gives_no_sign_of_life_for_half_a_minute_is_killed(staff, logged):
    staff.worker.start()
    staff.says(Told(ready=17))
    staff.passes(25)
    staff.says(Told())
    staff.passes(25)
    assert [] == staff.process.transport.signals
    staff.passes(5)
    assert ["KILL"] == staff.process.transport.signals
    assert (LogLevel.error, "worker 2 gives no sign of life for 30 s, and is killed") == logged[-1]
    staff.ends(signal.SIGKILL)
    staff.clock.advance(0)
    assert 17 == msgspec.json.decode(staff.process.transport.orders, type=Orders).predecessor


def test_one_that_starts_may_take_its_time(staff):
    staff.worker.start()
    staff.passes(115)
    assert [] == staff.process.transport.signals
    staff.passes(5)
    assert ["KILL"] == staff.process.transport.signals


def test_a_parent_that_slept_does_not_blame_its_workers(staff):
    staff.worker.start()
    staff.says(Told(ready=17))
    staff.clock.advance(3600)
    assert [] == staff.process.transport.signals


def test_a_sign_of_life_is_nothing_for_the_log(staff, logged):
    staff.worker.start()
    staff.says(Told())
    assert [] == logged


# -- the end in order ----------------------------------------------------------------------------------------


@pytest.mark.row(51)
def test_stopping_asks_it_to_end_and_waits_until_it_has(staff):
    staff.worker.start()
    stopped = staff.worker.stop()
    assert ["TERM"] == staff.process.transport.signals
    assert not stopped.called
    staff.ends()
    assert stopped.called
    assert [] == staff.clock.getDelayedCalls()
    assert 1 == len(staff.processes)


def test_one_that_does_not_stop_is_killed(staff):
    staff.worker.start()
    stopped = staff.worker.stop()
    staff.worker.kill()
    assert ["TERM", "KILL"] == staff.process.transport.signals
    staff.ends(signal.SIGKILL)
    assert stopped.called


def test_one_that_waits_for_its_next_start_has_stopped(staff):
    staff.worker.start()
    staff.ends()
    assert staff.worker.stop().called
    assert [] == staff.clock.getDelayedCalls()


def test_one_that_has_just_ended_need_not_be_asked(staff):
    staff.worker.start()
    staff.process.transport.has_ended = True
    stopped = staff.worker.stop()
    staff.worker.kill()
    staff.ends()
    assert stopped.called


def test_whenever_one_has_ended_it_is_told(staff):
    staff.worker.start()
    assert staff.gone == []
    staff.ends(signal.SIGKILL)
    assert staff.gone == [2]
    staff.refusals.append(OSError("out of memory"))
    staff.passes(60)
    assert staff.gone[:2] == [2, 2]
