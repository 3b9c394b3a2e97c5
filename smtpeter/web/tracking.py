"""The tracking host: clicks are redirected to the original, tracked images likewise, the pixel is a pixel.

Where a genuine token leads is in the request itself, so nothing is looked up. A genuine token whose URL was altered on
the way leads to the link that the message holds; everything else is a bare 404, but for the pixel, which looks
the same whether its token is ours or not. Nobody is ever sent where no message of ours led, and never but to http(s).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from smtpeter.message.edit import SlotKind
from smtpeter.message.token import Genuine, KeyRing, Untrackable, serialise, split_target
from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.web.hits import Deliveries, Hit
from smtpeter.web.visit import Answer, Proxies, Visit, shown_headers, text_answer

_LOOK_UP_TIMEOUT = 5.0
_PIXEL_TARGET = re.compile(rb"(?:https?://[^/?#]*+)?/[^/?]*\.gif(?:\?.*)?", re.IGNORECASE | re.DOTALL)

# The smallest image that every program shows: GIF89a, one transparent pixel, 43 octets.
PIXEL = bytes.fromhex(
    "474946383961 0100 0100 80 00 00 000000 ffffff"
    "21f904 01 0000 00 00 2c 0000 0000 0100 0100 00 02 02 4401 00 3b"
)

_NOT_KEPT = (
    (b"Cache-Control", b"no-store"),
    (b"Referrer-Policy", b"no-referrer"),
    (b"X-Content-Type-Options", b"nosniff"),
)
_NOT_FOUND = text_answer(404, "Not found.", *_NOT_KEPT)
_LATER = text_answer(503, "Please try again in a minute.", (b"Retry-After", b"60"), *_NOT_KEPT)
_NOT_ALLOWED = text_answer(
    405, "Only GET and HEAD are understood here.", (b"Allow", b"GET, HEAD"), *_NOT_KEPT
)
_PIXEL_ANSWER = Answer(200, ((b"Content-Type", b"image/gif"), *_NOT_KEPT), PIXEL)


class Tracking:
    """The handler of the tracking host.

    `ring()` gives the key ring as it stands now; `record` takes hits and never waits; `now()` gives Unix seconds.
    """

    _log = Logger()

    def __init__(
        self,
        ring: Callable[[], KeyRing],
        deliveries: Deliveries,
        record: Callable[[Hit], None],
        proxies: Proxies,
        clock: IReactorTime,
        now: Callable[[], float],
    ) -> None:
        self._ring = ring
        self._deliveries = deliveries
        self._record = record
        self._proxies = proxies
        self._clock = clock
        self._now = now

    def answer(self, visit: Visit) -> Answer | Awaitable[Answer]:
        """The answer to a request; HEAD gets GET's and leaves no event, for nobody has seen anything yet."""
        if visit.method not in {b"GET", b"HEAD"}:
            return _NOT_ALLOWED
        found = self._genuine(visit.target)
        if found is not None:
            kind, genuine = found
            return (
                self._altered(visit, kind, genuine)
                if genuine.url is None
                else self._lead(visit, kind, genuine)
            )
        return _PIXEL_ANSWER if _PIXEL_TARGET.fullmatch(visit.target) else _NOT_FOUND

    def _genuine(self, target: bytes) -> tuple[SlotKind, Genuine] | None:
        split = split_target(target)
        if split is None:
            return None
        ring = self._ring()
        if click := ring.read_click(*split):
            return SlotKind.CLICK, click
        if opened := ring.read_open(*split):
            return SlotKind.OPEN, opened
        return None

    def _lead(self, visit: Visit, kind: SlotKind, genuine: Genuine) -> Answer:
        destination = genuine.url or ""
        if visit.method == b"GET":
            self._record(
                Hit(
                    kind=kind,
                    time=self._now(),
                    delivery=genuine.delivery,
                    number=genuine.number,
                    ip=self._proxies.client(visit),
                    headers=shown_headers(visit),
                    destination=destination,
                    protocol=self._proxies.scheme(visit),
                )
            )
        if not destination:
            return _PIXEL_ANSWER
        return Answer(302, ((b"Location", destination.encode("ascii")), *_NOT_KEPT))

    async def _altered(self, visit: Visit, kind: SlotKind, genuine: Genuine) -> Answer:
        looking = Deferred.fromCoroutine(self._stored(genuine))
        try:
            url = await looking.addTimeout(_LOOK_UP_TIMEOUT, self._clock)
        except (SpoolUnavailable, DeferredTimeout) as error:
            self._log.warn("an altered link was not looked up: {error}", error=str(error))
            return _LATER
        return _NOT_FOUND if url is None else self._lead(visit, kind, genuine._replace(url=url))

    async def _stored(self, genuine: Genuine) -> str | None:
        """The message's own link, as WHATWG has it: a header field's worth of plain ASCII, http or https."""
        url = await self._deliveries.target(genuine.delivery, genuine.number)
        try:
            return None if not url else serialise(url)
        except Untrackable:
            return None
