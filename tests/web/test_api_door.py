"""The API's HTTP server: bodies are bounded, and long answers go as fast as they are read."""

import json

import pytest
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from smtpeter.web.api.door import Door, Sizes
from smtpeter.web.api.route import Given
from smtpeter.web.visit import Proxies

PEER = IPv4Address("TCP", "192.0.2.9", 4000)


class Conversation:
    """Connections to a door in memory, which answers with what it was asked; bodies up to 1000 octets."""

    def __init__(self, answer=None, *, body=1000, memory=1500):
        self.asked = []
        self.clock = Clock()
        self.door = Door(
            answer or self.answer, self.clock, Sizes(body, memory), Proxies(["127.0.0.1"]).client
        )
        self.transport = self.connect()

    async def answer(self, visit, body, secure):
        self.asked.append((visit.method, visit.target, body, secure))
        return Given(json.dumps({"octets": len(body)}).encode())

    def connect(self, host=PEER.host):
        peer = (IPv6Address if ":" in host else IPv4Address)("TCP", host, 4000)
        self.channel = channel = self.door.buildProtocol(peer)
        channel.callLater = self.clock.callLater
        transport = StringTransport(peerAddress=peer)
        transport.abortConnection = transport.loseConnection
        channel.makeConnection(transport)
        transport.say = channel.dataReceived
        return transport

    def say(self, data):
        self.transport.clear()
        self.channel.dataReceived(data)
        return self.transport.value()


def post(length, extra=b""):
    return b"POST /v1/send HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n%s\r\n" % (length, extra)


def status(response):
    return int(response.split(b" ")[1]) if response else None


def parsed(response):
    return json.loads(response.partition(b"\r\n\r\n")[2])


