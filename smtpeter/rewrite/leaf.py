"""One text part as characters, and changes of its characters as edits of the message's octets.

A leaf is read only when it decodes strictly, and changed only when its pieces, encoded each for itself, give back its
octets; else LeftAlone says why. What no change touches keeps its octets; only where lines would grow past what SMTP
carries (RFC 5321 4.5.3.1.6) is a 7bit or 8bit leaf written anew as quoted-printable, and its header field with it.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from smtpeter.message import charset, header
from smtpeter.message.content import Part
from smtpeter.message.edit import Base64, Edit, Literal, Slot, Span
from smtpeter.message.token import TOKEN_LENGTH
from smtpeter.rewrite import quoted
from smtpeter.rewrite.change import Change, LeftAlone, OctetChange, ordered
from smtpeter.rewrite.stretches import Stretches

_LONGEST_LINE = 998  # octets without CRLF
_SHORT = 1000  # characters of a text that is remembered with its octets: 4,096 of them take 35 MB at most
_IDENTITY = frozenset(("7bit", "8bit", "binary"))
_BASE64 = re.compile(rb"([A-Za-z0-9+/\r\n]*+={0,2})[\r\n]*+")


class Leaf(NamedTuple):
    """A part that could be read: `octets` after its transfer encoding, `text` after its charset."""

    part: Part
    octets: bytes
    text: str
    codec: str


def read(content: bytes, part: Part) -> Leaf:
    """The part's text; raises LeftAlone."""
    if part.seal:
        raise LeftAlone(part.seal.value)
    octets = _octets(content, part)
    codec = charset.codec(part.charset, octets)
    if codec is None:
        raise LeftAlone(f"its charset {part.charset[:40]!r} is not known")
    try:
        text = octets.decode(codec)
    except UnicodeDecodeError:
        raise LeftAlone(f"it is not in the charset {part.charset[:40]!r} that it names") from None
    return Leaf(part, octets, text, codec)


def _octets(content: bytes, part: Part) -> bytes:
    raw = content[part.start : part.end]
    if part.encoding in _IDENTITY:
        return raw
    if part.encoding == "quoted-printable":
        return quoted.decode(raw[: _quoted_end(content, part) - part.start])
    if part.encoding == "base64":
        match = _BASE64.fullmatch(raw)
        try:
            if match:
                return binascii.a2b_base64(match[1])
        except binascii.Error:
            pass
        raise LeftAlone("its base64 is malformed")
    raise LeftAlone(f"its transfer encoding {part.encoding[:40]!r} is not known")


def _quoted_end(content: bytes, part: Part) -> int:
    """Without a last soft break that has lost its line end to the delimiter line."""
    return part.end - content.endswith(b"=", part.start, part.end)


def compile_changes(
    content: bytes, leaf: Leaf, changes: Sequence[Change], stretches: Stretches
) -> list[Edit]:
    """The edits that make these changes; ValueError when they overlap, LeftAlone when they cannot be proved right."""
    if not changes:
        return []
    part = leaf.part
    octet_changes = _octet_changes(leaf, ordered(changes))
    if part.encoding == "quoted-printable":
        return stretches.change(content, part.start, _quoted_end(content, part), octet_changes)
    if part.encoding == "base64":
        return [_base64(content, leaf, octet_changes)]
    if _lines_fit(content, part, octet_changes):
        return [Edit(part.start + start, part.start + end, pieces) for start, end, pieces in octet_changes]
    if charset.is_wide(leaf.codec):
        raise LeftAlone("its lines would become too long")
    return [*transfer_encoding(part, "quoted-printable"), _quoted_whole(leaf, octet_changes)]


def _octet_changes(leaf: Leaf, changes: list[Change]) -> list[OctetChange]:
    """The same changes in octets of the decoded leaf."""
    codec = leaf.codec
    offsets = _octet_offsets(leaf, [place for change in changes for place in change[:2]])
    encoded = [
        _inserted(pieces[0], codec)
        if len(pieces) == 1 and isinstance(pieces[0], str) and len(pieces[0]) <= _SHORT
        else _encoded(pieces, codec)
        for _, _, pieces in changes
    ]
    return list(zip(offsets[::2], offsets[1::2], encoded, strict=True))


