"""The door to the DNS: dnspython's messages over Twisted's sockets, with a bounded cache.

Not dns.resolver in threads: a dead name server would hold each thread for seconds, and time could not be tested.
There is one query in flight for a name and kind, however many wait for it. Each UDP query has a random id and a
socket, so a port, of its own (RFC 5452). What cannot be learnt is TROUBLE, never an exception.
"""
# ruff: noqa: N802 - Twisted names these methods

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from dns.rdatatype import RdataType
from twisted.internet.defer import Deferred, DeferredSemaphore, succeed
from twisted.internet.interfaces import IConnector, IDelayedCall
from twisted.internet.protocol import ClientFactory, connectionDone
from twisted.protocols.basic import Int16StringReceiver
from twisted.python.failure import Failure

from smtpeter.relay import names
from smtpeter.relay.datagram import Datagrams, Readers
from smtpeter.relay.interface import Answer, Finding, IPAddress, MailExchanger, Tlsa
from smtpeter.relay.names import NameServer, NoSuchQuestion, Question, Reading

PATIENCE = (2.0, 4.0)  # seconds for each server's answer, in the first and in the second round
MAXIMUM_CHAIN = 8  # CNAME records followed in a row
_LEAST_TTL, _MOST_TTL = 1.0, 86_400.0
_TROUBLE_TTL = 5.0  # RFC 2308 7.1 lets a failure be remembered for up to 5 minutes
_LONG_AGO = -1.0


class Reactor(Readers, Protocol):
    """What the resolver uses of Twisted's reactor."""

    def seconds(self) -> float: ...

    def callLater(self, delay: float, callable: Callable[[], object], /) -> IDelayedCall: ...  # noqa: A002

    def connectTCP(self, host: str, port: int, factory: ClientFactory, timeout: float, /) -> IConnector: ...


class Socket(Protocol):
    """Carries datagrams to and from one server."""

    def send(self, data: bytes, /) -> None:
        """Raises OSError."""

    def close(self) -> None: ...


class OpenSocket(Protocol):
    """As `Datagrams`."""

    def __call__(
        self,
        reactor: Reactor,
        peer: NameServer,
        heard: Callable[[bytes], None],
        refused: Callable[[], None],
        /,
    ) -> Socket: ...


Key = tuple[str, RdataType]


