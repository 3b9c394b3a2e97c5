"""The "relaxed" canonical forms of DKIM (RFC 6376 3.4.2 and 3.4.4): blanks and folding do not count.

Line ends are CRLF, as in all that can be sent. Linear in the octets, and no line is looked at in Python; no step of it
takes more than a millisecond or so, so that a thread that does it lets the others go on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_CRLF = b"\r\n"
_PIECE = 65_536  # octets
_BLANKS = re.compile(rb"  +")  # begins with a literal, so that the search for it runs at memchr's speed


def body(octets: bytes, start: int = 0) -> Iterator[bytes]:
    """The body that begins at `start` as it is hashed, in pieces of whole lines.

    Runs of blanks are one, none stands at a line's end, no empty line at the end.
    """
    end = _end(octets, start)
    if start == end:
        return
    while start < end:
        cut = octets.rfind(_CRLF, start, min(start + _PIECE, end))
        if cut < 0:  # a line longer than a piece, or the last
            cut = octets.find(_CRLF, start, end)
        cut = end if cut < 0 else cut + len(_CRLF)
        singled = _BLANKS.sub(b" ", octets[start:cut].replace(b"\t", b" "))
        yield singled.replace(b" \r\n", _CRLF)
        start = cut
    yield _CRLF


def _end(octets: bytes, start: int) -> int:
    """Where the last line ends that has anything on it."""
    end = len(octets)
    while end > start:
        piece = octets[max(start, end - _PIECE) : end]
        kept = piece.rstrip(b" \t\r\n")
        end -= len(piece) - len(kept)
        if kept:
            break
    return end


def field(name: bytes, value: bytes) -> bytes:
    """One header field as it is hashed, its CRLF included; `value` is what follows the colon, folding and all."""
    unfolded = value.replace(b"\r\n", b"").replace(b"\t", b" ")
    return name.lower() + b":" + _BLANKS.sub(b" ", unfolded).strip(b" ") + b"\r\n"
