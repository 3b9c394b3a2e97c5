"""The small parts of a session: its one timer, its counts of memory, its replies."""

import pytest
from twisted.internet.task import Clock

from smtpeter.message.status import Reply
from smtpeter.session.complaints import Complaints
from smtpeter.session.deadline import Deadline
from smtpeter.session.limits import Quota, plain_address, source_of
from smtpeter.session.pump import Pump
from smtpeter.session.reply import encode


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def passed():
    return []


@pytest.fixture
def deadline(clock, passed):
    return Deadline(clock, lambda: passed.append(clock.seconds()))


def test_a_deadline_that_is_moved_costs_one_timer(clock, deadline, passed):
    for _ in range(100):
        deadline.set(10)
        clock.advance(1)
        assert 1 == len(clock.getDelayedCalls())
    assert [] == passed
    clock.pump([1] * 10)
    assert [109] == passed
    assert [] == clock.getDelayedCalls()


def test_a_deadline_may_come_nearer(clock, deadline, passed):
    deadline.set(300)
    deadline.set(5)
    clock.advance(5)
    assert [5] == passed


def test_a_deadline_that_is_lifted_does_not_pass(clock, deadline, passed):
    deadline.set(5)
    deadline.lift()
    clock.advance(6)
    deadline.set(5)
    deadline.cancel()
    assert [] == clock.getDelayedCalls()
    assert [] == passed


def test_memory_that_is_released_can_be_had_again():
    quota = Quota(maximum_connections=1, maximum_per_address=1, maximum_memory=10)
    assert quota.reserve(10)
    assert not quota.has_room_for(1)
    assert not quota.reserve(1)
    quota.release(10)
    assert quota.reserve(1)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("/run/socket", ""),
        ("", ""),
    ],
)
def test_addresses_of_clients(host, address):
    assert address == plain_address(host)


def test_an_ipv6_client_counts_by_its_network():
    assert source_of("2001:db8:1:2::1") == source_of("2001:db8:1:2:3:4:5:6")
    assert source_of("2001:db8:1:2::1") != source_of("2001:db8:1:3::1")


@pytest.mark.parametrize(
    ("reply", "octets"),
    [
        (Reply(250, "2.0.0", "Ok"), b"250 2.0.0 Ok\r\n"),
        (Reply(354, "", "Go"), b"354 Go\r\n"),
        (Reply(334, "", ""), b"334 \r\n"),
        (Reply(250, "", "a\nb"), b"250-a\r\n250 b\r\n"),
        (Reply(250, "2.6.0", "a\nb\nc"), b"250-2.6.0 a\r\n250-2.6.0 b\r\n250 2.6.0 c\r\n"),
    ],
)
def test_replies_as_octets(reply, octets):
    """RFC 2034 4: the enhanced status code stands on each line."""
    assert octets == encode(reply)


def test_a_source_is_complained_about_once_a_minute_with_a_count(clock):
    complaints = Complaints(clock.seconds)
    assert [1] + [0] * 99 == [complaints.due("192.0.2.1") for _ in range(100)]
    assert 1 == complaints.due("192.0.2.2")
    clock.advance(59)
    assert 0 == complaints.due("192.0.2.1")
    clock.advance(1)
    assert [101, 0] == [complaints.due("192.0.2.1"), complaints.due("192.0.2.1")]
    clock.advance(600)
    assert 2 == complaints.due("192.0.2.1")


def test_complaints_keep_no_memory_of_all_the_world(clock):
    complaints = Complaints(clock.seconds)
    for n in range(30_000):
        assert 1 == complaints.due(str(n))
    assert [0, 1] == [complaints.due("29999"), complaints.due("0")]
    assert 10_000 == len(complaints._told)


class Transport:
    """Notes whether it is held."""

    held = False

    def registerProducer(self, producer, streaming):
        pass

    def pauseProducing(self):
        self.held = True

    def resumeProducing(self):
        self.held = False


class Chunk:
    """A content of so many octets."""

    def __init__(self, wanted):
        self.wanted = wanted
        self.had = []

    def feed(self, data):
        self.had.append(data)
        self.wanted -= len(data)
        return None if self.wanted else b""


class Listener:
    """Answers each line at once; those that are numbers announce a content."""

    def __init__(self, clock):
        self.pump = Pump(self, 1000, clock)
        self.transport = Transport()
        self.pump.connect(self.transport)
        self.lines = []
        self.chunks = []

    def line_limit(self):
        return 512

    def line_came(self, line):
        self.lines.append(line)
        if line.isdigit():
            self.chunks.append(Chunk(int(line)))
            self.pump.expect(self.chunks[-1], self)
        self.pump.answered()

    def content_grew(self, octets):
        pass

    def content_ended(self, octets):
        self.pump.answered()

    def busy(self):
        pass

    def flush(self):
        pass


def test_a_chunk_is_given_its_own_octets_only(clock):
    """Whatever else waits would be copied for each chunk, which is quadratic."""
    listener = Listener(clock)
    listener.pump.feed(b"1\r\nx" * 50 + b"0\r\n7\r\nabc")
    listener.pump.feed(b"defgNOOP\r\n")
    assert [[b"x"]] * 50 + [[b""], [b"abc", b"defg"]] == [chunk.had for chunk in listener.chunks]
    assert b"NOOP" == listener.lines[-1]


def test_who_pipelines_without_end_lets_the_others_have_their_turn(clock):
    listener = Listener(clock)
    listener.pump.feed(b"NOOP\r\n" * 450)
    assert (200, True) == (len(listener.lines), listener.transport.held)
    listener.pump.feed(b"LAST\r\n")  # it has to wait, too
    listener.pump.resumeProducing()
    assert (200, 1) == (len(listener.lines), len(clock.getDelayedCalls()))
    clock.advance(0)
    assert [b"NOOP"] * 450 + [b"LAST"] == listener.lines
    assert not listener.transport.held
    assert [] == clock.getDelayedCalls()


def test_a_session_that_ends_in_between_leaves_no_timer(clock):
    listener = Listener(clock)
    listener.pump.feed(b"NOOP\r\n" * 450)
    listener.pump.stop()
    assert [] == clock.getDelayedCalls()
    assert 200 == len(listener.lines)