class DnsResolver:
    """A `Resolver` that asks `servers` in their order; `randbits` gives random bits from a secure source.

    `trusted`: what the servers say is signed is so, since nobody can come between them and us (RFC 7672 2.1.3).
    """

    def __init__(
        self,
        reactor: Reactor,
        servers: Sequence[NameServer],
        randbits: Callable[[int], int],
        *,
        maximum_entries: int = 20_000,
        maximum_queries: int = 200,
        trusted: bool = False,
        open_socket: OpenSocket = Datagrams,
    ) -> None:
        self._reactor = reactor
        self._servers = tuple(servers)
        self._randbits = randbits
        self._maximum_entries = maximum_entries
        self._open_socket = open_socket
        self._trusted = trusted
        self._turn = DeferredSemaphore(maximum_queries)
        self._cache: dict[Key, tuple[float, Reading]] = {}
        self._waiting: dict[Key, list[Deferred[Reading]]] = {}

    def exchangers(self, domain: str) -> Deferred[Answer[MailExchanger]]:
        return self._reading(domain, names.MX).addCallback(_answer)

    def addresses(self, host: str) -> Deferred[Answer[IPAddress]]:
        six, four = self._reading(host, names.AAAA), self._reading(host, names.A)
        return six.addCallback(lambda first: four.addCallback(lambda second: _both(first, second)))

    def associations(self, base: str, port: int) -> Deferred[Answer[Tlsa]]:
        return self._reading(f"_{port}._tcp.{base}", names.TLSA).addCallback(_associations)

    def alias(self, name: str) -> Deferred[Answer[str]]:
        return self._reading(name, names.CNAME).addCallback(_alias)

    def texts(self, name: str) -> Deferred[Answer[bytes]]:
        return self._reading(name, names.TXT).addCallback(_texts)

    def _reading(self, name: str, kind: RdataType) -> Deferred[Reading]:
        key = (name.lower().rstrip("."), kind)
        expires, reading = self._cache.get(key, (_LONG_AGO, _NOTHING))
        if expires > self._reactor.seconds():
            return succeed(reading)
        waiter: Deferred[Reading] = Deferred()
        if key in self._waiting:
            self._waiting[key].append(waiter)
        else:
            self._waiting[key] = [waiter]
            query = Deferred.fromCoroutine(self._resolve(*key))
            query.addErrback(_trouble).addCallback(self._finish, key)
        return waiter

    def _finish(self, reading: Reading, key: Key) -> None:
        self._keep(key, reading)
        for waiter in self._waiting.pop(key):
            waiter.callback(reading)

    def _keep(self, key: Key, reading: Reading) -> None:
        ttl = (
            _TROUBLE_TTL
            if reading.finding is Finding.TROUBLE
            else min(max(reading.ttl, _LEAST_TTL), _MOST_TTL)
        )
        self._cache.pop(key, None)
        if len(self._cache) >= self._maximum_entries:
            del self._cache[next(iter(self._cache))]  # the oldest
        self._cache[key] = (self._reactor.seconds() + ttl, reading)

    async def _resolve(self, name: str, kind: RdataType) -> Reading:
        hops, secure, led_to = 0, self._trusted, ""
        while True:
            reading = await self._ask(name, kind)
            hops += reading.hops
            secure = secure and reading.secure
            if hops > MAXIMUM_CHAIN:
                return Reading(Finding.NO_DATA, cause=f"more than {MAXIMUM_CHAIN} CNAME records in a row")
            if not reading.alias:
                return replace(reading, secure=secure, name=reading.name or led_to)
            name = led_to = reading.alias

    async def _ask(self, name: str, kind: RdataType) -> Reading:
        """Ask one server after the other, twice where there was silence."""
        trouble = Reading(Finding.TROUBLE, cause="no answer from the name servers in time")
        silent = list(self._servers)
        for seconds in PATIENCE:
            for server in tuple(silent):
                try:
                    asked = names.question(name, kind, self._randbits(16))
                except NoSuchQuestion as error:
                    return Reading(Finding.NO_SUCH_NAME, ttl=_MOST_TTL, cause=str(error))
                reading = await self._turn.run(self._exchange, server, asked, seconds)
                if reading is None:
                    continue
                if reading.finding is not Finding.TROUBLE:
                    return reading
                trouble = reading
                silent.remove(server)
        return trouble

    def _exchange(self, server: NameServer, asked: Question, seconds: float) -> Deferred[Reading | None]:
        return Deferred.fromCoroutine(self._by_udp_or_tcp(server, asked, seconds))

    async def _by_udp_or_tcp(self, server: NameServer, asked: Question, seconds: float) -> Reading | None:
        reading = await _Datagram(asked).ask(self._reactor, self._open_socket, server, seconds)
        if reading is not None and reading.truncated:  # RFC 7766 5
            reading = await _Stream(asked).ask(self._reactor, server, seconds)
        return reading


_NOTHING = Reading(Finding.TROUBLE)


def _trouble(failure: Failure) -> Reading:
    return Reading(Finding.TROUBLE, cause=repr(failure.value))


def _answer(reading: Reading) -> Answer[MailExchanger]:
    records = tuple(record for record in reading.records if isinstance(record, MailExchanger))
    return Answer(reading.finding, records, reading.cause, reading.secure)


def _associations(reading: Reading) -> Answer[Tlsa]:
    records = tuple(record for record in reading.records if isinstance(record, Tlsa))
    return Answer(reading.finding, records, reading.cause, reading.secure)


