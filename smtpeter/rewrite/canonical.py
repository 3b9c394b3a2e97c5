"""The "relaxed" canonical forms of DKIM (RFC 6376 3.4.2 and 3.4.4): blanks and folding do not count.

Line ends are CRLF, as in all that can be sent. Linear in the octets, and no line is looked at in Python.
"""

from __future__ import annotations

import re

_BLANKS = re.compile(rb"  +")  # begins with a literal, so that the search for it runs at memchr's speed


def body(octets: bytes) -> bytes:
    """The body as it is hashed: runs of blanks are one, none stands at a line's end, no empty line at the end."""
    singled = _BLANKS.sub(b" ", octets.replace(b"\t", b" ")).replace(b" \r\n", b"\r\n")
    ended = singled.rstrip(b" \r\n")
    return ended + b"\r\n" if ended else b""


def field(name: bytes, value: bytes) -> bytes:
    """One header field as it is hashed, its CRLF included; `value` is what follows the colon, folding and all."""
    unfolded = value.replace(b"\r\n", b"").replace(b"\t", b" ")
    return name.lower() + b":" + _BLANKS.sub(b" ", unfolded).strip(b" ") + b"\r\n"
