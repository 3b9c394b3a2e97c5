"""A connection in memory, with TLS in earnest: Twisted's on the server's side, the standard library's on the client's."""

from __future__ import annotations

import ssl

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import ISSLTransport, ITLSTransport
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from zope.interface import directlyProvides, implementer

PATIENCE = 40  # seconds of the Clock that `read_line` waits for an answer


@implementer(ITLSTransport)
class ServerTransport:
    """What the server's protocol has; `raw` is what would be on the network."""

    def __init__(self, protocol, clock, address):
        self.protocol = protocol
        self.raw = StringTransport(peerAddress=address)
        self._clock = clock
        self._top = self.raw
        self.aborted = False

    def startTLS(self, context, normal=True):
        producer = self.raw.producer
        self.raw.unregisterProducer()
        factory = TLSMemoryBIOFactory(context, False, None, self._clock)
        tls = factory.protocol(factory, self.protocol, False)
        self.protocol = self._top = tls
        tls.makeConnection(self.raw)
        directlyProvides(self, ISSLTransport)
        tls.registerProducer(producer, True)

    def getHandle(self):
        return self._top.getHandle()

    def setTcpNoDelay(self, enabled):
        pass

    def write(self, data):
        self._top.write(data)

    def registerProducer(self, producer, streaming):
        self._top.registerProducer(producer, streaming)

    def unregisterProducer(self):
        self._top.unregisterProducer()

    def loseConnection(self):
        self._top.loseConnection()

    def abortConnection(self):
        self.aborted = self.raw.disconnecting = True

    def pauseProducing(self):
        self.raw.pauseProducing()

    def resumeProducing(self):
        self.raw.resumeProducing()

    def getPeer(self):
        return self.raw.getPeer()

    def getHost(self):
        return self.raw.getHost()


class Wire:
    """The client's end. `bytewise`: every octet arrives by itself."""

    def __init__(
        self,
        factory,
        clock: Clock,
        *,
        address="192.0.2.1",
        bytewise=False,
        context=None,
        hostname="mail.test",
    ):
        self.clock = clock
        self.bytewise = bytewise
        self._context = context
        self._hostname = hostname
        self._lost = False
        self._said_farewell = False  # the server ended TLS
        self._buffer = b""
        self._tls = None
        peer = IPv4Address("TCP", address, 40000)
        protocol = factory.buildProtocol(peer)
        self.session = protocol
        self.transport = ServerTransport(protocol, clock, peer)
        protocol.makeConnection(self.transport)

    @property
    def closed(self):
        return self.transport.raw.disconnecting or self._said_farewell

    def send(self, data: bytes) -> None:
        if self._tls is not None:
            self._tls.write(data)
            data = self._out.read()
        self.deliver(data)

    def deliver(self, data: bytes) -> None:
        """Octets as they are on the network."""
        for piece in (data[i : i + 1] for i in range(len(data))) if self.bytewise else (data,):
            if self.closed or not piece:
                break
            self.transport.protocol.dataReceived(piece)
        self.clock.advance(0)

    def read(self) -> bytes:
        """Everything the server has said."""
        self._pull()
        data, self._buffer = self._buffer, b""
        return data

    def _pull(self) -> None:
        self.clock.advance(0)
        data = self.transport.raw.value()
        self.transport.raw.clear()
        if self._tls is None:
            self._buffer += data
            return
        self._in.write(data)
        try:
            while plain := self._tls.read(65536):
                self._buffer += plain
            self._said_farewell = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self._said_farewell = True

    def read_line(self) -> bytes:
        for _ in range(PATIENCE):
            self._pull()
            if b"\n" in self._buffer:
                line, _, self._buffer = self._buffer.partition(b"\n")
                return line + b"\n"
            if self.closed:
                self.lose()
                return b""
            self.clock.advance(1)
        raise AssertionError(f"no answer in {PATIENCE} seconds, only {self._buffer!r}")

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def start_tls(self) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = self._context.wrap_bio(self._in, self._out, server_hostname=self._hostname)
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self.deliver(self._out.read())
                self._in.write(self.transport.raw.value())
                self.transport.raw.clear()
                continue
            break
        self.deliver(self._out.read())

    @property
    def tls(self) -> ssl.SSLObject:
        return self._tls

    def lose(self) -> None:
        """The connection is gone, on both sides."""
        if not self._lost:
            self._lost = True
            self.transport.protocol.connectionLost(Failure(ConnectionDone()))

    def hangs_up(self) -> None:
        """The client closes."""
        self.lose()

    close = lose
