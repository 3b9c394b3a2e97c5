"""From hits to the journal: in groups, behind the response, and through an outage or a restart."""

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher

from smtpeter.journal.events import Click, Open
from smtpeter.journal.interface import JournalUnavailable
from smtpeter.message.edit import SlotKind
from smtpeter.message.identifier import DeliveryId, MessageId
from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.spool.model import Visited
from smtpeter.web import recorder as module
from smtpeter.web.hits import Hit
from smtpeter.web.recorder import Recorder
from smtpeter.web.spill import Spill


def hit(number=0, **changes):
    facts = {
        "kind": SlotKind.CLICK,
        "time": 1.0,
        "delivery": DeliveryId(7),
        "destination": "https://x.example/",
    }
    return Hit(**{**facts, "number": number, **changes})


class Store:
    """Journal and spool in memory, which can be down, or slow."""

    def __init__(self):
        self.groups = []
        self.down = None
        self.known = {
            7: Visited(
                MessageId(70),
                "login",
                "bob@example.com",
                ("t",),
                tuple(f"HTTPS://X.example#{number}" for number in range(10_000)),
            )
        }

    @property
    def events(self):
        return [event for group in self.groups for event in group]

    def append(self, events):
        if isinstance(self.down, Deferred):
            return self.down.addCallback(lambda _: self.groups.append(list(events)))
        if self.down:
            raise self.down
        self.groups.append(list(events))
        return succeed(None)

    def visited(self, deliveries):
        if isinstance(self.down, SpoolUnavailable):
            raise self.down
        return succeed({number: self.known[number] for number in deliveries if number in self.known})


class Kit:
    def __init__(self, path, store=None):
        self.clock = Clock()
        self.store = store or Store()
        self.path = path / "spilled-events.jsonl"
        self.recorder = Recorder(self.clock, self.store, self.store.append, Spill(self.path))

    def numbers(self):
        return [int(event.url.partition("#")[2]) for event in self.store.events]


@pytest.fixture
def kit(tmp_path):
    return Kit(tmp_path)


def test_hits_wait_a_fifth_of_a_second_and_go_together(kit):
    for number in range(3):
        kit.recorder.record(hit(number))
    assert [] == kit.store.groups
    kit.clock.advance(0.2)
    assert [3] == [len(group) for group in kit.store.groups]
    assert [] == kit.clock.getDelayedCalls()


def test_a_click_becomes_an_event_with_all_its_columns(kit):
    kit.recorder.record(hit(2, ip="192.0.2.1", headers="A: b"))
    kit.clock.advance(0.2)
    assert [
        Click(
            time=1.0,
            delivery=DeliveryId(7),
            message=MessageId(70),
            login="login",
            recipient="bob@example.com",
            tags=("t",),
            ip="192.0.2.1",
            headers="A: b",
            url="HTTPS://X.example#2",
            destination="https://x.example/",
            verdict="human",
        )
    ] == kit.store.events


def test_an_open_becomes_an_event_with_all_its_columns(kit):
    kit.recorder.record(
        hit(kind=SlotKind.OPEN, destination="", protocol="https", ip="192.0.2.1", headers="A: b")
    )
    kit.clock.advance(0.2)
    assert [
        Open(
            time=1.0,
            delivery=DeliveryId(7),
            message=MessageId(70),
            login="login",
            recipient="bob@example.com",
            tags=("t",),
            ip="192.0.2.1",
            headers="A: b",
            protocol="https",
            verdict="human",
        )
    ] == kit.store.events


def test_a_delivery_that_is_forgotten_still_leaves_its_click(kit):
    kit.recorder.record(hit(delivery=DeliveryId(8)))
    kit.clock.advance(0.2)
    [event] = kit.store.events
    assert (8, 0, "", "https://x.example/") == (event.delivery, event.message, event.login, event.url)


def test_groups_are_bounded(kit):
    for number in range(450):
        kit.recorder.record(hit(number))
    kit.clock.advance(0.2)
    assert [200, 200, 50] == [len(group) for group in kit.store.groups]
    assert list(range(450)) == kit.numbers()


def test_hits_that_come_while_a_group_is_written_follow_it(kit):
    kit.store.down = gate = Deferred()
    kit.recorder.record(hit(1))
    kit.clock.advance(0.2)
    kit.recorder.record(hit(2))
    kit.clock.advance(0.2)
    assert [] == kit.store.groups
    kit.store.down = None
    gate.callback(None)
    assert [1, 2] == kit.numbers()