def _encoded(pieces: tuple[str | Slot, ...], codec: str) -> tuple[Literal | Slot, ...]:
    wide = codec if charset.is_wide(codec) else ""
    return tuple(
        Literal(piece.encode(codec))
        if isinstance(piece, str)
        else Slot(piece.kind, piece.number, wide)
        if wide
        else piece
        for piece in pieces
    )


@lru_cache(maxsize=4096)
def _inserted(text: str, codec: str) -> tuple[Literal]:
    """What is inserted into one tag is inserted into many; and one object is quickly found to be the same again."""
    return (Literal(text.encode(codec)),)


def _octet_offsets(leaf: Leaf, places: list[int]) -> list[int]:
    """Where these characters begin among the octets; the proof that nothing else changes is made here."""
    text, codec = leaf.text, leaf.codec
    if charset.is_single(codec) or (codec == "utf_8" and len(text) == len(leaf.octets)):
        return places
    bounds = [0, *places, len(text)]
    pieces = [text[bounds[i] : bounds[i + 1]].encode(codec) for i in range(len(bounds) - 1)]
    if b"".join(pieces) != leaf.octets:
        raise LeftAlone(f"its octets in {leaf.part.charset[:40]!r} would not come out as they went in")
    return list(accumulate(len(piece) for piece in pieces[:-1]))


def _base64(content: bytes, leaf: Leaf, changes: list[OctetChange]) -> Edit:
    """The whole leaf but its last line end, which stays."""
    pieces: list[Span | Literal | Slot] = []
    position = 0
    for start, end, replacement in changes:
        if position < start:
            pieces.append(Span(position, start))
        pieces.extend(replacement)
        position = end
    if position < len(leaf.octets):
        pieces.append(Span(position, len(leaf.octets)))
    start, end = leaf.part.start, leaf.part.end
    return Edit(start, start + len(content[start:end].rstrip(b"\r\n")), (Base64(leaf.octets, tuple(pieces)),))


def _lines_fit(content: bytes, part: Part, changes: list[OctetChange]) -> bool:
    """Whether every changed line stays within limits, and a 7-bit leaf in ASCII."""
    column, seen = 0, part.start
    is_seven_bit = part.encoding == "7bit" and content[part.start : part.end].isascii()
    for number, (first, last, pieces) in enumerate(changes):
        start, end = part.start + first, part.start + last
        newline = content.rfind(b"\n", seen, start)
        column = column + start - seen if newline < 0 else start - newline - 1
        for piece in pieces:
            if isinstance(piece, Literal):
                column += len(piece.data)
                if is_seven_bit and not piece.data.isascii():
                    return False
            else:
                column += TOKEN_LENGTH * (2 if piece.charset else 1)
        limit = part.start + changes[number + 1][0] if number + 1 < len(changes) else part.end
        line_end = content.find(b"\r\n", end, limit)
        if column + (limit if line_end < 0 else line_end) - end > _LONGEST_LINE:
            return False
        seen = end
    return True


def _quoted_whole(leaf: Leaf, changes: list[OctetChange]) -> Edit:
    writer = quoted.Writer()
    position = 0
    text: list[bytes] = []  # that has not been written yet: in one go it takes less time
    for start, end, pieces in changes:
        text.append(leaf.octets[position:start])
        for piece in pieces:
            if isinstance(piece, Literal):
                text.append(piece.data)
            else:
                writer.text(b"".join(text))
                writer.slot(piece)
                text.clear()
        position = end
    writer.text(b"".join((*text, leaf.octets[position:])))
    return Edit(leaf.part.start, leaf.part.end, writer.pieces())


def transfer_encoding(part: Part, encoding: str) -> list[Edit]:
    """Name another transfer encoding in the part's header section (RFC 2045 6); the field is added when absent."""
    line = b"Content-Transfer-Encoding: " + encoding.encode("ascii") + b"\r\n"
    field = header.find(part.fields, "Content-Transfer-Encoding")
    if field is not None:
        return [Edit(field.start, field.end, (Literal(line),))]
    is_message = (part.fields[0].start if part.fields else part.header_end) == 0
    if is_message and header.find(part.fields, "MIME-Version") is None:
        line = b"MIME-Version: 1.0\r\n" + line
    return [Edit(part.header_end, part.header_end, (Literal(line),))]
