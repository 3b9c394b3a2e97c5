"""A request goes to the address that was judged, and its answer is bounded in size and time."""

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone, ConnectionRefusedError  # noqa: A004
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from smtpeter.request.client import Client, NoAnswer


class Names:
    """Answers each question with the next answer, and remembers the questions."""

    def __init__(self, *answers):
        self.asked = []
        self._answers = list(answers)

    def __call__(self, host):
        self.asked.append(host)
        answer = self._answers.pop(0)
        return answer if isinstance(answer, Deferred) else succeed(answer)


class Wire(StringTransport):
    aborted = False

    def abortConnection(self):
        self.aborted = True
        self.loseConnection()


class House:
    def __init__(self, *answers, **more):
        self.reactor = MemoryReactorClock()
        self.names = Names(*answers)
        self.client = Client(self.reactor, self.names, **more)
        self.held = []

    def ask(self, url, *arguments, method="GET", **more):
        Deferred.fromCoroutine(self.client.request(method, url, *arguments, **more)).addBoth(self.held.append)
        return self

    def connect(self, number=0):
        factory = self.reactor.tcpClients[number][2]
        self.protocol = factory.buildProtocol(None)
        self.wire = Wire()
        self.protocol.makeConnection(self.wire)
        return self

    def refuse(self, number):
        factory = self.reactor.tcpClients[number][2]
        factory.clientConnectionFailed(self.reactor.connectors[number], Failure(ConnectionRefusedError()))

    def answer(self, octets):
        self.protocol.dataReceived(octets)
        return self

    def close(self):
        self.protocol.connectionLost(Failure(ConnectionDone()))
        return self

    @property
    def addresses(self):
        return [client[0] for client in self.reactor.tcpClients]

    @property
    def result(self):
        [held] = self.held
        if isinstance(held, Failure):
            raise held.value
        return held


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Two: 1\r\n\r\nok"


def test_a_request_says_what_was_asked_for_and_no_more():
    house = House(["8.8.8.8"]).ask("http://x.example/a?b", [("A", "1")], b"body", method="POST").connect()
    head, _, body = house.wire.value().partition(b"\r\n\r\n")
    first, *fields = head.split(b"\r\n")
    assert b"POST /a?b HTTP/1.1" == first
    assert {
        b"Host: x.example",
        b"User-Agent: smtpeter",
        b"Connection: close",
        b"A: 1",
        b"Content-Length: 4",
    } == set(fields)
    assert b"body" == body
    answer = house.answer(OK).result
    assert (200, b"ok", "1") == (answer.status, answer.body, answer.field("x-two"))


@pytest.mark.row(150)
def test_the_address_that_was_judged_is_the_one_connected_to():
    """A name server that answers otherwise the second time is not asked a second time."""
    house = House(["8.8.8.8"], ["127.0.0.1"]).ask("http://rebinding.example/").connect()
    house.answer(OK)
    assert (["8.8.8.8"], ["rebinding.example"]) == (house.addresses, house.names.asked)


@pytest.mark.row(150)
@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/", "http://0x7f.1/", "http://[::ffff:10.0.0.1]/", "http://localhost./"]
)
def test_private_addresses_are_not_connected_to(url):
    house = House(["127.0.0.1", "::1"]).ask(url)
    with pytest.raises(NoAnswer):
        house.result  # noqa: B018
    assert [] == house.addresses


@pytest.mark.row(150)
def test_a_redirect_is_an_answer_and_not_followed():
    house = House(["8.8.8.8"]).ask("http://x.example/").connect()
    house.answer(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n")
    assert (302, 1) == (house.result.status, len(house.addresses))


def test_private_addresses_are_connected_to_where_that_is_allowed():
    house = House(["127.0.0.1"], allow_private=True).ask("http://localhost:81/")
    assert [("127.0.0.1", 81)] == [client[:2] for client in house.reactor.tcpClients]


def test_the_next_address_is_tried_when_one_does_not_answer():
    house = House(["8.8.8.8", "127.0.0.1", "8.8.4.4"]).ask("http://x.example/")
    house.refuse(0)
    house.connect(1).answer(OK)
    assert (["8.8.8.8", "8.8.4.4"], 200) == (house.addresses, house.result.status)


def test_nobody_there_is_told():
    house = House(["8.8.8.8"]).ask("http://x.example/")
    house.refuse(0)
    with pytest.raises(NoAnswer, match="refused"):
        house.result  # noqa: B018


def test_an_answer_takes_no_longer_than_the_time_limit():
    house = House(["8.8.8.8"]).ask("http://x.example/").connect()
    house.answer(b"HTTP/1.1 200 OK\r\n")
    house.reactor.advance(15.0)
    with pytest.raises(NoAnswer, match="within 15 seconds"):
        house.result  # noqa: B018


def test_a_name_server_that_says_nothing_is_not_waited_for():
    house = House(Deferred()).ask("http://x.example/")
    house.reactor.advance(15.0)
    with pytest.raises(NoAnswer, match="within 15 seconds"):
        house.result  # noqa: B018


@pytest.mark.parametrize("head", [b"Content-Length: 101\r\n", b"", b"Transfer-Encoding: chunked\r\n"])
def test_a_body_that_is_too_long_is_not_taken(head):
    house = House(["8.8.8.8"]).ask("http://x.example/", most=100).connect()
    body = b"65\r\n" + b"x" * 101 if b"chunked" in head else b"x" * 101
    house.answer(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n" + body)
    with pytest.raises(NoAnswer):
        house.result  # noqa: B018
    assert house.wire.aborted


def test_header_fields_without_end_are_not_taken():
    house = House(["8.8.8.8"]).ask("http://x.example/", most=100).connect()
    house.answer(b"HTTP/1.1 200 OK\r\n")
    for _ in range(20):
        if not house.wire.aborted:
            house.answer(b"X: " + b"y" * 8000 + b"\r\n")
    assert house.wire.aborted


def test_an_answer_without_a_length_ends_with_the_connection():
    house = House(["8.8.8.8"]).ask("http://x.example/").connect()
    house.answer(b"HTTP/1.1 200 OK\r\n\r\nok").close()
    assert b"ok" == house.result.body


@pytest.mark.parametrize("octets", [b"garbage\r\n\r\n", b"HTTP/1.1 OK\r\n\r\n", b"\x00\xff\r\n"])
def test_what_is_no_http_is_no_answer(octets):
    house = House(["8.8.8.8"]).ask("http://x.example/").connect()
    house.answer(octets).close()
    with pytest.raises(NoAnswer) as told:
        house.result  # noqa: B018
    assert str(told.value).isprintable()
