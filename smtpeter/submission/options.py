"""What a message asks for by its own header fields, and which of them must go.

`x-smtpeter-*` fields override the login's switches, for this message only; all with that prefix are stripped, known
or not. Of a switch that stands several times the topmost counts. `Bcc` and `Return-Path` go too (RFC 5322 3.6.3,
3.6.7). Whatever is asked for and cannot be done is said in the notes; it never stops a message.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from smtpeter.accounts.model import Login
from smtpeter.message.edit import Edit
from smtpeter.message.header import Field, value
from smtpeter.message.identifier import MessageId
from smtpeter.message.options import MAXIMUM_TAGS, Priority, Switches, is_tag

_PREFIX = "x-smtpeter-"
_REMOVED = frozenset({"bcc", "return-path"})
_SWITCHES = {
    "trackclicks": "track_clicks",
    "trackopens": "track_opens",
    "trackbounces": "track_bounces",
    "preventscam": "prevent_scam",
    "inlinecss": "inline_css",
    "tracktextlinks": "track_text_links",
    "alwayspixel": "always_pixel",
    # the names of 2015
    "clicktracking": "track_clicks",
    "openstracking": "track_opens",
    "bouncetracking": "track_bounces",
    "inlinizecss": "inline_css",
}
_VALUES = {"true": True, "false": False}
_TEXTS = frozenset({"maxdelivertime", "priority"})
_TIME = "%Y-%m-%d %H:%M:%S"
_TIME_FORM = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Options:
    """The switches that hold for one message, its priority and deadline, its tags, the edits that remove what must go, and notes for the report."""

    switches: Switches
    tags: tuple[str, ...] = ()
    edits: tuple[Edit, ...] = ()
    notes: tuple[str, ...] = ()
    give_up_at: float | None = None  # Unix seconds
    priority: Priority | None = None

    def over(self, login: Login, now: float) -> Options:
        """With what is usual for the login where the message asks for nothing; `now` is Unix seconds.

        A message may ask for less priority than its login has, never for more: else all would.
        """
        give_up_at, wanted = self.give_up_at, self.priority
        if give_up_at is None and login.give_up_after is not None:
            give_up_at = now + login.give_up_after
        notes = self.notes
        if wanted is not None and wanted > login.priority:
            notes += (f"{_PREFIX}priority: {wanted.name.lower()} is more than the login has",)
        tags = tuple(dict.fromkeys(self.tags + login.tags))[:MAXIMUM_TAGS]
        priority = login.priority if wanted is None else min(wanted, login.priority)
        return replace(self, tags=tags, give_up_at=give_up_at, priority=priority, notes=notes)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a program asks for a message beside its content: `x-smtpeter-*` fields count more, the login's switches less.

    `give_up_at`: Unix seconds, in place of the server's own patience. `message`: the identifier it shall have.
    """

    switches: Mapping[str, bool] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    give_up_at: float | None = None
    message: MessageId | None = None


def wished(switches: Switches, wishes: Wishes) -> Options:
    """The wishes over the login's switches."""
    if wishes.switches:
        switches = replace(switches, **wishes.switches)
    return Options(switches, wishes.tags, give_up_at=wishes.give_up_at)


def joined(asked: Options, read: Options) -> Options:
    """What `read_options` made of the switches of `asked`, with the tags and notes of both, and its deadline if it has one."""
    tags = tuple(dict.fromkeys(asked.tags + read.tags))[:MAXIMUM_TAGS]
    give_up_at = asked.give_up_at if read.give_up_at is None else read.give_up_at
    return replace(read, tags=tags, notes=asked.notes + read.notes, give_up_at=give_up_at)


def is_read(name: str) -> bool:
    """Whether a field of this name (in lower case) means anything here."""
    return name.startswith(_PREFIX) or name in _REMOVED


def read_options(
    content: bytes,
    found: Iterable[Field],
    switches: Switches,
    *,
    honoured: bool = True,
) -> Options:
    """`honoured`: whether the fields count for this login; else they are removed, and noted."""
    edits: list[Edit] = []
    asked: dict[str, bool] = {}
    tags: list[str] = []
    notes: list[str] = []
    texts: dict[str, str] = {}
    for one in found:
        name = one.name.lower()
        if name.startswith(_PREFIX):
            edits.append(Edit(one.start, one.end, ()))
            if honoured:
                option = name[len(_PREFIX) :]
                if option in _TEXTS:
                    texts.setdefault(option, value(content, one).strip())
                else:
                    _read(option, value(content, one), asked, tags, notes)
            else:
                notes.append(f"{name[:80]}: not obeyed, since the sender did not log in (--option-headers)")
        elif name in _REMOVED:
            edits.append(Edit(one.start, one.end, ()))
    if asked:
        switches = replace(switches, **asked)
    give_up_at = _give_up_at(texts.get("maxdelivertime"), notes)
    priority = _priority(texts.get("priority"), notes)
    return Options(switches, tuple(tags), tuple(edits), tuple(notes), give_up_at, priority)


def _give_up_at(text: str | None, notes: list[str]) -> float | None:
    if text is None:
        return None
    try:
        if _TIME_FORM.fullmatch(text):
            return datetime.strptime(text, _TIME).replace(tzinfo=UTC).timestamp()
    except ValueError:  # as the 31st of February
        pass
    notes.append(f"{_PREFIX}maxdelivertime: expected YYYY-MM-DD hh:mm:ss in UTC, not {text[:60]!r}")
    return None


def _priority(text: str | None, notes: list[str]) -> Priority | None:
    if text is None:
        return None
    wanted = Priority.__members__.get(text.upper())
    if wanted is None:
        notes.append(f"{_PREFIX}priority: expected high, normal or low, not {text[:60]!r}")
    return wanted


def _read(option: str, text: str, asked: dict[str, bool], tags: list[str], notes: list[str]) -> None:
    if option == "tags":
        _read_tags(text, tags, notes)
        return
    switch = _SWITCHES.get(option)
    wanted = _VALUES.get(text.strip().lower())
    if switch is None:
        notes.append(f"{_PREFIX}{option[:60]}: no such option")
    elif wanted is None:
        notes.append(f"{_PREFIX}{option}: expected true or false, not {text[:60]!r}")
    else:
        asked.setdefault(switch, wanted)


def _read_tags(text: str, tags: list[str], notes: list[str]) -> None:
    for tag in filter(None, map(str.strip, text.split(","))):
        if len(tags) == MAXIMUM_TAGS:
            notes.append(f"{_PREFIX}tags: more than {MAXIMUM_TAGS}, the rest is left out")
            return
        if not is_tag(tag):
            notes.append(
                f"{_PREFIX}tags: {tag[:60]!r} is left out: no white space, no semicolons, 100 characters"
            )
        elif tag not in tags:
            tags.append(tag)
