"""Events: as the product's programs ask for them, as a journal to follow by its cursor, and as daily log files.

The product's calls take days, `start` inclusive and `end` exclusive, and cut what is longer than a month. An answer that
does not hold everything says where to go on, in a Link field (RFC 8288).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from msgspec import UNSET, Meta, UnsetType

from smtpeter.journal import daily
from smtpeter.journal.columns import record
from smtpeter.journal.events import KINDS
from smtpeter.journal.interface import Entry, Query
from smtpeter.message.identifier import MessageId
from smtpeter.web.api.interface import Neighbours
from smtpeter.web.api.messages import delivery_id
from smtpeter.web.api.problem import Problem
from smtpeter.web.api.route import Call, Given, given
from smtpeter.web.api.shapes import Day

_PRODUCTS = ("attempt", "bounce", "click", "delivery", "failure", "open", "response", "abuse")
_MONTH = timedelta(days=31)
_PAGE = 1000

Limit = Annotated[int, Meta(ge=1, le=10_000, description="At most so many.")]
Cursor = Annotated[int, Meta(ge=0, le=(1 << 63) - 1, description="Those after this place in the journal.")]


class Window(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`tags` are separated by semicolons, and all must match; with `flat` the columns stand beside `event`."""

    start: Day | UnsetType = UNSET
    end: Day | UnsetType = UNSET
    tags: Annotated[str, Meta(max_length=5000)] = ""
    flat: bool = False
    limit: Limit = 10_000
    cursor: Cursor = 0


