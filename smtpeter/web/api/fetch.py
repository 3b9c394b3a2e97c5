"""Fetches what is attached by URL: from public addresses only, within a size and a time.

The address that is checked is the one that is connected to: the name is looked up once, here. Redirections are not
followed, since they would lead anywhere.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred, TimeoutError  # noqa: A004 - Twisted's own
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint, wrapClientTLS
from twisted.internet.error import ConnectError, ConnectionClosed
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import Protocol
from twisted.internet.ssl import optionsForClientTLS
from twisted.python.failure import Failure
from twisted.web.client import URI, Agent, ResponseDone, ResponseFailed
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory, IResponse
from zope.interface import implementer

from smtpeter.message.address import is_public
from smtpeter.web.api.problem import Problem

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]  # the addresses of a host name; raises OSError

_PATIENCE = 30.0  # seconds for all of it
_URL = re.compile(r"https?://[!-~]{1,1990}", re.IGNORECASE)
_HEADERS = Headers({b"User-Agent": [b"smtpeter"], b"Accept": [b"*/*"]})


class _Unreachable(Exception):
    """The text says why, for who asked."""


class Fetching:
    """`allow_private`: also from loopback and private networks, for those who keep their files there."""

    def __init__(self, reactor: Any, resolve: Resolve, *, allow_private: bool = False) -> None:
        self._reactor = reactor
        self._agent = Agent.usingEndpointFactory(reactor, _Endpoints(reactor, resolve, allow_private))

    async def __call__(self, url: str, field: str, limit: int, /) -> tuple[bytes, str]:
        """Raises Problem 422, which says why it cannot be had."""
        if _URL.fullmatch(url) is None or not _is_whole(url):
            raise Problem(422, "expected an http or https URL", field)
        fetching = Deferred.fromCoroutine(self._fetch(url, limit))
        try:
            return await fetching.addTimeout(_PATIENCE, self._reactor)
        except TimeoutError:
            raise Problem(422, f"it was not there within {_PATIENCE:.0f} seconds", field) from None
        except (_Unreachable, OSError, ConnectError, ConnectionClosed, ResponseFailed) as error:
            why = str(error) if isinstance(error, _Unreachable) else "its host cannot be reached"
            raise Problem(422, why, field) from None

    async def _fetch(self, url: str, limit: int) -> tuple[bytes, str]:
        response = await self._agent.request(b"GET", url.encode("ascii"), _HEADERS, None)
        if response.code != 200:
            _leave(response)
            raise _Unreachable(f"its host answered {response.code}")
        length = response.length
        if isinstance(length, int) and length > limit:
            _leave(response)
            raise _Unreachable(f"it has more than the {limit} octets that are left for attachments")
        body = _Body(limit)
        response.deliverBody(body)
        octets = await body.done
        [kind] = response.headers.getRawHeaders(b"Content-Type", [b""])[:1]
        return octets, kind.decode("ascii", "replace").partition(";")[0].strip()


def _is_whole(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        return False


def _leave(response: IResponse) -> None:
    """The body is not wanted."""
    response.deliverBody(_Body(0, wanted=False))


class _Body(Protocol):
    """Gathers a body, up to a limit."""

    def __init__(self, limit: int, *, wanted: bool = True) -> None:
        self.done: Deferred[bytes] = Deferred(lambda _: self._end())
        self._limit = limit
        self._wanted = wanted
        self._octets = bytearray()

    def _end(self) -> None:
        if self.transport is not None:
            getattr(self.transport, "abortConnection", self.transport.loseConnection)()

    def connectionMade(self) -> None:  # noqa: N802
        if not self._wanted:
            self._end()

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        if not self._wanted or self.done.called:
            return
        self._octets += data
        if len(self._octets) > self._limit:
            self.done.errback(
                _Unreachable(f"it has more than the {self._limit} octets that are left for attachments")
            )
            self._end()

    def connectionLost(self, reason: Failure = Failure(ConnectionClosed())) -> None:  # noqa: N802, B008
        if not self._wanted or self.done.called:
            return
        if reason.check(ResponseDone, PotentialDataLoss):
            self.done.callback(bytes(self._octets))
        else:
            self.done.errback(_Unreachable("the connection was lost before its end"))


@implementer(IAgentEndpointFactory)
class _Endpoints:
    """Where a URL leads."""

    def __init__(self, reactor: Any, resolve: Resolve, allow_private: bool) -> None:
        self._reactor = reactor
        self._resolve = resolve
        self._allow_private = allow_private

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:  # noqa: N802
        host = uri.host.decode("ascii").strip("[]")
        checked: IStreamClientEndpoint = _Checked(self._reactor, self._addresses, host, uri.port)
        if uri.scheme == b"https":
            checked = wrapClientTLS(optionsForClientTLS(host), checked)
        return checked

    async def _addresses(self, host: str, port: int) -> Sequence[str]:
        """Those of this host that may be connected to; raises _Unreachable."""
        found = await self._resolve(host, port)
        allowed = [text for text in found if self._allow_private or is_public(ipaddress.ip_address(text))]
        if not allowed:
            raise _Unreachable("its host has no public address")
        return allowed


@implementer(IStreamClientEndpoint)
class _Checked:
    """Connects to the first address that was looked up and found good."""

    def __init__(
        self, reactor: Any, addresses: Callable[[str, int], Awaitable[Sequence[str]]], host: str, port: int
    ) -> None:
        self._reactor = reactor
        self._addresses = addresses
        self._host = host
        self._port = port

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:  # noqa: N803
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, factory: IProtocolFactory) -> IProtocol:
        [address, *_] = await self._addresses(self._host, self._port)
        kind = TCP6ClientEndpoint if ":" in address else TCP4ClientEndpoint
        connected: IProtocol = await kind(self._reactor, address, self._port, timeout=10).connect(factory)
        return connected
