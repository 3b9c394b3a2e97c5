"""The HTTP server of the API: the small server's hygiene, and requests that have a body.

A body is bounded in size, in time and, all connections together, in memory; what does not fit is answered before it is
read to its end. A long answer is written as fast as its reader takes it.
"""

# ruff: noqa: N802 - the names of methods are Twisted's
from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from io import BytesIO

import msgspec
from twisted.internet.defer import Deferred, TimeoutError, succeed  # noqa: A004 - Twisted's own
from twisted.internet.interfaces import IPushProducer, IReactorTime
from twisted.python.failure import Failure
from twisted.web import http
from zope.interface import implementer

from smtpeter.web.api.problem import Problem
from smtpeter.web.api.route import JSON, Given
from smtpeter.web.server import Channel, Server, visit
from smtpeter.web.visit import Answer, Visit

Answerer = Callable[[Visit, bytes, bool], Awaitable[Given]]

_HEAD_TIMEOUT = 30.0  # seconds for a request line and its header fields, and between requests
_SLOWEST = 50_000  # octets a second that a body has to come in
_LONGEST = 600.0  # seconds


@dataclass(frozen=True, slots=True)
class Sizes:
    """Octets: of one body, and of all that are on their way in."""

    body: int
    memory: int

    @property
    def share(self) -> int:
        """What one client may hold: a quarter, and never less than a body."""
        return max(self.memory // 4, self.body)


class Request(http.Request):
    """One request with its body."""

    channel: BodyChannel
    content: BytesIO
    _held = 0
    _client = ""
    _refused = False
    _pace: Pace | None = None

    def __init__(self, channel: http.HTTPChannel, queued: object = None) -> None:
        super().__init__(channel, queued)
        # A request outlives its channel when the client hangs up before the answer.
        self._door = channel.factory

    def parseCookies(self) -> None:
        """None are used."""

    def gotLength(self, length: int | None) -> None:
        """None: it comes in chunks, and says at its end how long it was."""
        self.content = BytesIO()
        door = self._door
        expected = length or 0
        self._client = _network(door.client(visit(self)))
        if expected > door.sizes.body:
            self._refuse(Problem(413, f"a request of more than {door.sizes.body} octets is not accepted"))
        elif door.is_full(self._client, expected):
            self._refuse(Problem(503, "Too much is coming in at once, try again later", retry_after=5))
        elif length != 0:
            seconds = _LONGEST if length is None else _HEAD_TIMEOUT + length / _SLOWEST
            self.channel.setTimeout(min(seconds, _LONGEST))  # type: ignore[no-untyped-call]

    def handleContentChunk(self, data: bytes) -> None:
        if self._refused:
            return
        door = self._door
        self._hold(len(data))
        if self._held > door.sizes.body:
            self._refuse(Problem(413, f"a request of more than {door.sizes.body} octets is not accepted"))
        elif door.is_full(self._client, 0):
            self._refuse(Problem(503, "Too much is coming in at once, try again later", retry_after=5))
        else:
            self.content.write(data)

    def _hold(self, octets: int) -> None:
        self._held += octets
        self._door.hold(self._client, octets)

    def _refuse(self, problem: Problem) -> None:
        """Answered at once; the connection ends with that, and what still comes of the body is dropped."""
        self._refused = True
        self._let_go()
        self.requestHeaders.removeHeader(b"Expect")
        self.responseHeaders.setRawHeaders(b"Connection", [b"close"])
        self.method, self.uri, self.clientproto = b"POST", b"", b"HTTP/1.1"
        self.channel.persistent = 0
        self.channel.refused = True
        body = msgspec.json.encode(problem.answered)
        self._respond(Given(body, JSON, problem.status, problem.headers))

    def _let_go(self) -> None:
        self._door.hold(self._client, -self._held)
        self._held = 0
        self.content = BytesIO()

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        self.method, self.uri, self.clientproto = command, path, version
        self.channel._savedTimeOut = _HEAD_TIMEOUT  # noqa: SLF001 - for the next request on this connection
        Deferred.fromCoroutine(self._answer()).addErrback(self._failed)

    async def _answer(self) -> None:
        body = self.content.getvalue()
        self.content = BytesIO()  # there is one copy of it
        door = self._door
        door.asked += 1
        try:
            given = await door.answer(visit(self), body, bool(self.isSecure()))  # type: ignore[no-untyped-call]
            self._respond(given)
        finally:
            self._let_go()
            door.answered()
        if not isinstance(given.body, bytes) and self.method != b"HEAD":
            await self._stream(given.body)
        if not self._disconnected and not self.finished:
            self.finish()  # type: ignore[no-untyped-call]

    def _failed(self, failure: Failure) -> None:
        """What is half written ends with the connection, so that nobody takes it for the whole."""
        self._door.log_failure(failure)
        if not self._disconnected:
            self.channel.forceAbortClient()  # type: ignore[no-untyped-call]

    def _respond(self, given: Given) -> None:
        if self._disconnected or self.finished:
            return
        self.setResponseCode(given.status)
        self.responseHeaders.setRawHeaders(b"Date", [http.datetimeToString()])
        self.responseHeaders.setRawHeaders(b"Cache-Control", [b"no-store"])
        if given.status != 204:
            self.responseHeaders.setRawHeaders(b"Content-Type", [given.content_type.encode("latin-1")])
        for name, _ in given.headers:
            self.responseHeaders.removeHeader(name)
        for name, value in given.headers:  # of Set-Cookie there may be two
            self.responseHeaders.addRawHeader(name, value)
        if isinstance(given.body, bytes):
            if given.status != 204:
                self.responseHeaders.setRawHeaders(b"Content-Length", [b"%d" % len(given.body)])
            self.write(given.body)  # type: ignore[no-untyped-call]
            if self._refused:
                self.finish()  # type: ignore[no-untyped-call]

    async def _stream(self, pieces: AsyncIterator[bytes]) -> None:
        self._pace = pace = Pace()
        self.registerProducer(pace, True)  # type: ignore[no-untyped-call]
        async for piece in pieces:
            await pace.ready()
            if self._disconnected:
                return
            if piece:
                self.write(piece)  # type: ignore[no-untyped-call]
        self.unregisterProducer()  # type: ignore[no-untyped-call]

    def connectionLost(self, reason: Failure) -> None:
        self._let_go()
        if self._pace is not None:
            self._pace.stopProducing()
        super().connectionLost(reason)  # type: ignore[no-untyped-call]


@implementer(IPushProducer)
class Pace:
    """The reader's: `ready` answers when more may be written."""

    def __init__(self) -> None:
        self._waiting: Deferred[None] | None = None
        self._paused = False

    async def ready(self) -> None:
        if self._paused:
            self._waiting = Deferred()
            await self._waiting

    def pauseProducing(self) -> None:
        self._paused = True

    def resumeProducing(self) -> None:
        self._paused = False
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    def stopProducing(self) -> None:
        """The reader has gone: whoever waits finds that out by itself."""
        self.resumeProducing()


class BodyChannel(Channel):
    """One connection."""

    factory: Door
    requestFactory = Request  # type: ignore[assignment]  # noqa: N815

    def _plain(self, data: bytes) -> None:  # noqa: ARG002 - no request is answered without its body
        return None


class Door(Server):
    """Listens for the API."""

    protocol = BodyChannel

    def __init__(
        self, answer: Answerer, reactor: IReactorTime, sizes: Sizes, client: Callable[[Visit], str]
    ) -> None:
        """`client` tells the address of who asks, by the header fields: he may be behind a proxy."""
        super().__init__(_nobody, reactor)
        self.answer = answer
        self.sizes = sizes
        self.client = client
        self._clock = reactor
        self.held = 0  # octets of bodies on their way in
        self.held_by: dict[str, int] = {}  # the same, by client
        self.asked = 0  # requests that have come, and are not answered yet
        self._idle: Deferred[None] | None = None  # fires when there are none

    def hold(self, client: str, octets: int) -> None:
        """So many more of a client's."""
        self.held += octets
        held = self.held_by.pop(client, 0) + octets
        if held:
            self.held_by[client] = held

    def is_full(self, client: str, more: int) -> bool:
        """Whether so many more of a client's are too many: for all, or for him alone."""
        for_all = self.held + more > self.sizes.memory
        return for_all or self.held_by.get(client, 0) + more > self.sizes.share

    def answered(self) -> None:
        """One more is."""
        self.asked -= 1
        if self._idle is not None and not self.asked:
            idle, self._idle = self._idle, None
            idle.callback(None)

    def stop(self, seconds: float) -> Deferred[None]:
        """Fires when all that was asked is answered, or after so many seconds: who is not answered asks again.

        Call it when nobody new can connect. A long answer that has begun is not waited for.
        """
        if not self.asked:
            return succeed(None)
        self._idle = Deferred()
        return self._idle.addTimeout(seconds, self._clock).addErrback(_late)


def _network(client: str) -> str:
    """Who counts as one: an IPv4 address, or an IPv6 network of 64 bits, which is the least that anybody has."""
    try:
        address = ipaddress.ip_address(client.partition("%")[0])
    except ValueError:
        return client
    mapped = getattr(address, "ipv4_mapped", None) or address
    return str(mapped if mapped.version == 4 else ipaddress.ip_network((mapped, 64), strict=False))


def _late(failure: Failure) -> None:
    failure.trap(TimeoutError)


def _nobody(_visit: Visit) -> Answer:
    raise AssertionError("this door answers by itself")
