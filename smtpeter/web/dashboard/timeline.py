"""Events as a person reads them: a title, whether that is good or bad, and what else is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from smtpeter.journal.columns import columns
from smtpeter.journal.events import Event
from smtpeter.message.status import Stage
from smtpeter.web.dashboard.logins import SWITCHES

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
_NAMES = {"ip": "address", "properties": "switches", "stage": "at", "state": "at"}
# Where a conversation ended, for people.
_STAGES = {
    Stage.PROCESS: "before any conversation",
    Stage.DNS: "the search for the recipient's server",
    Stage.CONNECT: "connecting",
    Stage.HANDSHAKE: "agreeing on TLS",
    Stage.GREETING: "the greeting",
    Stage.EHLO: "the answer to the greeting",
    Stage.STARTTLS: "asking for TLS",
    Stage.AUTH: "signing in",
    Stage.MAIL: "telling the return path",
    Stage.RCPT: "telling the recipient",
    Stage.DATA: "offering the message",
    Stage.MESSAGE: "the end of the message",
    Stage.SUPPRESSION: "the suppression list",
    Stage.BOUNCE: "a report that came back later",
}


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
        if name not in _LEFT_OUT and value not in {"", None, False} and not _is_said(name, known)
    )
    if browser := _browser(str(known.get("headers") or "")):
        told += (("browser", browser),)
    mood = "good" if event.kind in _GOOD else "bad" if event.kind in _BAD else ""
    return Item(event.time, _TITLES[event.kind], mood, told)


def _is_said(name: str, known: Mapping[str, object]) -> bool:
    return name == "host" and known["host"] == known.get("to")


def _written(name: str, value: object) -> str:
    if name == "properties":
        return ", ".join(SWITCHES.get(one, (one,))[0] for one in str(value).split(";"))
    if name in {"stage", "state"} and value in set(Stage):
        return _STAGES[Stage(str(value))]
    return str(value)


def _browser(headers: str) -> str:
    """What it says of itself in a request's header fields, one a line."""
    fields = (line.partition(":") for line in headers.splitlines())
    return next((value.strip() for name, _, value in fields if name.lower() == "user-agent"), "")
