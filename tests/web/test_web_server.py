"""The HTTP server's hygiene: what it refuses, what it never says, and when it has waited enough."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from smtpeter.web.server import Server
from smtpeter.web.visit import Answer, text_answer

PEER = IPv4Address("TCP", "192.0.2.9", 4000)


class Conversation:
    """A connection to a server in memory."""

    def __init__(self, handler=None):
        self.visits = []
        self.clock = Clock()
        self.server = Server(handler or self.answer, self.clock)
        self.transport = self.connect()

    def answer(self, visit):
        self.visits.append(visit)
        return text_answer(200, "hello")

    def connect(self):
        self.channel = self.server.buildProtocol(PEER)
        transport = StringTransport(peerAddress=PEER)
        transport.abortConnection = transport.loseConnection
        self.channel.makeConnection(transport)
        return transport

    def say(self, data):
        """Send octets; the new octets of the response."""
        self.transport.clear()
        self.channel.dataReceived(data)
        return self.transport.value()


def status(response):
    return int(response.split(b" ")[1]) if response else None


def test_a_request_reaches_the_handler_raw_and_whole():
    c = Conversation()
    c.say(b"GET /a%2Fb/../c?d=%00 HTTP/1.1\r\nHost: x\r\nX-Two: 1\r\nX-Two: 2\r\n\r\n")
    [visit] = c.visits
    assert (b"GET", b"/a%2Fb/../c?d=%00", "192.0.2.9") == (visit.method, visit.target, visit.peer)
    assert ["1", "2"] == visit.values("x-two")


def test_the_response_has_a_length_and_a_date_and_does_not_say_what_software_this_is():
    head, _, body = Conversation().say(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").partition(b"\r\n\r\n")
    names = {line.split(b":")[0].lower() for line in head.split(b"\r\n")[1:]}
    assert {b"date", b"content-length", b"content-type"} == names
    assert b"hello\n" == body


def test_head_is_answered_without_a_body():
    response = Conversation().say(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert response.endswith(b"\r\n\r\n")
    assert b"Content-Length: 6" in response


def test_requests_follow_one_another_on_a_connection():
    c = Conversation()
    request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    assert 3 == c.say(request * 3).count(b"HTTP/1.1 200")


def test_byte_by_byte_is_the_same():
    c = Conversation()
    for octet in b"GET / HTTP/1.1\r\nHost: x\r\n\r\n":
        c.channel.dataReceived(bytes((octet,)))
    assert 200 == status(c.transport.value())


def test_old_clients_are_answered_and_left():
    c = Conversation()
    assert 200 == status(c.say(b"GET / HTTP/1.0\r\n\r\n"))
    assert c.transport.disconnecting


@pytest.mark.parametrize(
    "field", [b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Content-Length: 99999999999"]
)
def test_a_body_is_refused_and_nothing_of_it_is_taken_for_a_request(field):
    c = Conversation()
    body = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    response = c.say(b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n" + field + b"\r\n\r\n" + body)
    assert 413 == status(response)
    assert 1 == response.count(b"HTTP/1.1")
    assert c.transport.disconnecting
    assert b"" == c.say(body)
    assert [] == c.visits


def test_a_body_of_no_octets_is_none():
    assert 200 == status(Conversation().say(b"GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"))


@pytest.mark.parametrize(
    "octets",
    [
        b"GET /" + b"a" * 17_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 17_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 101 + b"\r\n",
        b"GET / HTTP/1.1\r\n" + b" continued\r\n" * 3000,
        b"a" * 20_000,
    ],
)
def test_what_is_too_much_ends_the_connection_unanswered_by_the_handler(octets):
    c = Conversation()
    response = c.say(octets)
    assert c.transport.disconnecting
    assert [] == c.visits
    assert status(response) in {None, 400}


@pytest.mark.parametrize(
    "octets",
    [
        b"\x16\x03\x01\x02\x00\x01\xfc\r\n\r\n",
        b"EHLO x\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET  / HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused(octets):
    c = Conversation()
    assert 400 == status(c.say(octets))
    assert [] == c.visits


def test_octets_that_trickle_in_buy_no_time():
    c = Conversation()
    for octet in b"GET / HTTP/1.1\r\nX: 23456789":
        c.say(bytes((octet,)))
        c.clock.advance(1.2)
    assert c.transport.disconnecting
    c.channel.connectionLost(None)
    assert [] == c.clock.getDelayedCalls()


def test_an_idle_connection_is_closed_after_its_last_response():
    c = Conversation()
    c.clock.advance(20)
    c.say(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    c.clock.advance(29)
    assert not c.transport.disconnecting
    c.clock.advance(2)
    assert c.transport.disconnecting


def test_connections_beyond_the_limit_are_not_taken_until_one_ends(monkeypatch):
    monkeypatch.setattr("smtpeter.web.server._MAXIMUM_CONNECTIONS", 2)
    c = Conversation()
    c.connect()
    assert c.server.buildProtocol(PEER) is None
    c.channel.connectionLost(None)
    assert c.server.buildProtocol(PEER) is not None


def test_an_answer_may_come_later_or_never_find_its_asker():
    later = Deferred()
    c = Conversation(lambda visit: later)
    assert b"" == c.say(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    c.channel.connectionLost(None)
    later.callback(Answer(204))
    assert b"" == c.transport.value()


def test_a_handler_that_fails_is_our_trouble_and_told_shortly(expected_failures):
    expected_failures.append(ZeroDivisionError)
    response = Conversation(lambda visit: 1 // 0).say(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert 500 == status(response)
    assert b"ZeroDivision" not in response


def test_a_handler_that_fails_when_its_asker_has_gone_is_logged_and_nothing_else(expected_failures):
    expected_failures.append(ZeroDivisionError)
    later = Deferred()
    c = Conversation(lambda visit: later)
    c.say(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    c.channel.connectionLost(None)
    later.errback(ZeroDivisionError())
    assert b"" == c.transport.value()


@given(st.lists(st.binary(max_size=300), max_size=5))
def test_no_octets_make_it_raise(chunks):
    c = Conversation()
    for chunk in (b"GET / HTTP/1.1\r\n", *chunks):
        c.channel.dataReceived(chunk)
    c.channel.connectionLost(None)
    assert [] == c.clock.getDelayedCalls()


HEADS = {
    "plain": "GET /a%2Fb?c HTTP/1.1\r\nHost: x\r\nUser-Agent:  B/1 \r\n",
    "kept alive": "GET / HTTP/1.1\r\nHost: x\r\nConnection: Keep-Alive\r\n",
    "closed": "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n",
    "closed, in small letters": "GET / HTTP/1.1\r\nhost: x\r\nconnection:close\r\n",
    "two ways": "GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, close\r\n",
    "old": "GET / HTTP/1.0\r\nHost: x\r\n",
    "without a body": "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n",
    "empty field": "GET / HTTP/1.1\r\nHost: x\r\nX-Empty:\r\n",
    "folded": "GET / HTTP/1.1\r\nHost: x\r\nX-One: a\r\n b\r\n",
    "latin": "GET / HTTP/1.1\r\nHost: x\r\nX-One: \xfc\r\n",
}


def timeless(answer):
    """Its lines but for Date, which tells the second."""
    return sorted(line for line in answer.split(b"\r\n") if not line.startswith(b"Date:"))


@pytest.mark.parametrize("name", sorted(HEADS))
def test_the_short_way_and_the_long_way_are_the_same(name):
    """What comes whole takes the short way, if it is plain; what comes in two parts never does."""
    request = HEADS[name].encode("latin-1") + b"\r\n"
    whole, parted = Conversation(), Conversation()
    one = whole.say(request)
    other = parted.say(request[:9]) + parted.say(request[9:])
    assert timeless(one) == timeless(other)
    assert whole.transport.disconnecting == parted.transport.disconnecting

    def seen(conversation):
        return [
            (visit.target, visit.peer, sorted((key.lower(), value) for key, value in visit.headers))
            for visit in conversation.visits
        ]

    assert seen(whole) == seen(parted)


@pytest.mark.parametrize("parts", [1, 2])
def test_an_answer_that_comes_later_is_asked_for_once(parts):
    asked, answer = [], Deferred()
    c = Conversation(lambda visit: asked.append(visit) or answer)
    request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    for part in (request,) if parts == 1 else (request[:9], request[9:]):
        c.channel.dataReceived(part)
    c.channel.dataReceived(request)
    answer.callback(text_answer(200, "hello"))
    assert 2 == c.transport.value().count(b"HTTP/1.1 200")
    assert 2 == len(asked)