@pytest.mark.parametrize("trouble", [JournalUnavailable("locked"), SpoolUnavailable("locked")])
def test_an_outage_spills_to_the_file_and_all_follows_in_order(kit, trouble):
    kit.store.down = trouble
    kit.recorder.record(hit(1))
    kit.clock.advance(0.2)
    kit.recorder.record(hit(2))
    kit.clock.advance(0.2)
    assert 2 == len(kit.path.read_bytes().splitlines())
    kit.clock.advance(1)
    kit.store.down = None
    kit.clock.advance(2)
    kit.recorder.record(hit(3))
    kit.clock.advance(0.2)
    assert [1, 2, 3] == kit.numbers()
    assert not kit.path.exists()
    assert [] == kit.clock.getDelayedCalls()


def test_an_outage_is_asked_after_ever_less_often_up_to_a_minute(kit):
    kit.store.down = JournalUnavailable("locked")
    kit.recorder.record(hit())
    kit.clock.advance(0.2)
    waits = []
    for _ in range(8):
        [call] = kit.clock.getDelayedCalls()
        waits.append(round(call.getTime() - kit.clock.seconds(), 3))
        kit.clock.advance(waits[-1])
    assert [1, 2, 4, 8, 16, 32, 60, 60] == waits


def test_the_next_process_follows_up(tmp_path):
    first = Kit(tmp_path)
    first.store.down = JournalUnavailable("locked")
    for number in range(300):
        first.recorder.record(hit(number))
    first.clock.advance(0.2)
    second = Kit(tmp_path)
    second.recorder.start()
    assert list(range(300)) == second.numbers()
    assert not second.path.exists()


def test_stop_brings_what_waits_to_the_journal(kit):
    kit.recorder.record(hit(1))
    stopped = []
    kit.recorder.stop().addCallback(stopped.append)
    assert ([1], [None], []) == (kit.numbers(), stopped, kit.clock.getDelayedCalls())


def test_stop_in_an_outage_brings_what_waits_to_the_file(kit):
    kit.store.down = JournalUnavailable("locked")
    kit.recorder.record(hit(1))
    stopped = []
    kit.recorder.stop().addCallback(stopped.append)
    assert ([None], []) == (stopped, kit.clock.getDelayedCalls())
    assert 1 == len(kit.path.read_bytes().splitlines())


def test_stop_waits_for_the_group_that_is_being_written(kit):
    kit.store.down = gate = Deferred()
    kit.recorder.record(hit(1))
    kit.clock.advance(0.2)
    kit.recorder.record(hit(2))
    stopped = []
    kit.recorder.stop().addCallback(stopped.append)
    assert [] == stopped
    kit.store.down = None
    gate.callback(None)
    assert ([1, 2], [None]) == (kit.numbers(), stopped)


def test_memory_is_bounded_while_a_group_is_stuck(kit, monkeypatch):
    monkeypatch.setattr(module, "_MAXIMUM_WAITING", 10)
    kit.store.down = gate = Deferred()
    kit.recorder.record(hit(0))
    kit.clock.advance(0.2)
    for number in range(1, 26):
        kit.recorder.record(hit(number))
    assert 20 == len(kit.path.read_bytes().splitlines())
    kit.store.down = None
    gate.callback(None)
    kit.recorder.stop()
    assert sorted(kit.numbers()) == list(range(26))


@pytest.fixture
def logged():
    seen = []
    globalLogPublisher.addObserver(seen.append)
    yield seen
    globalLogPublisher.removeObserver(seen.append)


def test_while_the_file_cannot_be_written_hits_are_held_in_memory(tmp_path):
    kit = Kit(tmp_path / "missing")
    kit.store.down = JournalUnavailable("locked")
    kit.recorder.record(hit(1))
    kit.clock.advance(0.2)
    kit.recorder.record(hit(2))
    kit.clock.advance(0.2)
    kit.store.down = None
    kit.clock.advance(1)
    assert [1, 2] == kit.numbers()


@pytest.mark.parametrize("at_stop", [False, True])
def test_what_neither_file_nor_memory_can_hold_is_lost_and_counted(tmp_path, monkeypatch, logged, at_stop):
    monkeypatch.setattr(module, "_MAXIMUM_WAITING", 10)
    kit = Kit(tmp_path / "missing")
    kit.store.down = JournalUnavailable("locked")
    for number in range(13):
        kit.recorder.record(hit(number))
    kit.clock.advance(0.2)
    if at_stop:
        kit.recorder.stop()
    else:
        kit.store.down = None
        kit.clock.advance(1)
    assert ([] if at_stop else list(range(10))) == kit.numbers()
    assert [13 if at_stop else 3] == [event["lost"] for event in logged if "lost" in event]


def test_a_fault_of_ours_costs_one_group_and_is_logged(kit, expected_failures):
    expected_failures.append(ZeroDivisionError)
    kit.store.down = ZeroDivisionError()
    for number in range(201):
        kit.recorder.record(hit(number))
    kit.clock.advance(0.2)
    kit.store.down = None
    kit.clock.advance(0.2)
    assert [200] == kit.numbers()
    assert [] == kit.clock.getDelayedCalls()
