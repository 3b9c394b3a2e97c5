"""An event as programs outside read it: `{"event": KIND, "data": {…}}`, with the product's column names.

Identifiers are shown, times are `YYYY-MM-DD hh:mm:ss` in UTC, tags and properties are joined by `;`.
`templateid` is always "0": the product's clients expect the column.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from smtpeter.journal.events import Event
from smtpeter.message import identifier

_NAMES = {"delivery": "id", "source": "from", "next_attempt": "next", "failure_class": "class"}


def timestamp(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _shown(value: int | None) -> str:
    return identifier.show(value) if value else ""


_FORMS: dict[str, Callable[[Any], Any]] = {
    "delivery": _shown,
    "message": _shown,
    "report": _shown,
    "original": _shown,
    "time": timestamp,
    "next_attempt": timestamp,
    "tags": ";".join,
    "properties": ";".join,
}


def columns(event: Event) -> dict[str, Any]:
    """The event's columns by name, in the order of its class."""
    data = {
        _NAMES.get(name, name): _FORMS[name](value) if name in _FORMS else value
        for name, value in msgspec.structs.asdict(event).items()
    }
    return {"id": data.pop("id"), **data, "templateid": "0"}


def record(event: Event) -> dict[str, Any]:
    return {"event": event.kind, "data": columns(event)}
