"""The tracking host: clicks are redirected to the original, tracked images likewise or served, the pixel is a pixel.

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
from smtpeter.web import verdict
from smtpeter.web.hits import Deliveries, Hit
from smtpeter.web.pictures import Pictures
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


def _redirect(url: str) -> Answer:
    return Answer(302, ((b"Location", url.encode("ascii")), *_NOT_KEPT))


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
        *,
        pictures: Pictures | None = None,
        anonymous: bool = False,
    ) -> None:
        self._ring = ring
        self._deliveries = deliveries
        self._record = record
        self._proxies = proxies
        self._clock = clock
        self._now = now
        self._pictures = pictures
        self._anonymous = anonymous

    def answer(self, visit: Visit) -> Answer | Awaitable[Answer]:
        """The answer to a request; HEAD gets GET's, and is told as a machine's."""
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

    def _lead(self, visit: Visit, kind: SlotKind, genuine: Genuine) -> Answer | Awaitable[Answer]:
        destination = genuine.url or ""
        self._record(
            Hit(
                kind=kind,
                time=self._now(),
                delivery=genuine.delivery,
                number=genuine.number,
                ip="" if self._anonymous else self._proxies.client(visit),
                headers="" if self._anonymous else shown_headers(visit),
                destination=destination,
                protocol=self._proxies.scheme(visit),
                rule=verdict.of_visit(visit, kind),
            )
        )
        if not destination:
            return _PIXEL_ANSWER
        if kind is SlotKind.OPEN and self._pictures is not None:
            return self._served(self._pictures, destination)
        return _redirect(destination)

    async def _served(self, pictures: Pictures, url: str) -> Answer:
        """The picture itself, or where it is."""
        picture = await pictures.picture(url)
        if picture is None:
            return _redirect(url)
        return Answer(200, ((b"Content-Type", picture[0]), *_NOT_KEPT), picture[1])

    async def _altered(self, visit: Visit, kind: SlotKind, genuine: Genuine) -> Answer:
        looking = Deferred.fromCoroutine(self._stored(genuine))
        try:
            url = await looking.addTimeout(_LOOK_UP_TIMEOUT, self._clock)
        except (SpoolUnavailable, DeferredTimeout) as error:
            self._log.warn("an altered link was not looked up: {error}", error=str(error))
            return _LATER
        if url is None:
            return _NOT_FOUND
        answer = self._lead(visit, kind, genuine._replace(url=url))
        return answer if isinstance(answer, Answer) else await answer

    async def _stored(self, genuine: Genuine) -> str | None:
        """The message's own link, as WHATWG has it: a header field's worth of plain ASCII, http or https."""
        url = await self._deliveries.target(genuine.delivery, genuine.number)
        try:
            return None if not url else serialise(url)
        except Untrackable:
            return None
