"""The original beside what was sent, with every edit marked: taken from the template, so it is exactly what was done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from smtpeter.message.edit import Base64, Literal, Piece, Slot, Span, Template, edits_of

LONGEST = 262_144  # octets that are shown side by side


class Stretch(NamedTuple):
    """Text, and whether it is on this side only."""

    text: str
    marked: bool


def original(content: bytes, template: Template) -> list[Stretch]:
    """What came, what was taken out of it marked."""
    shown: list[Stretch] = []
    position = 0
    for edit in edits_of(len(content), template):
        shown.append(_stretch(content[position : edit.start], marked=False))
        shown.append(_stretch(content[edit.start : edit.end], marked=True))
        position = edit.end
    shown.append(_stretch(content[position:], marked=False))
    return [one for one in shown if one.text]


def sent(content: bytes, template: Template) -> list[Stretch]:
    """What left, what was put in marked; base64 is shown as what it encodes."""
    return [one for one in _sent(content, template.pieces) if one.text]


def _sent(content: bytes, pieces: tuple[Piece, ...]) -> Iterator[Stretch]:
    for piece in pieces:
        match piece:
            case Span(start, end):
                yield _stretch(content[start:end], marked=False)
            case Literal(data):
                yield _stretch(data, marked=True)
            case Slot(_, number):
                yield Stretch(f"[token {number}]", marked=True)
            case Base64(decoded, inner):
                yield from _sent(decoded, inner)


def _stretch(octets: bytes, *, marked: bool) -> Stretch:
    return Stretch(octets.decode("utf-8", "replace").replace("\r\n", "\n"), marked)
