"""Attachments by URL: only from public addresses, the one that was checked is the one connected to, within size and time."""

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError, ConnectionDone
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from smtpeter.web.api.fetch import Fetching
from smtpeter.web.api.problem import Problem
from tests.storage.stores import result

URL = "http://files.example:8080/a.png?b=c"


class Net:
    """A network whose names are known; `connected` shows who was called, `say` is their answer."""

    def __init__(self, addresses=("93.184.216.34",), **options):
        self.reactor = MemoryReactorClock()
        self.addresses = addresses
        self.asked = []
        self.fetching = Fetching(self.reactor, self.resolve, **options)

    async def resolve(self, host, port):
        self.asked.append(host)
        if isinstance(self.addresses, Exception):
            raise self.addresses
        return self.addresses

    def fetch(self, url=URL, limit=100):
        self.answer = Deferred.fromCoroutine(self.fetching(url, "attachments[0].url", limit))
        return self.answer

    @property
    def connected(self):
        return [(host, port) for host, port, *_ in self.reactor.tcpClients]

    def connect(self):
        """The connection stands; what was asked."""
        factory = self.reactor.tcpClients[0][2]
        self.protocol = factory.buildProtocol(None)
        transport = self.transport = StringTransport()
        transport.abortConnection = transport.loseConnection
        transport._lenient = True  # as the real ones are: what was lost may be resumed
        self.protocol.makeConnection(transport)
        return transport.value()

    def say(self, data):
        self.protocol.dataReceived(data)

    def close(self):
        self.protocol.connectionLost(Failure(ConnectionDone()))


def refused(deferred):
    with pytest.raises(Problem) as caught:
        result(deferred)
    assert (422, "attachments[0].url") == (caught.value.status, caught.value.answered.error.field)
    return caught.value.answered.error.message


def test_a_file_is_fetched_from_the_address_that_was_checked():
    net = Net()
    net.fetch()
    assert [("93.184.216.34", 8080)] == net.connected
    assert net.connect().startswith(b"GET /a.png?b=c HTTP/1.1\r\n")
    net.say(b"HTTP/1.1 200 OK\r\nContent-Type: image/png; x=y\r\nContent-Length: 4\r\n\r\n\x89png")
    assert (b"\x89png", "image/png") == result(net.answer)


@pytest.mark.row(150)
@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"], ["::1"], ["169.254.169.254"], ["10.0.0.1"], ["192.168.0.1"], ["172.16.0.1"], ["0.0.0.0"],
        ["::ffff:127.0.0.1"], ["64:ff9b::7f00:1"], ["fe80::1"], ["fc00::1"], ["100.64.0.1"], [],
    ],
    ids=str,
)  # fmt: skip
def test_private_addresses_are_never_connected_to(addresses):
    net = Net(addresses)
    assert "its host has no public address" == refused(net.fetch())
    assert [] == net.connected


@pytest.mark.row(150)
def test_the_name_is_looked_up_once_so_that_a_second_answer_cannot_differ():
    net = Net(["127.0.0.1", "93.184.216.34"])
    net.fetch()
    assert ["files.example"] == net.asked
    assert [("93.184.216.34", 8080)] == net.connected
    net.connect()
    net.say(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    result(net.answer)
    assert ["files.example"] == net.asked


def test_private_addresses_where_they_are_allowed():
    net = Net(["127.0.0.1"], allow_private=True)
    net.fetch()
    assert [("127.0.0.1", 8080)] == net.connected
    net.reactor.tcpClients[0][2].clientConnectionFailed(None, Failure(ConnectError()))
    assert "its host cannot be reached" == refused(net.answer)


@pytest.mark.row(150)
def test_redirections_are_not_followed():
    net = Net()
    net.fetch()
    net.connect()
    net.say(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n")
    assert "its host answered 302" == refused(net.answer)
    assert 1 == len(net.connected)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://x.example/",
        "http://",
        "file:///etc/passwd",
        "http://u:p@x.example/",
        "http://x.example/ä",
        "http://x.example:99999/",
        "http://[::1/",
        "x",
        "http://x.example/" + "a" * 2000,
    ],
    ids=["empty", "ftp", "no host", "file", "user", "beyond ascii", "port", "bracket", "word", "long"],
)
def test_what_is_no_url_is_refused(url):
    assert "expected an http or https URL" == refused(Net().fetch(url))


def test_what_says_it_is_too_large_is_refused_before_it_comes():
    net = Net()
    net.fetch()
    net.connect()
    net.say(b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n")
    assert "it has more than" in refused(net.answer)
    net.close()


def test_what_grows_too_large_is_refused():
    net = Net()
    net.fetch()
    net.connect()
    net.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + b"x" * 0x65 + b"\r\n")
    assert "it has more than" in refused(net.answer)
    assert net.transport.disconnecting


def test_what_takes_too_long_is_refused():
    net = Net()
    net.fetch()
    net.connect()
    net.say(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
    net.reactor.advance(31)
    assert "it was not there within 30 seconds" == refused(net.answer)
    assert [] == net.reactor.getDelayedCalls()


def test_a_file_that_is_cut_off_is_refused():
    net = Net()
    net.fetch()
    net.connect()
    net.say(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
    net.close()
    assert "the connection was lost before its end" == refused(net.answer)


def test_a_host_without_a_name_is_refused():
    assert "its host cannot be reached" == refused(Net(OSError("x")).fetch())


def test_https_asks_for_the_hosts_own_name():
    net = Net()
    net.fetch("https://files.example/a")
    assert [("93.184.216.34", 443)] == net.connected
    net.reactor.tcpClients[0][2].clientConnectionFailed(None, Failure(ConnectError()))
    refused(net.answer)