def _alias(reading: Reading) -> Answer[str]:
    records = tuple(record for record in reading.records if isinstance(record, str))
    return Answer(reading.finding, records, reading.cause, reading.secure)


def _texts(reading: Reading) -> Answer[bytes]:
    records = tuple(record for record in reading.records if isinstance(record, bytes))
    return Answer(reading.finding, records, reading.cause, reading.secure)


def _both(six: Reading, four: Reading) -> Answer[IPAddress]:
    """Both families as one answer: what is there is told, what may be there is trouble."""
    records = tuple(
        record
        for record in (*six.records, *four.records)
        if isinstance(record, ipaddress.IPv4Address | ipaddress.IPv6Address)
    )
    if records:
        found = [one for one in (six, four) if one.records]
        return Answer(Finding.FOUND, records, secure=any(one.secure for one in found), name=found[0].name)
    for finding in (Finding.TROUBLE, Finding.NO_DATA):
        for reading in (four, six):
            if reading.finding is finding:
                return Answer(finding, cause=reading.cause)
    return Answer(Finding.NO_SUCH_NAME, cause=four.cause)


class _Datagram:
    """One query over UDP."""

    def __init__(self, asked: Question) -> None:
        self._asked = asked
        self._done: Deferred[Reading | None] = Deferred()

    async def ask(
        self, reactor: Reactor, open_socket: OpenSocket, server: NameServer, seconds: float
    ) -> Reading | None:
        """The server's answer; None when there is none in time."""
        try:
            socket = open_socket(reactor, server, self._heard, lambda: self._finish(None))
        except OSError as error:
            return Reading(Finding.TROUBLE, cause=str(error))
        timeout = reactor.callLater(seconds, lambda: self._finish(None))
        try:
            socket.send(self._asked.wire)
            return await self._done
        except OSError as error:
            return Reading(Finding.TROUBLE, cause=str(error))
        finally:
            if timeout.active():
                timeout.cancel()
            socket.close()

    def _heard(self, datagram: bytes) -> None:
        reading = names.read(self._asked, datagram)
        if reading is not None:
            self._finish(reading)

    def _finish(self, reading: Reading | None) -> None:
        if not self._done.called:
            self._done.callback(reading)


class _Stream(Int16StringReceiver):
    """One query over TCP (RFC 7766)."""

    MAX_LENGTH = names.MAXIMUM_SIZE

    def __init__(self, asked: Question) -> None:
        self._asked = asked
        self._done: Deferred[Reading | None] = Deferred()

    async def ask(self, reactor: Reactor, server: NameServer, seconds: float) -> Reading | None:
        """The server's answer; None when there is none in time."""
        factory = _StreamFactory(self, self._finish)
        connector = reactor.connectTCP(*server, factory, seconds)
        timeout = reactor.callLater(seconds, lambda: self._finish(None))
        try:
            return await self._done
        finally:
            if timeout.active():
                timeout.cancel()
            connector.disconnect()

    def connectionMade(self) -> None:
        assert self.transport is not None
        wire = self._asked.wire
        self.transport.write(len(wire).to_bytes(2, "big") + wire)

    def lengthLimitExceeded(self, _length: int) -> None:
        self._finish(names.TOO_LARGE)

    def stringReceived(self, string: bytes) -> None:
        self._finish(names.read(self._asked, string))

    def connectionLost(self, _reason: Failure = connectionDone) -> None:
        self._finish(None)

    def _finish(self, reading: Reading | None) -> None:
        if not self._done.called:
            self._done.callback(reading)


class _StreamFactory(ClientFactory):
    noisy = False

    def __init__(self, stream: _Stream, finish: Callable[[None], None]) -> None:
        self._stream = stream
        self._finish = finish

    def buildProtocol(self, _address: object) -> _Stream:
        return self._stream

    def clientConnectionFailed(self, _connector: object, _reason: Failure) -> None:
        self._finish(None)
