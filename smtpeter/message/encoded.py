"""Header fields as people read them: encoded words decoded (RFC 2047). Never raises; what cannot be read stays as it stands.

Charsets come from our own table, so that a stranger's label is never looked for among Python's modules.
"""

from __future__ import annotations

import codecs
from email.errors import HeaderParseError
from email.header import decode_header

from smtpeter.message import charset

codecs.lookup(
    "raw-unicode-escape"
)  # which email.header wants: loaded now, not when the process is out of files


def decoded(value: str) -> str:
    """The unfolded value of a field, decoded."""
    if "=?" not in value:
        return value
    try:
        words = decode_header(value)
    except (HeaderParseError, ValueError):
        return value
    return "".join(word if isinstance(word, str) else _word(word, label) for word, label in words)


def _word(octets: bytes, label: str | None) -> str:
    return octets.decode(charset.codec((label or "utf-8").lower(), octets) or "latin_1", "replace")
