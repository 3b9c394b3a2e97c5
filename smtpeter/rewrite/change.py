"""What rewriters say about one leaf: changes of its text, in characters; never of its octets."""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from typing import NamedTuple

from smtpeter.message.edit import Finding, Literal, Slot, Target


class LeftAlone(Exception):
    """This leaf cannot be changed without risk; the text completes "left alone: …"."""


class Change(NamedTuple):
    """Replace characters [start, end) by `pieces`: text that stands as it is, and slots."""

    start: int
    end: int
    pieces: tuple[str | Slot, ...]


_PLACE = itemgetter(0, 1)  # of a change

OctetChange = tuple[int, int, tuple[Literal | Slot, ...]]  # the same, in octets of the decoded leaf


class Rewritten(NamedTuple):
    """What one rewriter made of one leaf. `targets` are what its slots number, in order."""

    changes: list[Change]
    targets: list[Target]
    findings: list[Finding]
    notes: list[str]
    has_failed: bool = False  # for want of memory, say: another time it may do better


def joined(made: Iterable[Rewritten]) -> Rewritten:
    """What several made of one leaf, in their order."""
    together = Rewritten([], [], [], [])
    for one in made:
        together.changes.extend(one.changes)
        together.targets.extend(one.targets)
        together.findings.extend(one.findings)
        together.notes.extend(one.notes)
    return together


def ordered(changes: Iterable[Change]) -> list[Change]:
    """By their places; ValueError when two overlap."""
    in_order = sorted(changes, key=_PLACE)
    position = 0
    for change in in_order:
        if change.start < position:
            raise ValueError(f"two changes of character {change.start}")
        position = change.end
    return in_order
