"""A small HTTP server for requests that have no body: twisted.web's protocol with the limits it lacks.

The request line and the header fields share 16 KB and must be complete within 30 seconds of the connection or of
the last response; a body is refused, connections are counted. Nothing is parsed but what the handler asks for, nothing
is logged of a request but our own failures, and no response says what software this is.
"""

# ruff: noqa: N802, N815 - the names of methods and attributes are Twisted's
from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.logger import Logger
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from twisted.web import http

from smtpeter.web.visit import Answer, Visit, text_answer

Handler = Callable[[Visit], Answer | Awaitable[Answer]]

# GET, fields of visible characters, and nothing that asks for more than an answer (RFC 9112 3 and 5).
_PLAIN = re.compile(rb"GET ([!-~]+) HTTP/1\.1\r\n((?:[A-Za-z0-9-]+:[\t -~\x80-\xff]*\r\n)+)\r\n")
_NOT_PLAIN = re.compile(
    rb"\n(?:connection:(?![ \t]*keep-alive[ \t]*\r)|content-length|transfer-encoding|expect|upgrade|te:)",
    re.IGNORECASE,
)
_REQUEST_TIMEOUT = 30.0
_MAXIMUM_CONNECTIONS = 2_000


class Request(http.Request):
    """One request, answered by the factory's handler."""

    channel: Channel

    def __init__(self, channel: http.HTTPChannel, queued: object = None) -> None:
        super().__init__(channel, queued)
        self._log_failure = channel.factory.log_failure  # the channel is gone when the client hangs up

    def parseCookies(self) -> None:
        """None are used."""

    def gotLength(self, length: int | None) -> None:
        """A body (RFC 9112 6) is refused before it is read; the connection ends with that."""
        if length != 0:
            self.requestHeaders.removeHeader(b"Expect")  # nobody is told to continue
            self.responseHeaders.setRawHeaders(b"Connection", [b"close"])
            self.method, self.uri, self.clientproto = b"", b"", b"HTTP/1.1"
            self.channel.persistent = 0
            self.channel.refused = True
            self._respond(text_answer(413, "A request here has no body."))

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """The request is complete."""
        self.method, self.uri, self.clientproto = command, path, version
        Deferred.fromCoroutine(self._handle(visit(self))).addErrback(self._failed)

    async def _handle(self, asked: Visit) -> None:
        answer = self.channel.ahead or self.channel.factory.handler(asked)
        self.channel.ahead = None
        self._respond(answer if isinstance(answer, Answer) else await answer)

    def _failed(self, failure: Failure) -> None:
        self._log_failure(failure)
        self._respond(text_answer(500, "Something went wrong here."))

    def _respond(self, answer: Answer) -> None:
        if self._disconnected or self.finished:
            return
        self.setResponseCode(answer.status)
        self.responseHeaders.setRawHeaders(b"Date", [http.datetimeToString()])
        self.responseHeaders.setRawHeaders(b"Content-Length", [b"%d" % len(answer.body)])
        for name, value in answer.headers:
            self.responseHeaders.setRawHeaders(name, [value])
        self.write(answer.body)  # type: ignore[no-untyped-call]
        self.finish()  # type: ignore[no-untyped-call]


def visit(request: http.Request) -> Visit:
    """What a request says, its header fields as they came."""
    peer = request.channel.getPeer()
    return Visit(
        request.method,
        request.uri,
        tuple(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, values in request.requestHeaders.getAllRawHeaders()
            for value in values
        ),
        peer.host if isinstance(peer, IPv4Address | IPv6Address) else "",
    )


