"""Tracked images served by us: fetched once, kept for a while in a bounded cache, from public addresses only.

Only what a genuine token names is ever asked for here. What cannot be fetched, is too large or no picture is None, and
the recipient is redirected to the original, as if there were no cache; that is remembered for a minute.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable
from typing import Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from smtpeter.request.client import Field, NoAnswer, Response

MAXIMUM_SIZE = 2_097_152  # octets of one picture
_MAXIMUM_CACHE = 67_108_864
_MAXIMUM_FETCHES = 20
_GOOD_FOR = 3600.0  # seconds
_BAD_FOR = 60.0
_ENTRY = 512  # octets that an entry costs beside its body
# No SVG, which may hold programs, and nothing that a browser would show as a page of ours.
_TYPES = frozenset(f"image/{kind}" for kind in ("png", "jpeg", "gif", "webp", "avif", "bmp", "x-icon"))

Picture = tuple[bytes, bytes]  # media type and body


class Get(Protocol):
    """As request.client.Client.request."""

    def __call__(
        self, method: str, url: str, fields: tuple[Field, ...] = (), body: bytes = b"", *, most: int = 0
    ) -> Awaitable[Response]: ...


class Pictures:
    """The cache; `get` makes requests."""

    _log = Logger()

    def __init__(self, get: Get, clock: IReactorTime, maximum: int = _MAXIMUM_CACHE) -> None:
        self._get = get
        self._clock = clock
        self._maximum = maximum
        self._kept: OrderedDict[str, tuple[float, Picture | None]] = OrderedDict()
        self._size = 0
        self._coming: dict[str, list[Deferred[Picture | None]]] = {}

    def picture(self, url: str) -> Deferred[Picture | None]:
        """The picture at `url`, or None where there is none to be had now."""
        until, picture = self._kept.get(url, (0.0, None))
        if until > self._clock.seconds():
            self._kept.move_to_end(url)
            return succeed(picture)
        if url not in self._coming and len(self._coming) >= _MAXIMUM_FETCHES:
            return succeed(None)
        waiter: Deferred[Picture | None] = Deferred()
        if url in self._coming:
            self._coming[url].append(waiter)
        else:
            self._coming[url] = [waiter]
            fetching = Deferred.fromCoroutine(self._fetch(url)).addErrback(self._failed)
            fetching.addCallback(self._came, url)
        return waiter

    async def _fetch(self, url: str) -> Picture | None:
        try:
            fetched = await self._get("GET", url, (("Accept", "image/*"),), most=MAXIMUM_SIZE)
        except NoAnswer:
            return None
        media_type = fetched.field("content-type").partition(";")[0].strip().lower()
        if fetched.status != 200 or media_type not in _TYPES:
            return None
        return media_type.encode("ascii"), fetched.body

    def _failed(self, failure: Failure) -> None:
        self._log.failure("a picture could not be fetched", failure=failure)

    def _came(self, picture: Picture | None, url: str) -> None:
        self._drop(url)
        until = self._clock.seconds() + (_BAD_FOR if picture is None else _GOOD_FOR)
        self._kept[url] = until, picture
        self._size += _cost(url, picture)
        while self._size > self._maximum:
            self._drop(next(iter(self._kept)))
        for waiter in self._coming.pop(url):
            waiter.callback(picture)

    def _drop(self, url: str) -> None:
        if url in self._kept:
            _, picture = self._kept.pop(url)
            self._size -= _cost(url, picture)


def _cost(url: str, picture: Picture | None) -> int:
    return _ENTRY + len(url) + (len(picture[1]) if picture else 0)
