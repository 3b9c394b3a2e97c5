"""Events as a person reads them: a title, whether that is good or bad, and what else is known."""

from __future__ import annotations

from dataclasses import dataclass

from smtpeter.journal.columns import columns
from smtpeter.journal.events import Event

_TITLES = {
    "attempt": "Accepted",
    "delivery": "Delivered",
    "deferral": "Put off, and tried again",
    "failure": "Failed",
    "report": "A report was made of it",
    "click": "A link was followed",
    "open": "It was opened",
    "bounce": "It came back",
    "response": "An answer came back",
    "abuse": "The recipient complained",
    "operation": "An operator stepped in",
}
_GOOD = frozenset(("delivery", "click", "open"))
_BAD = frozenset(("failure", "bounce", "abuse"))
# What the page says elsewhere, or means nothing to people.
_LEFT_OUT = frozenset(
    ("id", "time", "message", "login", "recipient", "tags", "templateid", "envelope", "headers")
)
_NAMES = {"ip": "address", "properties": "switches"}


@dataclass(frozen=True, slots=True)
class Item:
    """One point on the line; `mood` is good, bad or ""."""

    time: float
    title: str
    mood: str
    details: tuple[tuple[str, str], ...]


def item(event: Event) -> Item:
    """The event, told."""
    known = columns(event)
    told = tuple(
        (_NAMES.get(name, name.replace("_", " ")), _written(name, value))
        for name, value in known.items()
        if name not in _LEFT_OUT and value not in {"", None, False}
    )
    if browser := _browser(str(known.get("headers") or "")):
        told += (("browser", browser),)
    mood = "good" if event.kind in _GOOD else "bad" if event.kind in _BAD else ""
    return Item(event.time, _TITLES[event.kind], mood, told)


def _written(name: str, value: object) -> str:
    return str(value).replace(";", ", ") if name == "properties" else str(value)


def _browser(headers: str) -> str:
    """What it says of itself in a request's header fields, one a line."""
    fields = (line.partition(":") for line in headers.splitlines())
    return next((value.strip() for name, _, value in fields if name.lower() == "user-agent"), "")
