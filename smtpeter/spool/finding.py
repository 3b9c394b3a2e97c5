"""Finding messages by what people remember of them: what is sought, and what is found of each delivery. Pure.

A subject is sought by its words, whatever their case and order, as people read them (RFC 2047).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol

from smtpeter.message.identifier import DeliveryId
from smtpeter.spool.states import State

_WORD = re.compile(r"\w+")
_MOST_WORDS = 12
_SHORTEST = 3  # letters, if they are ASCII: other scripts say more with fewer


def words(subject: str) -> tuple[str, ...]:
    """The words, the first of them, by which a decoded subject is found."""
    every = _WORD.findall(subject.casefold())
    told = (word for word in every if len(word) >= _SHORTEST or not word.isascii())
    return tuple(dict.fromkeys(told))[:_MOST_WORDS]


@dataclass(frozen=True, slots=True)
class Sought:
    """Which deliveries are meant; None and "" mean any. `start` inclusive and `end` exclusive, Unix seconds.

    `sender` is the return path that was given or an address of the From field, in any case; recipient, login and tag
    are compared exactly. `state` None: any, also of what is no longer kept.
    """

    recipient: str = ""
    sender: str = ""
    subject: str = ""
    login: str = ""
    tag: str = ""
    state: State | None = None
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A delivery; `state` None, and no subject and author, once it is no longer kept. `time`: when it was accepted."""

    delivery: DeliveryId
    time: float
    recipient: str
    login: str
    tags: tuple[str, ...]
    state: State | None
    subject: str
    author: str


@dataclass(frozen=True, slots=True)
class Page:
    """What was found, the last first; `further` is whence to go on, None when there is no more.

    A search ends after a bounded number of candidates: a page may be short, or empty, and there be more.
    """

    found: tuple[Found, ...]
    further: int | None


class Finder(Protocol):
    """Raises SpoolUnavailable when the store cannot do it now."""

    def find(self, sought: Sought, before: int | None, limit: int, /) -> Awaitable[Page]:
        """Up to `limit`, from before that place (None: from the last)."""
