"""Makes one HTTP request to a URL that somebody else has named, and takes a bounded answer within a bounded time.

The host's addresses are looked up, judged, and the very address that was judged is connected to: a second look-up, which
might say something else, does not happen. TLS verifies the host's name. Redirects are not followed, nothing is
sent that says who we are but the fields given, connections are used once. What goes wrong raises NoAnswer.
"""

# ruff: noqa: N802 - the names of methods are Twisted's
from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from OpenSSL import SSL
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint, wrapClientTLS
from twisted.internet.error import ConnectError, ConnectionClosed
from twisted.internet.interfaces import IConsumer, IProtocol, IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.ssl import optionsForClientTLS
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from twisted.web.client import (
    URI,
    Agent,
    RequestTransmissionFailed,
    ResponseDone,
    ResponseFailed,
    ResponseNeverReceived,
)
from twisted.web.error import Error as HttpError
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory, IBodyProducer, IResponse
from zope.interface import implementer

from smtpeter.request.target import IPAddress, NotAllowed, Target, allowed, read

LookUp = Callable[[str], Awaitable[Sequence[str]]]  # the addresses of a host; () when there are none
Field = tuple[str, str]

_CONNECT_TIMEOUT = 10.0
_OVERHEAD = 65_536  # octets of an answer beside its body
_TOO_LONG = "its answer is too long"
_TROUBLE = (
    NotAllowed,
    ConnectError,
    ConnectionClosed,
    ResponseFailed,
    ResponseNeverReceived,
    RequestTransmissionFailed,
    HttpError,
    SSL.Error,
    OSError,
    ValueError,
)


class NoAnswer(Exception):
    """There was no answer, or none that may be taken; the text says why."""


@dataclass(frozen=True, slots=True)
class Response:
    """A response whose body was taken whole; names of fields are in lower case."""

    status: int
    fields: tuple[Field, ...]
    body: bytes

    def field(self, name: str) -> str:
        """The first field of this name, or ""."""
        return next((value for key, value in self.fields if key == name), "")


class Client:
    """Makes requests. `look_up` gives a host's addresses; no request takes longer than `time_limit` seconds.

    `trust` is whom TLS trusts, as optionsForClientTLS takes it; None are the system's authorities.
    """

    def __init__(
        self,
        reactor: Any,
        look_up: LookUp,
        *,
        allow_private: bool = False,
        time_limit: float = 15.0,
        trust: Any = None,
    ) -> None:
        self._reactor = reactor
        self._look_up = look_up
        self._allow_private = allow_private
        self._time_limit = time_limit
        self._trust = trust

    async def request(
        self, method: str, url: str, fields: Sequence[Field] = (), body: bytes = b"", *, most: int = 65_536
    ) -> Response:
        """The answer, its body of at most `most` octets; raises NoAnswer."""
        asking = Deferred.fromCoroutine(self._ask(method, url, fields, body, most))
        try:
            return await asking.addTimeout(self._time_limit, self._reactor)
        except DeferredTimeout:
            raise NoAnswer(f"no answer within {self._time_limit:g} seconds") from None
        except _TROUBLE as error:
            why = _reason(error)
            late = isinstance(why, CancelledError)  # the agent wraps what ended it
            told = f"no answer within {self._time_limit:g} seconds" if late else _told(why)
            raise NoAnswer(told) from error

    async def _ask(self, method: str, url: str, fields: Sequence[Field], body: bytes, most: int) -> Response:
        target = read(url, allow_private=self._allow_private)
        addresses = allowed(await self._addresses(target), allow_private=self._allow_private)
        checked = _Checked(self._reactor, target, addresses, most + _OVERHEAD, self._trust)
        agent = Agent.usingEndpointFactory(self._reactor, checked)
        headers = Headers({"Host": [target.authority], "User-Agent": ["smtpeter"], "Connection": ["close"]})
        for name, value in fields:
            headers.addRawHeader(name, value)
        try:
            response = await agent.request(
                method.encode("ascii"), target.url.encode("ascii"), headers, _Whole(body) if body else None
            )
            told = tuple(
                (name.decode("latin-1").lower(), value.decode("latin-1"))
                for name, values in response.headers.getAllRawHeaders()
                for value in values
            )
            if isinstance(response.length, int) and response.length > most:
                raise ValueError(_TOO_LONG)
            return Response(response.code, told, await _body(response, most))
        finally:
            checked.end()

    async def _addresses(self, target: Target) -> Sequence[IPAddress]:
        literal = target.literal()
        if literal is not None:
            return (literal,)
        return [ipaddress.ip_address(one) for one in await self._look_up(target.host)]


