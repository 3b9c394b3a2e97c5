"""What rewriters say about one leaf: changes of its text, in characters; never of its octets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from smtpeter.message.edit import Finding, Slot, Target, Verdict


class LeftAlone(Exception):
    """This leaf cannot be changed without risk; the text completes "left alone: …"."""


class Change(NamedTuple):
    """Replace characters [start, end) by `pieces`: text that stands as it is, and slots."""

    start: int
    end: int
    pieces: tuple[str | Slot, ...]


class Rewritten(NamedTuple):
    """What one rewriter made of one leaf. `targets` are what its slots number, in order."""

    changes: list[Change]
    targets: list[Target]
    findings: list[Finding]
    notes: list[str]


class Lines:
    """Line numbers of a text, counted from 1; cheap when asked in ascending order."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._offset = 0
        self._number = 1

    def at(self, offset: int) -> int:
        if offset >= self._offset:
            self._number += self._text.count("\n", self._offset, offset)
        else:
            self._number -= self._text.count("\n", offset, self._offset)
        self._offset = offset
        return self._number


def ordered(changes: Iterable[Change]) -> list[Change]:
    """By their places; ValueError when two overlap."""
    in_order = sorted(changes, key=lambda change: (change.start, change.end))
    position = 0
    for change in in_order:
        if change.start < position:
            raise ValueError(f"two changes of character {change.start}")
        position = change.end
    return in_order


_LONGEST_VALUE = 2_000  # characters of a URL in the report


def finding(rewriter: str, place: str, value: str, reason: str) -> Finding:
    """`reason` "": it was changed."""
    verdict = Verdict.LEFT if reason else Verdict.CHANGED
    return Finding(rewriter, verdict, place, value[:_LONGEST_VALUE], reason)