def test_header_fields_stand_in_place_of_ours_and_two_of_a_name_are_two():
    async def answer(visit, body, secure):
        fields = ((b"Cache-Control", b"public"), (b"Set-Cookie", b"a=1"), (b"Set-Cookie", b"b=2"))
        return Given(b"", "text/html", 200, fields)

    said = Conversation(answer).say(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").split(b"\r\n")
    wanted = (b"Cache-Control", b"Set-Cookie")
    assert [b"Cache-Control: public", b"Set-Cookie: a=1", b"Set-Cookie: b=2"] == sorted(
        line for line in said if line.startswith(wanted)
    )


def test_a_body_reaches_the_api_whole_however_it_is_split():
    c = Conversation()
    assert b"" == c.say(post(11))
    assert b"" == c.say(b"hello ")
    assert {"octets": 11} == parsed(c.say(b"world"))
    assert [(b"POST", b"/v1/send", b"hello world", False)] == c.asked
    assert 0 == c.door.held


def test_a_body_in_chunks():
    c = Conversation()
    c.say(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
    assert {"octets": 5} == parsed(c.say(b"0\r\n\r\n"))


def test_two_requests_on_one_connection():
    c = Conversation()
    c.say(post(1) + b"a")
    c.say(post(2) + b"bc")
    assert [b"a", b"bc"] == [body for _, _, body, _ in c.asked]


def test_a_body_that_says_it_is_too_large_is_refused_before_it_comes():
    c = Conversation()
    response = c.say(post(1001, b"Expect: 100-continue\r\n"))
    assert (413, True) == (status(response), b"100 Continue" not in response)
    assert parsed(response)["error"]["message"]
    assert c.transport.disconnecting
    assert [] == c.asked


def test_chunks_that_grow_too_large_are_refused():
    c = Conversation()
    c.say(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    response = c.say(b"400\r\n" + b"x" * 1024 + b"\r\n")
    assert 413 == status(response)
    assert [] == c.asked
    assert 0 == c.door.held


def test_a_client_that_waits_is_told_to_go_on():
    c = Conversation()
    assert b"100 Continue" in c.say(post(1, b"Expect: 100-continue\r\n"))


def test_all_bodies_together_are_bounded_and_what_went_away_is_not_counted():
    c = Conversation()
    c.say(post(1000) + b"x" * 800)
    first = c.channel
    second = c.connect("192.0.2.10")
    second.say(post(900))
    assert (503, True) == (status(second.value()), b"Retry-After" in second.value())
    first.connectionLost(None)
    assert 0 == c.door.held
    third = c.connect()
    third.say(post(900) + b"y" * 900)
    assert 200 == status(third.value())


FORWARDED = b"X-Forwarded-For: 198.51.100.%d\r\n"


@pytest.mark.parametrize(
    ("greedy", "again", "other"),
    [
        (("192.0.2.1", b""), ("192.0.2.1", b""), ("192.0.2.2", b"")),
        (("2001:db8::1", b""), ("2001:db8::2", b""), ("2001:db8:0:1::1", b"")),
        (("127.0.0.1", FORWARDED % 1), ("127.0.0.1", FORWARDED % 1), ("127.0.0.1", FORWARDED % 2)),
        (("192.0.2.1", FORWARDED % 1), ("192.0.2.1", FORWARDED % 2), ("192.0.2.2", FORWARDED % 1)),
    ],
    ids=["IPv4", "IPv6", "behind a proxy", "who says he is a proxy"],
)
def test_one_client_takes_its_share_and_leaves_the_rest_to_others(greedy, again, other):
    c = Conversation(body=100, memory=800)
    for _ in range(2):
        c.connect(greedy[0]).say(post(100, greedy[1]) + b"x" * 99)
    refused = c.connect(again[0])
    refused.say(post(3, again[1]))
    assert (503, True) == (status(refused.value()), b"Retry-After" in refused.value())
    unknown = c.connect(again[0])  # how long it will be
    unknown.say(
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n" + again[1] + b"\r\n3\r\nabc\r\n"
    )
    assert 503 == status(unknown.value())
    served = c.connect(other[0])
    served.say(post(100, other[1]) + b"y" * 100)
    assert 200 == status(served.value())


def test_the_largest_body_fits_whatever_a_quarter_is_and_nothing_is_remembered():
    c = Conversation(body=1000, memory=1500)
    assert 200 == status(c.say(post(1000) + b"x" * 1000))
    c.connect().say(post(10) + b"x")
    c.channel.connectionLost(Failure(ConnectionDone()))
    assert (0, {}) == (c.door.held, c.door.held_by)


def test_a_body_that_does_not_come_is_not_waited_for_for_ever():
    c = Conversation()
    c.say(post(1000) + b"x")
    for _ in range(31):
        c.clock.advance(1)
    assert c.transport.disconnecting


def test_a_large_body_has_its_time():
    c = Conversation(body=10_000_000, memory=20_000_000)
    c.say(post(5_000_000) + b"x")
    c.clock.advance(100)
    assert not c.transport.disconnecting
    c.clock.advance(31)
    assert c.transport.disconnecting


def test_head_has_no_body():
    c = Conversation()
    response = c.say(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert response.endswith(b"\r\n\r\n")


def test_an_answer_without_content_has_none():
    async def answer(visit, body, secure):
        return Given(b"", status=204)

    response = Conversation(answer).say(b"DELETE / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert 204 == status(response)
    assert b"content-length" not in response.lower()


class Stream:
    """Pieces that come when the test says so."""

    def __init__(self):
        self.given = []

    async def answer(self, visit, body, secure):
        return Given(self.pieces(), "text/csv")

    async def pieces(self):
        for number in range(4):
            self.given.append(number)
            yield b"piece %d\n" % number

    async def trouble(self, visit, body, secure):
        async def pieces():
            yield b"half"
            raise ZeroDivisionError

        return Given(pieces(), "text/csv")


def paused_after(conversation, piece):
    """The transport's buffer is full once this has been written."""
    real = conversation.transport.writeSequence

    def write(data):
        real(data)
        if piece in b"".join(data):
            conversation.channel.pauseProducing()

    conversation.transport.writeSequence = write


def test_a_long_answer_goes_as_fast_as_it_is_read():
    stream = Stream()
    c = Conversation(stream.answer)
    paused_after(c, b"piece 1")
    first = c.say(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"piece 1" in first
    assert b"piece 2" not in first
    assert [0, 1, 2] == stream.given
    c.transport.clear()
    c.channel.resumeProducing()
    rest = c.transport.value()
    assert b"piece 3" in rest
    assert rest.endswith(b"0\r\n\r\n")


def test_a_long_answer_that_breaks_ends_with_the_connection(expected_failures):
    expected_failures.append(ZeroDivisionError)
    c = Conversation(Stream().trouble)
    response = c.say(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"half" in response
    assert not response.endswith(b"0\r\n\r\n")
    assert c.transport.disconnecting


def test_a_reader_that_goes_away_leaves_nothing_behind():
    stream = Stream()
    c = Conversation(stream.answer)
    paused_after(c, b"piece 1")
    c.say(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    c.channel.connectionLost(Failure(ConnectionDone()))
    assert 0 == c.door.held


@pytest.mark.parametrize(
    "data", [b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", b"\x16\x03\x01\r\n\r\n"]
)
def test_garbage_is_refused(data):
    c = Conversation()
    c.say(data)
    assert c.transport.disconnecting
    assert [] == c.asked


class Slow:
    """Answers when it is told to."""

    def __init__(self):
        self.gate = Deferred()

    async def answer(self, _visit, _body, _secure):
        await self.gate
        return Given(b"{}")


def test_what_has_been_asked_is_answered_before_it_stops():
    slow = Slow()
    c = Conversation(slow.answer)
    c.say(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    stopped = []
    c.door.stop(20.0).addCallback(stopped.append)
    c.clock.advance(5.0)
    assert [] == stopped
    slow.gate.callback(None)
    assert 200 == status(c.transport.value())
    assert [None] == stopped


def test_what_takes_too_long_is_not_waited_for():
    slow = Slow()
    c = Conversation(slow.answer)
    c.say(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    stopped = []
    c.door.stop(20.0).addBoth(stopped.append)
    c.clock.advance(21.0)
    assert [None] == stopped
    slow.gate.callback(None)
    assert 200 == status(c.transport.value())


def test_who_has_been_answered_keeps_nobody_from_stopping():
    c = Conversation()
    c.say(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    stopped = []
    c.door.stop(20.0).addCallback(stopped.append)
    assert [None] == stopped


@pytest.mark.parametrize("outcome", [None, ZeroDivisionError()])
def test_who_went_away_before_the_answer_keeps_nobody_from_stopping(expected_failures, outcome):
    expected_failures.extend([] if outcome is None else [ZeroDivisionError])
    slow = Slow()
    c = Conversation(slow.answer)
    c.say(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
    c.channel.connectionLost(Failure(ConnectionDone()))
    slow.gate.callback(None) if outcome is None else slow.gate.errback(outcome)
    stopped = []
    c.door.stop(20.0).addCallback(stopped.append)
    assert [None] == stopped
    assert 0 == c.door.held