class Channel(http.HTTPChannel):
    """One connection."""

    maxHeaders = 100
    totalHeadersSize = 16_384
    abortTimeout = 5
    requestFactory = Request  # type: ignore[assignment]
    refused = False
    ahead: Awaitable[Answer] | None = None  # the answer to the request that is just being read

    @property
    def _is_between_requests(self) -> bool:
        return not self.requests and not self._buffer and bool(self._HTTPChannel__first_line)  # type: ignore[attr-defined]

    def connectionMade(self) -> None:
        self.factory.connections += 1
        super().connectionMade()  # type: ignore[no-untyped-call]

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        self.factory.connections -= 1
        super().connectionLost(reason)  # type: ignore[no-untyped-call]

    def dataReceived(self, data: bytes) -> None:
        """Unlike the stock channel, octets that trickle in buy no more time."""
        visit = self._plain(data)
        answer = None if visit is None else self._asked(visit)
        if isinstance(answer, Answer):
            self.resetTimeout()  # type: ignore[no-untyped-call]
            self.transport.write(self.factory.written(answer))  # type: ignore[union-attr]
        else:
            self.ahead = answer
            LineReceiver.dataReceived(self, data)

    def _plain(self, data: bytes) -> Visit | None:
        """The request, if it is all there is, and so plain that nothing more has to be known about it: nearly all are.

        The stock channel takes three times as long for the same, and is left what is not plain.
        """
        match = _PLAIN.fullmatch(data) if len(data) < self.totalHeadersSize else None
        if match is None or _NOT_PLAIN.search(data) or not self._is_between_requests or self.refused:
            return None
        fields = match[2].decode("latin-1").split("\r\n")[:-1]
        if len(fields) >= self.maxHeaders:
            return None
        pairs = (field.partition(":") for field in fields)
        peer = self.getPeer()  # type: ignore[no-untyped-call]
        return Visit(
            b"GET",
            match[1],
            tuple((name, value.strip(" \t")) for name, _, value in pairs),
            peer.host if isinstance(peer, IPv4Address | IPv6Address) else "",
        )

    def _asked(self, visit: Visit) -> Answer | Awaitable[Answer]:
        try:
            answer: Answer | Awaitable[Answer] = self.factory.handler(visit)
        except Exception:  # noqa: BLE001 - whatever it is, it is told where the answer is awaited
            return fail()
        return answer

    def rawDataReceived(self, data: bytes) -> None:
        """What arrives of a refused body is dropped."""
        if not self.refused:
            super().rawDataReceived(data)

    def timeoutConnection(self) -> None:
        """As the stock channel, without a log line for each."""
        self._abortingCall = self.callLater(self.abortTimeout, self.forceAbortClient)  # type: ignore[no-untyped-call]
        self.loseConnection()  # type: ignore[no-untyped-call]


class Server(http.HTTPFactory):
    """Listens for a handler, which answers a Visit with an Answer, now or later."""

    protocol = Channel  # type: ignore[assignment]
    noisy = False
    _log = Logger()

    def __init__(self, handler: Handler, reactor: IReactorTime) -> None:
        super().__init__(timeout=_REQUEST_TIMEOUT, reactor=reactor)
        self.handler = handler
        self.connections = 0
        self._clock = reactor
        self._second, self._date = -1, b""

    def written(self, answer: Answer) -> bytes:
        """A response to HTTP/1.1, whose connection stays."""
        second = int(self._clock.seconds())
        if second != self._second:
            self._second, self._date = second, http.datetimeToString()
        head = [
            b"HTTP/1.1 %d %s" % (answer.status, http.RESPONSES.get(answer.status, b"")),
            b"Date: " + self._date,
            b"Content-Length: %d" % len(answer.body),
            *(b"%s: %s" % field for field in answer.headers),
            b"\r\n",
        ]
        return b"\r\n".join(head) + answer.body

    def buildProtocol(self, addr: IAddress | None) -> http.HTTPChannel | None:  # type: ignore[override]
        if self.connections >= _MAXIMUM_CONNECTIONS:
            return None
        return super().buildProtocol(addr)

    def startFactory(self) -> None:
        """No access log: tokens and addresses of recipients are nobody's business but the journal's."""

    def stopFactory(self) -> None: ...

    def log(self, request: http.Request) -> None: ...

    def log_failure(self, failure: Failure) -> None:
        self._log.failure("a request was not answered", failure=failure)
