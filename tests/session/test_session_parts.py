"""The small parts of a session: its one timer, its counts of memory, its replies."""

import pytest
from twisted.internet.task import Clock

from smtpeter.message.status import Reply
from smtpeter.session.deadline import Deadline
from smtpeter.session.limits import Quota, plain_address, source_of
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