class Following(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which events; those that are left out mean any."""

    cursor: Cursor = 0
    limit: Limit = _PAGE
    kind: Annotated[str, Meta(max_length=200, description="Kinds, separated by commas.")] = ""
    recipient: Annotated[str, Meta(max_length=320)] = ""
    login: Annotated[str, Meta(max_length=255)] = ""
    tags: Annotated[str, Meta(max_length=5000, description="Separated by semicolons; all must match.")] = ""


class Recorded(msgspec.Struct, frozen=True):
    """An event: its kind, and the columns of that kind."""

    event: str
    data: dict[str, Any]


class EventPage(msgspec.Struct, frozen=True):
    """Events in their order; `cursor` is where to go on, now or when there are more."""

    events: list[Recorded]
    cursor: int


class Events:
    """The calls that tell what happened."""

    def __init__(self, neighbours: Neighbours) -> None:
        self._neighbours = neighbours

    # -- the product's -----------------------------------------------------------------------------------

    async def of_message(self, call: Call[None]) -> Given:
        identifier = delivery_id(call.path["id"])
        delivery = await self._neighbours.spool.delivery(identifier)
        query = Query(delivery=identifier)
        if delivery is None:  # or the id of a message
            query = Query(message=MessageId(identifier))
        first = await self._neighbours.journal.since(0, query, 1)
        sent = _day(first[0].event.time) if first else None
        return await self._window(call, query, sent)

    async def of_recipient(self, call: Call[None]) -> Given:
        return await self._window(call, Query(recipient=call.path["address"]))

    async def of_tags(self, call: Call[None]) -> Given:
        return await self._window(call, Query(tags=_tags(call.path["tags"].replace("/", ";"))))

    async def _window(self, call: Call[None], query: Query, sent: date | None = None) -> Given:
        window: Window = call.query
        start, end = _span(window, sent, _day(self._neighbours.clock()))
        query = replace(
            query,
            kinds=_PRODUCTS,
            tags=query.tags + _tags(window.tags),
            login=call.login,
            start=daily.span(start)[0],
            end=daily.span(end)[0],
        )
        entries = await self._neighbours.journal.since(window.cursor, query, window.limit)
        records = [record(entry.event) for entry in entries]
        if window.flat:
            records = [{"event": one["event"], **one["data"]} for one in records]
        return given(records, 200, *_next(call, window, entries))

    # -- the journal's -----------------------------------------------------------------------------------

    async def follow(self, call: Call[None]) -> Given:
        asked: Following = call.query
        kinds = tuple(one for one in asked.kind.split(",") if one) or None
        unknown = set(kinds or ()) - set(KINDS)
        if unknown:
            raise Problem(422, f"there are {', '.join(KINDS)}", "kind")
        if asked.login and call.login not in {None, asked.login}:
            raise Problem(403, "this token belongs to another login", "login")
        query = Query(
            login=asked.login or call.login,
            recipient=asked.recipient or None,
            tags=_tags(asked.tags),
            kinds=kinds,
        )
        entries = await self._neighbours.journal.since(asked.cursor, query, asked.limit)
        cursor = entries[-1].cursor if entries else asked.cursor
        return given(EventPage([Recorded(**record(entry.event)) for entry in entries], cursor))

    # -- log files ---------------------------------------------------------------------------------------

    async def days(self, call: Call[None]) -> Given:  # noqa: ARG002 - the days are nobody's secret
        return given([day.isoformat() for day in await self._days()])

    async def files(self, call: Call[None]) -> Given:
        day = _date(call.path["file"])
        prefixes = (await self._days()).get(day)
        if prefixes is None:
            raise Problem(404, "there are no log files of this day", "file")
        return given([daily.name(prefix, day) for prefix in prefixes])

    async def _days(self) -> dict[date, tuple[str, ...]]:
        now = self._neighbours.clock()
        return daily.listed(await self._neighbours.journal.tallies(0.0, now + 86_400))

    async def file(self, call: Call[None]) -> Given:
        """A file, or the files of a day."""
        if not call.path["file"].endswith(".log"):
            return await self.files(call)
        return self._file(call, daily.Format.CSV)

    async def file_as(self, call: Call[None]) -> Given:
        forms = {"header": daily.Format.CSV_HEADER, "json": daily.Format.JSON, "xml": daily.Format.XML}
        form = forms.get(call.path["format"])
        if form is None:
            raise Problem(404, "expected header, json or xml", "format")
        return self._file(call, form)

    def _file(self, call: Call[None], form: daily.Format) -> Given:
        try:
            prefix, day = daily.parse(call.path["file"])
        except daily.NoSuchLog as error:
            raise Problem(404, str(error), "file") from None
        pieces = daily.write(
            self._neighbours.journal, self._neighbours.original, prefix, day, form, call.login
        )
        return Given(_encoded(pieces), daily.MEDIA_TYPES[form])


async def _encoded(pieces: AsyncIterator[str]) -> AsyncIterator[bytes]:
    async for piece in pieces:
        yield piece.encode("utf-8", "replace")


def _tags(text: str) -> tuple[str, ...]:
    return tuple(tag for tag in text.split(";") if tag)


def _day(when: float) -> date:
    return datetime.fromtimestamp(when, UTC).date()


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Problem(404, "expected a day as 2026-03-20, or the name of a log file", "file") from None


def _bound(text: str | UnsetType, field: str) -> date | None:
    if text is UNSET:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Problem(422, "there is no such day", field) from None


def _span(window: Window, sent: date | None, today: date) -> tuple[date, date]:
    """The days that are meant: a month from `start`, to `end`, from when the message was sent, or the last one."""
    start, end = _bound(window.start, "start"), _bound(window.end, "end")
    try:
        if start is None and end is None:
            start = sent or today + timedelta(days=1) - _MONTH
        if start is None:
            assert end is not None
            return end - _MONTH, end
        latest = start + _MONTH
    except OverflowError:
        raise Problem(422, "there is no such month", "start") from None
    if end is not None and end <= start:
        raise Problem(422, "expected a day after start", "end")
    return start, min(end or latest, latest)


def _next(call: Call[None], window: Window, entries: tuple[Entry, ...]) -> tuple[tuple[bytes, bytes], ...]:
    if len(entries) < window.limit:
        return ()
    changed = {
        **msgspec.structs.asdict(window),
        "cursor": entries[-1].cursor,
        "flat": str(window.flat).lower(),
    }
    query = urlencode({name: value for name, value in changed.items() if value not in {UNSET, ""}})
    path = call.target.partition("?")[0]
    return ((b"Link", f'<{path}?{query}>; rel="next"'.encode()),)