@implementer(IBodyProducer)
class _Whole:
    """A body that is there, written at once."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.length = len(body)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        consumer.write(self._body)
        return succeed(None)

    def stopProducing(self) -> None: ...

    def pauseProducing(self) -> None: ...

    def resumeProducing(self) -> None: ...


@implementer(IAgentEndpointFactory)
class _Checked:
    """Gives the endpoint whose addresses were judged, whatever is asked for."""

    def __init__(
        self,
        reactor: Any,
        target: Target,
        addresses: Sequence[IPAddress],
        most: int,
        trust: Any,
    ) -> None:
        self._reactor = reactor
        self._trust = trust
        self._target = target
        self._addresses = addresses
        self._most = most
        self._connected: list[_Counted] = []

    def endpointForURI(self, _uri: URI) -> IStreamClientEndpoint:
        return _InTurn(
            [self._endpoint(address) for address in self._addresses], self._most, self._connected.append
        )

    def end(self) -> None:
        """Whatever is still open is of no more use."""
        for one in self._connected:
            if one.is_open:
                one.transport.abortConnection()  # type: ignore[union-attr]

    def _endpoint(self, address: IPAddress) -> Any:
        kind = TCP4ClientEndpoint if address.version == 4 else TCP6ClientEndpoint
        endpoint = kind(self._reactor, str(address), self._target.port, timeout=_CONNECT_TIMEOUT)
        if self._target.scheme == "http":
            return endpoint
        return wrapClientTLS(optionsForClientTLS(self._target.host, self._trust), endpoint)


@implementer(IStreamClientEndpoint)
class _InTurn:
    """Connects to the first address that answers."""

    def __init__(self, endpoints: Sequence[Any], most: int, connected: Callable[[_Counted], None]) -> None:
        self._endpoints = endpoints
        self._most = most
        self._connected = connected

    def connect(self, protocolFactory: Any) -> Deferred[IProtocol]:  # noqa: N803 - Twisted's name
        return Deferred.fromCoroutine(self._connect(_Bounded(protocolFactory, self._most)))

    async def _connect(self, factory: _Bounded) -> IProtocol:
        *others, last = self._endpoints
        for endpoint in others:
            try:
                return self._known(await endpoint.connect(factory))
            except (ConnectError, ConnectionClosed, OSError):
                continue
        return self._known(await last.connect(factory))

    def _known(self, counted: _Counted) -> IProtocol:
        self._connected(counted)
        return counted.wrappedProtocol


class _Counted(ProtocolWrapper):
    """Ends the connection when more comes than an answer may hold."""

    received = 0
    is_open = True

    def dataReceived(self, data: bytes) -> None:
        self.received += len(data)
        if self.received > self.factory.most:
            self.transport.abortConnection()  # type: ignore[union-attr]
        else:
            super().dataReceived(data)  # type: ignore[no-untyped-call]

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.is_open = False
        super().connectionLost(reason)  # type: ignore[no-untyped-call]


class _Bounded(WrappingFactory):
    protocol = _Counted
    noisy = False

    def __init__(self, factory: Factory, most: int) -> None:
        super().__init__(factory)  # type: ignore[no-untyped-call]
        self.most = most


class _Body(Protocol):
    """Gathers a body of at most `most` octets."""

    def __init__(self, done: Deferred[bytes], most: int) -> None:
        self._done = done
        self._most = most
        self._parts: list[bytes] = []

    def dataReceived(self, data: bytes) -> None:
        self._parts.append(data)
        self._most -= len(data)
        if self._most < 0 and not self._done.called:
            self._parts = []
            self._done.errback(ValueError(_TOO_LONG))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._done.called:
            return
        if reason.check(
            ResponseDone, PotentialDataLoss
        ):  # without a length the end is the end (RFC 9112 6.3)
            self._done.callback(b"".join(self._parts))
        else:
            self._done.errback(ValueError("the connection was lost before its end"))


def _body(response: IResponse, most: int) -> Deferred[bytes]:
    done: Deferred[bytes] = Deferred()
    response.deliverBody(_Body(done, most))
    return done


def _reason(error: Exception) -> BaseException:
    reasons = getattr(error, "reasons", None)
    return reasons[0].value if reasons else error


def _told(error: BaseException) -> str:
    """One line without a stranger's control characters."""
    text = " ".join(str(error).split()) or type(error).__name__
    return "".join(character if character.isprintable() else "?" for character in text)[:300]
