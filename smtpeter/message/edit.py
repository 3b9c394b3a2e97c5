"""Edits, the wire template they compile to, and the report that tells about each.

A *wire template* is a sequence of pieces: spans of the original, literals, and slots, whose values are known
only at render, once a recipient. Its slots have a fixed length, so that line lengths and transfer encodings are
settled when the template is made, and rendering is nothing but string work.
The original plus its template is all the spool keeps; both can always be shown side by side.
None of these values can be part of a cycle, so the garbage collector need not look at them (gc=False).
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from operator import attrgetter

import msgspec


class SlotKind(enum.StrEnum):
    """What stands in a slot."""

    CLICK = "click"  # token of a tracked link
    OPEN = "open"  # token of a tracked image or of the pixel


class Span(msgspec.Struct, frozen=True, array_like=True, tag="s", gc=False):
    """Octets [start, end) of the original."""

    start: int
    end: int


class Literal(msgspec.Struct, frozen=True, array_like=True, tag="l", gc=False):
    """Octets that stand as they are, already in their place's charset and transfer encoding."""

    data: bytes


class Slot(msgspec.Struct, frozen=True, array_like=True, tag="t", gc=False):
    """The token for link or image number `number` (which indexes the template's targets).

    `charset` is "" where a token's ASCII characters are its octets, else the codec that encodes them (UTF-16).
    """

    kind: SlotKind
    number: int
    charset: str = ""


class Base64(msgspec.Struct, frozen=True, array_like=True, tag="b", gc=False):
    """A base64 leaf (RFC 2045 6.8): `pieces` are spliced first, then encoded in lines of 76 characters."""

    decoded: bytes  # the leaf's decoded content, which the spans in `pieces` index
    pieces: tuple[Span | Literal | Slot, ...]


Piece = Span | Literal | Slot | Base64


class Edit(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Replace octets [start, end) of the original by `pieces` (never a Span; () deletes, start == end inserts)."""

    start: int
    end: int
    pieces: tuple[Literal | Slot | Base64, ...]


class Target(msgspec.Struct, frozen=True, gc=False):
    """Where a tracked link or image leads: the original URL, as a client would resolve it (entities decoded)."""

    kind: SlotKind
    url: str


class Template(msgspec.Struct, frozen=True, gc=False):
    """The message as it will leave: its pieces in order, and the targets that its slots number from 0."""

    pieces: tuple[Piece, ...]
    targets: tuple[Target, ...] = ()


_PLACE = attrgetter("start", "end")


def compile_template(
    original_length: int, edits: Iterable[Edit], targets: tuple[Target, ...] = ()
) -> Template:
    """The template that makes `edits` (any order; those at one place in theirs); ValueError when they overlap."""
    pieces: list[Piece] = []
    position = 0
    for edit in sorted(edits, key=_PLACE):
        if not position <= edit.start <= edit.end <= original_length:
            raise ValueError(f"edit of octets {edit.start} to {edit.end} overlaps another, or the end")
        if position < edit.start:
            pieces.append(Span(position, edit.start))
        pieces.extend(edit.pieces)
        position = edit.end
    if position < original_length:
        pieces.append(Span(position, original_length))
    return Template(pieces=tuple(pieces), targets=targets)


def edits_of(original_length: int, template: Template) -> tuple[Edit, ...]:
    """The edits that a template makes: compiled again, they render to the same."""
    edits: list[Edit] = []
    pieces: list[Literal | Slot | Base64] = []
    position = 0
    for piece in (*template.pieces, Span(original_length, original_length)):
        if not isinstance(piece, Span):
            pieces.append(piece)
            continue
        if pieces or piece.start > position:
            edits.append(Edit(position, piece.start, tuple(pieces)))
            pieces = []
        position = piece.end
    return tuple(edits)


class Verdict(enum.StrEnum):
    """What was done with one place in the message."""

    CHANGED = "changed"
    LEFT = "left"


class Finding(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One link, image or style sheet: what became of it, and why (`reason` is "" when it was changed)."""

    rewriter: str  # "clicks", "opens", "css"
    verdict: Verdict
    place: str  # as a person would say it: 'part 1.2, a href, line 14'
    value: str  # the URL, or what else it is about, at most 2,000 characters
    reason: str = ""


class Report(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """All findings of one message; `notes` tell what concerns a part or the whole message."""

    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()


def untouched(original_length: int) -> Template:
    """The template of a message that leaves as it came."""
    return Template(pieces=(Span(0, original_length),))
