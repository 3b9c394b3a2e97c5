"""A network in memory: scripted hosts, and a clock, in the place of Twisted's reactor.

A host answers as its script says, and records what it was told. Its answers reach the sender when the test lets the
network `settle`, so that the order of things is that of a real network: written first, answered later.
"""

from __future__ import annotations

import ssl
from collections import deque
from ipaddress import ip_address

from twisted.internet import error
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure

from smtpeter.message.address import Address
from smtpeter.message.edit import Report, untouched
from smtpeter.message.envelope import Envelope, Recipient
from smtpeter.message.options import Switches
from smtpeter.relay.attempt import Attempts
from smtpeter.relay.connections import Connections
from smtpeter.relay.interface import Answer, CannotConvert, Finding, Group, MailExchanger
from smtpeter.relay.route import Hop
from smtpeter.relay.sender import Connector
from smtpeter.relay.settings import Settings
from smtpeter.relay.tls import Security
from smtpeter.spool.model import Delivery, Message

CLOSE = object()  # in a script: the host closes the connection, without a word
SILENT = object()  # in a script: the host does not answer

OFFERS = ("PIPELINING", "SIZE 1000000", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES")
USUAL = {
    "connect": "220 mx.example ESMTP",
    "MAIL": "250 2.1.0 Ok",
    "RCPT": "250 2.1.5 Ok",
    "DATA": "354 Go on",
    ".": "250 2.0.0 Queued",
    "RSET": "250 2.0.0 Ok",
    "HELO": "250 mx.example",
    "STARTTLS": "220 2.0.0 Go on",
    "AUTH": "235 2.7.0 Welcome",
    "QUIT": "221 2.0.0 Bye",
}


class Host:
    """`script` maps a verb ("connect" for the greeting, "." for the final dot) to its answers.

    Answers are one, or a list used up in turn, the last of which repeats. An answer of 421 closes the connection.
    """

    def __init__(self, offers=OFFERS, certificate=None, **script):
        script = {"dot" if key == "." else key: value for key, value in script.items()}
        self.script = {
            key: self._turns(script.get("dot" if key == "." else key, usual)) for key, usual in USUAL.items()
        }
        self.script["EHLO"] = self._turns(script.get("EHLO", ["-".join(["250", "mx.example"])]))
        self.offers = offers
        self.says_hello = "EHLO" not in script
        self.certificate = certificate
        self.connections = []

    @staticmethod
    def _turns(answers):
        return deque(answers if isinstance(answers, list) else [answers])

    def answer(self, verb):
        turns = self.script.get(verb, deque(["500 5.5.2 What?"]))
        return turns.popleft() if len(turns) > 1 else turns[0]

    @property
    def commands(self):
        """Every command, over all connections, in order."""
        return [command for connection in self.connections for command in connection.commands]

    @property
    def contents(self):
        return [content for connection in self.connections for content in connection.contents]


class Connection:
    """One connection to a host: the host's side, and the sender's transport."""

    def __init__(self, net, host, protocol, address):
        self.net, self.host, self.protocol, self.address = net, host, protocol, address
        self.commands, self.contents, self.heard = [], [], b""
        self.closed = self.in_data = False
        self.tls = self.server = None
        self.is_deaf = (
            False  # what comes is no command: a ClientHello is random, and may have a line's end in it
        )
        self._buffer = b""
        self._outbox = deque()
        self.producer = None
        self.block_at = None  # once this many octets are written, the transport is full

    # the sender's transport

    def setTcpNoDelay(self, enabled):
        self.no_delay = enabled

    def getHost(self):
        return IPv4Address("TCP", "192.0.2.99", 40000)

    def getPeer(self):
        return IPv4Address("TCP", self.address, 25)

    def write(self, data):
        if self.tls is not None:
            self.tls.write(data)
        else:
            self.raw_write(data)

    def writeSequence(self, data):
        self.write(b"".join(data))

    def loseConnection(self):
        self._outbox.append(error.ConnectionDone())

    def abortConnection(self):
        self._outbox.clear()
        self._outbox.append(error.ConnectionLost("aborted"))

    def registerProducer(self, producer, streaming):
        assert streaming
        self.producer = producer

    def unregisterProducer(self):
        self.producer = None

    def startTLS(self, creator, normal=True):
        factory = TLSMemoryBIOFactory(creator, True, None, self.net)
        self.tls = TLSMemoryBIOProtocol(factory, self.protocol, False)
        self.tls.makeConnection(_Below(self))

    # the host's side

    def raw_write(self, data):
        if self.closed:
            return
        if self.server is not None:
            data = self.server.open(data)
        self.heard += data
        if self.block_at is not None and len(self.heard) >= self.block_at and self.producer is not None:
            self.producer.pauseProducing()
        self._buffer += data
        while not self.is_deaf and self._step():
            pass

    def _step(self):
        if self.in_data:
            start = b"\r\n" + self._buffer
            end = start.find(b"\r\n.\r\n")
            if end < 0:
                return False
            self.contents.append(start[2 : end + 2].replace(b"\r\n..", b"\r\n.").removeprefix(b"."))
            self._buffer = start[end + 5 :]
            self.in_data = False
            self.say(self.host.answer("."))
            return True
        line, found, rest = self._buffer.partition(b"\r\n")
        if not found:
            return False
        self._buffer = rest
        self.obey(line.decode("utf-8", "replace"))
        return True

    def obey(self, line):
        self.commands.append(line)
        verb = line.split()[0].upper()
        if verb == "EHLO" and self.host.says_hello:
            words = ["mx.example", *self.host.offers]
            answer = "\r\n".join([*(f"250-{word}" for word in words[:-1]), f"250 {words[-1]}"])
        elif verb not in self.host.script and "AUTH LOGIN" in self.commands:
            answer = self.host.answer("AUTH")
        else:
            answer = self.host.answer(verb)
        self.say(answer)
        if verb == "DATA" and isinstance(answer, str) and answer.startswith("354"):
            self.in_data = True
        if verb == "STARTTLS" and isinstance(answer, str) and answer.startswith("220"):
            self.server = _Server(self) if self.host.certificate is not None else None
            self.is_deaf = self.server is None

    def say(self, answer):
        if answer is CLOSE:
            self.loseConnection()
        elif answer is not SILENT:
            data = answer if isinstance(answer, bytes) else f"{answer}\r\n".encode()
            self._outbox.append(self.server.seal(data) if self.server is not None else data)
            if data.startswith(b"421"):
                self.loseConnection()

    def deliver_one(self):
        """Let one thing that the host did reach the sender; whether there was one."""
        if not self._outbox:
            return False
        item = self._outbox.popleft()
        if self.closed:
            return True
        receiver = self.tls or self.protocol
        if isinstance(item, Exception):
            self.closed = True
            self.producer = None
            receiver.connectionLost(Failure(item))
        else:
            receiver.dataReceived(item)
        return True

    def send_raw(self, data):
        self._outbox.append(data)


class _Below:
    """What TLS sees of the connection."""

    disconnecting = False

    def __init__(self, connection):
        self._connection = connection

    def write(self, data):
        self._connection.raw_write(data)

    def writeSequence(self, data):
        self.write(b"".join(data))

    def loseConnection(self):
        self._connection.loseConnection()

    def abortConnection(self):
        self._connection.abortConnection()


class _Server:
    """The host's end of TLS, by the standard library."""

    def __init__(self, connection):
        self._connection = connection
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = connection.host.certificate.server_context()
        self.asked_for = []
        context.sni_callback = lambda _object, name, _context: self.asked_for.append(name)
        self._tls = context.wrap_bio(self._in, self._out, server_side=True)
        self._is_open = False

    def open(self, data):
        self._in.write(data)
        plain = b""
        try:
            if not self._is_open:
                self._tls.do_handshake()
                self._is_open = True
            while piece := self._tls.read(65536):
                plain += piece
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            self._flush()
            self._connection.loseConnection()
        self._flush()
        return plain

    def seal(self, data):
        if not self._is_open:  # the answer to STARTTLS itself
            return data
        self._tls.write(data)
        return self._out.read()

    def _flush(self):
        if data := self._out.read():
            self._connection.send_raw(data)


class Net(Clock):
    """`hosts` maps addresses to hosts; at an address without one nobody listens, at "blackhole" ones nobody answers."""

    def __init__(self, hosts=None, blackholes=()):
        super().__init__()
        self.hosts = hosts or {}
        self.blackholes = blackholes
        self.dialled, self.sources = [], []
        self._connections = []

    def connectTCP(self, host, port, factory, timeout, source=None):
        self.dialled.append((host, port))
        self.sources.append(source)
        connector = _Connector()
        factory.doStart()
        if host in self.blackholes:
            self.callLater(
                timeout, factory.clientConnectionFailed, connector, Failure(error.TimeoutError("no answer"))
            )
        elif host not in self.hosts:
            self.callLater(
                0, factory.clientConnectionFailed, connector, Failure(error.ConnectionRefusedError("refused"))
            )
        else:
            connection = Connection(self, self.hosts[host], factory.buildProtocol(None), host)
            connector.connection = connection
            self.hosts[host].connections.append(connection)
            self._connections.append(connection)
            connection.protocol.makeConnection(connection)
            connection.say(self.hosts[host].answer("connect"))
        return connector

    def settle(self):
        """Let everything happen that needs no time."""
        busy = True
        while busy:
            self.advance(0)
            busy = any(connection.deliver_one() for connection in self._connections)
            due = [call for call in self.getDelayedCalls() if call.getTime() <= self.seconds()]
            busy = busy or bool(due)

    def wait(self, seconds):
        self.advance(seconds)
        self.settle()


class _Connector:
    connection = None

    def disconnect(self):
        if self.connection is not None:
            self.connection.loseConnection()


class Names:
    """A Resolver of what the test knows. `mx` and `hosts` map names to records; a Finding stands for itself."""

    def __init__(self, mx=None, hosts=None):
        self.mx, self.hosts = mx or {}, hosts or {}
        self.asked = []

    async def exchangers(self, domain):
        self.asked.append(("MX", domain))
        found = self.mx.get(domain, Finding.NO_DATA)
        if isinstance(found, Finding):
            return Answer(found)
        return Answer(Finding.FOUND, tuple(MailExchanger(*record) for record in found))

    async def addresses(self, host):
        self.asked.append(("A", host))
        found = self.hosts.get(host, Finding.NO_SUCH_NAME)
        if isinstance(found, Finding):
            return Answer(found)
        return Answer(Finding.FOUND, tuple(map(ip_address, found)))


class FixedWay:
    """A Destination that always leads over the same addresses, each of a host of its own."""

    def __init__(self, *addresses):
        self.addresses = addresses

    async def hops(self, domain):
        return tuple(
            Hop(f"mx{number}.example", address, 25) for number, address in enumerate(self.addresses, 1)
        )


class Outgoing:
    """What leaves is the original; `seven_bit` is its 7-bit form, None when there is none."""

    def __init__(self, seven_bit=None, own_each=False):
        self.seven_bit = seven_bit
        self.own_each = own_each

    def content(self, message, delivery, *, eight_bit):
        if eight_bit:
            return message.content
        if self.seven_bit is None:
            raise CannotConvert("it is signed")
        return self.seven_bit

    def return_path(self, message, delivery):
        return message.envelope.return_path

    def recipient(self, message, delivery):
        return delivery.recipient

    def per_recipient(self, message):
        return self.own_each


CONTENT = b"From: a@sender.example\r\nSubject: hello\r\n\r\nHello.\r\n"


def address(text):
    local_part, _, domain = text.rpartition("@")
    return Address(local_part, domain)


def group(*recipients, content=CONTENT, return_path="a@sender.example", **envelope):
    """One message to `recipients` (texts, or Recipients), who are its deliveries 1, 2, ..."""
    recipients = recipients or ("b@example.com",)
    wanted = tuple(r if isinstance(r, Recipient) else Recipient(address(r)) for r in recipients)
    path = None if return_path is None else address(return_path)
    message = Message(
        id=1,
        login="customer",
        accepted_at=0.0,
        envelope=Envelope(path, wanted, **envelope),
        content=content,
        template=untouched(len(content)),
        report=Report(),
        switches=Switches(),
    )
    deliveries = tuple(Delivery(number, 1, recipient) for number, recipient in enumerate(wanted, 1))
    return Group(message, deliveries, wanted[0].address.domain)


def attempts(net, *addresses, security=Security.NONE, outgoing=None, keep=5.0, maximum_messages=100, **more):
    """The courier over `net` to the hosts at `addresses`, in that order."""
    connector = Connector(
        net, "relay.example", more.pop("timeouts", Settings().timeouts), more.pop("contexts", None), **more
    )
    connections = Connections(connector, net, keep=keep, maximum_messages=maximum_messages)
    return Attempts(FixedWay(*addresses), connections, outgoing or Outgoing(), security)


def begin(net, courier, *groups):
    """Start an attempt for each group; their Deferreds."""
    running = [Deferred.fromCoroutine(courier.attempt(group)) for group in groups]
    net.settle()
    return running


def result(deferred):
    """What the Deferred has fired with; it must have."""
    found = []
    deferred.addCallback(lambda value: found.append(value) or value)
    assert found, "it has not ended"
    return found[0]


def attempt(net, courier, group):
    """The outcomes of one attempt that needs no time, in the order of the deliveries."""
    outcomes = result(begin(net, courier, group)[0])
    return [outcomes[delivery.id] for delivery in group.deliveries]
