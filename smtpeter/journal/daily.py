"""Log files as the product has them: one for each kind and UTC day, `PREFIX.YYYY-MM-DD.log`, in four formats.

Written piece by piece, so that a day of any size needs no memory. Every value is text; columns that this server knows
nothing of (places, templates) are there for the programs that expect them. CSV lines end in CR LF.
"""

from __future__ import annotations

import csv
import enum
import io
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import UTC, date, datetime
from typing import Any
from xml.sax.saxutils import escape

import msgspec

from smtpeter.journal.columns import columns
from smtpeter.journal.events import CameBack, Event
from smtpeter.journal.interface import Entry, Journal, Query, Tally

Original = Callable[[int], Awaitable[bytes | None]]

_PLACE = ("city", "countryname", "countrycode", "regioncode", "templateid")
_RETURNED = ("id", "time", "envelope", "recipient", "mime", "tags", "templateid")
_PAGE = 1000


class Log(msgspec.Struct, frozen=True):
    """What one kind of log file holds."""

    kind: str  # of its events
    columns: tuple[str, ...]


LOGS = {
    "attempts": Log("attempt", ("id", "time", "envelope", "recipient", "properties", "tags", "templateid")),
    "deliveries": Log(
        "delivery",
        ("id", "time", "envelope", "recipient", "from", "to", "attempt", "tags", "templateid"),
    ),
    "failures": Log(
        "failure",
        (
            *("id", "time", "envelope", "recipient", "attempt", "from", "to"),
            *("type", "code", "status", "description", "state", "tags", "templateid"),
        ),
    ),
    "bounces": Log("bounce", _RETURNED),
    "responses": Log("response", _RETURNED),
    "clicks": Log(
        "click", ("id", "time", "headers", "ip", "url", "destination", "tags", "recipient", *_PLACE)
    ),
    "opens": Log("open", ("id", "time", "headers", "ip", "protocol", "tags", "recipient", *_PLACE)),
    "abuses": Log("abuse", ("id", "time", "envelope", "recipient", "tags", "templateid")),
}


class Format(enum.StrEnum):
    """How a log file is written."""

    CSV = "csv"
    CSV_HEADER = "csv-header"
    JSON = "json"
    XML = "xml"


MEDIA_TYPES = {
    Format.CSV: "text/csv; charset=utf-8; header=absent",
    Format.CSV_HEADER: "text/csv; charset=utf-8; header=present",
    Format.JSON: "application/json",
    Format.XML: "application/xml; charset=utf-8",
}

_NAME = re.compile(r"([a-z]{1,20})\.(\d{4}-\d{2}-\d{2})\.log", re.ASCII)
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class NoSuchLog(ValueError):
    """No log file can have this name."""


def name(prefix: str, day: date) -> str:
    return f"{prefix}.{day.isoformat()}.log"


def parse(text: str) -> tuple[str, date]:
    """Prefix and day of a log file's name; raises NoSuchLog."""
    match = _NAME.fullmatch(text)
    if match is None or match[1] not in LOGS:
        raise NoSuchLog(f"{text!r}: expected a name such as clicks.2026-01-31.log")
    try:
        return match[1], date.fromisoformat(match[2])
    except ValueError:
        raise NoSuchLog(f"{text!r}: there is no such day") from None


def span(day: date) -> tuple[float, float]:
    """When the day begins and ends, Unix seconds."""
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    return begin, begin + 86_400.0  # the last day that has a name ends, too


def listed(tallies: Iterable[Tally]) -> dict[date, tuple[str, ...]]:
    """The days that have log files, in order, and the prefixes of these."""
    kinds: dict[date, set[str]] = {}
    for tally in tallies:
        kinds.setdefault(datetime.fromtimestamp(tally.start, UTC).date(), set()).add(tally.kind)
    found = {day: tuple(prefix for prefix, log in LOGS.items() if log.kind in kinds[day]) for day in kinds}
    return {day: found[day] for day in sorted(found) if found[day]}


async def write(
    journal: Journal, original: Original, prefix: str, day: date, form: Format, login: str | None = None
) -> AsyncIterator[str]:
    """The log file, piece by piece, of one login's mail if that is named; raises JournalUnavailable, and what
    `original` raises.

    `original` gives the text of what came back, for the column `mime`.
    """
    log = LOGS[prefix]
    start, end = span(day)
    query = Query(kinds=(log.kind,), start=start, end=end, login=login)
    yield _head(log, form)
    cursor, is_first = 0, True
    entries: tuple[Entry, ...] = await journal.since(cursor, query, _PAGE)
    while entries:
        rows = [await _row(log, entry.event, original) for entry in entries]
        yield _lines(log, form, rows, is_first=is_first)
        cursor, is_first = entries[-1].cursor, False
        entries = await journal.since(cursor, query, _PAGE)
    yield _tail(form)


def _head(log: Log, form: Format) -> str:
    match form:
        case Format.CSV:
            return ""
        case Format.CSV_HEADER:
            return _csv([log.columns])
        case Format.JSON:
            return "["
        case Format.XML:
            return '<?xml version="1.0" encoding="UTF-8"?>\n<records>\n'


def _tail(form: Format) -> str:
    return {Format.JSON: "]\n", Format.XML: "</records>\n"}.get(form, "")


def _lines(log: Log, form: Format, rows: Iterable[tuple[str, ...]], *, is_first: bool) -> str:
    match form:
        case Format.CSV | Format.CSV_HEADER:
            return _csv(rows)
        case Format.JSON:
            objects = ",\n".join(_json(dict(zip(log.columns, row, strict=True))) for row in rows)
            return objects if is_first else ",\n" + objects
        case Format.XML:
            return "".join(_xml(log.columns, row) for row in rows)


async def _row(log: Log, event: Event, original: Original) -> tuple[str, ...]:
    data = columns(event)
    if isinstance(event, CameBack) and event.original is not None:
        text = await original(event.original)
        data["mime"] = "" if text is None else text.decode("utf-8", "replace")
    return tuple(str(data.get(column, "")) for column in log.columns)


def _csv(rows: Iterable[Iterable[str]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _json(row: dict[str, Any]) -> str:
    return msgspec.json.encode(row).decode("utf-8")


def _xml(names: Iterable[str], row: Iterable[str]) -> str:
    fields = "".join(f"<{one}>{_text(value)}</{one}>" for one, value in zip(names, row, strict=True))
    return f"<record>{fields}</record>\n"


def _text(value: str) -> str:
    return _NOT_XML.sub("\ufffd", escape(value, _CARRIAGE_RETURN))


_CARRIAGE_RETURN = {"\r": "&#13;"}  # XML 1.0 2.11: else it would be read as a line feed
