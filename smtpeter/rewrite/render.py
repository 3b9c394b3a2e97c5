"""Render: once a recipient, the original and its template become the octets that leave; and 8-bit becomes 7-bit.

Rendering cannot fail: everything was decided when the template was made. Turning into 7-bit can, and says so with None.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Iterable

from smtpeter.message import content
from smtpeter.message.content import Part, Seal
from smtpeter.message.edit import (
    Base64,
    Edit,
    Literal,
    Piece,
    Slot,
    SlotKind,
    Span,
    Template,
    compile_template,
)
from smtpeter.rewrite import quoted
from smtpeter.rewrite.change import LeftAlone
from smtpeter.rewrite.leaf import transfer_encoding

_BASE64_WIDTH = 76  # RFC 2045 6.8
_DEEPEST = 20  # messages within messages that are converted
_ENCODED_IN_FULL = frozenset(("message/partial", "message/external-body"))  # RFC 2046 5.2: 7bit or nothing


def render(original: bytes, template: Template, token: Callable[[SlotKind, int], str]) -> bytes:
    """The message for one recipient, whose tokens `token(kind, number)` makes: always 36 ASCII characters."""
    return _spliced(original, template.pieces, token)


def _spliced(source: bytes, pieces: Iterable[Piece], token: Callable[[SlotKind, int], str]) -> bytes:
    out: list[bytes] = []
    for piece in pieces:
        kind = type(piece)
        if kind is Span:
            out.append(source[piece.start : piece.end])  # type: ignore[union-attr]
        elif kind is Literal:
            out.append(piece.data)  # type: ignore[union-attr]
        elif isinstance(piece, Slot):
            out.append(token(piece.kind, piece.number).encode(piece.charset or "ascii"))
        elif isinstance(piece, Base64):
            out.append(_base64(_spliced(piece.decoded, piece.pieces, token)))
    return b"".join(out)


def _base64(octets: bytes) -> bytes:
    """In lines of 76 characters, with no line end after the last."""
    encoded = binascii.b2a_base64(octets, newline=False)
    return b"\r\n".join([encoded[i : i + _BASE64_WIDTH] for i in range(0, len(encoded), _BASE64_WIDTH)])


def to_seven_bit(message: bytes, depth: int = 0) -> bytes | None:
    """The message for a next hop without 8BITMIME (RFC 6152 3): 8-bit leaves as quoted-printable or base64.

    None when it cannot be done: inside what is signed, encrypted or malformed, in a header section, between parts.
    """
    if message.isascii():
        return message
    edits: list[Edit] = []
    for part in content.parts(message):
        if message[part.start : part.end].isascii():
            continue
        made = _part_to_seven_bit(message, part, depth)
        if made is None:
            return None
        edits.extend(made)
    converted = _spliced(message, compile_template(len(message), edits).pieces, _no_token)
    return converted if converted.isascii() else None


def _no_token(kind: SlotKind, number: int) -> str:
    raise AssertionError(f"{kind} slot {number} outside a template")


def _part_to_seven_bit(message: bytes, part: Part, depth: int) -> list[Edit] | None:
    if part.seal in {Seal.SIGNED, Seal.ENCRYPTED, Seal.MALFORMED} or part.content_type in _ENCODED_IN_FULL:
        return None
    if part.is_multipart:
        return transfer_encoding(part, "7bit") if part.encoding != "7bit" else []
    body = message[part.start : part.end]
    if part.content_type == "message/rfc822":
        inner = to_seven_bit(body, depth + 1) if depth < _DEEPEST else None
        if inner is None:
            return None
        return [*transfer_encoding(part, "7bit"), Edit(part.start, part.end, (Literal(inner),))]
    encoded = _encode(body, part)
    if encoded is None:
        return None
    encoding, data = encoded
    if encoding == "base64" and part.end == len(message):
        data += b"\r\n"
    return [*transfer_encoding(part, encoding), Edit(part.start, part.end, (Literal(data),))]


def _encode(body: bytes, part: Part) -> tuple[str, bytes] | None:
    """The transfer encoding that suits this body, and the body in it."""
    if part.encoding == "quoted-printable":
        try:
            return "quoted-printable", quoted.encode(quoted.decode(body))
        except LeftAlone:
            return None
    if part.encoding not in {"7bit", "8bit", "binary"}:
        return None
    is_text = part.content_type.startswith(("text/", "message/")) and b"\x00" not in body
    beyond_ascii = len(body) - len(body.decode("ascii", "ignore"))
    if is_text and beyond_ascii * 6 < len(body):  # above this, base64 is shorter
        return "quoted-printable", quoted.encode(body)
    return "base64", _base64(body)
