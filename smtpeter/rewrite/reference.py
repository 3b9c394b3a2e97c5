"""Character references in attribute values (HTML standard 13.2.5.72 to 13.2.5.80): decoded once, encoded once.

In an attribute, unlike in text, `&copy=3` and `&notit` are no references: a name without semicolon counts only when
neither a letter, a digit nor an equals sign follows it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from html.entities import html5

_REFERENCE = re.compile(r"&(?:#([xX][0-9a-fA-F]++|[0-9]++);?+|[A-Za-z][A-Za-z0-9]*+;?+)")
_LARGEST = 0x10FFFF
_LONGEST_NUMBER = 12  # digits, more than any code point has; longer ones are not worth converting
_UNQUOTED = str.maketrans({character: f"&#{ord(character)};" for character in "\t\n\f\r \"'<>`"})


def _windows_1252(code: int) -> str:
    """What a number of the C1 range means (the standard's table in 13.2.5.80)."""
    return bytes((code,)).decode("cp1252", "ignore") or chr(code)


_C1 = {code: _windows_1252(code) for code in range(0x80, 0xA0)}


def _number(digits: str) -> str:
    base, digits = (16, digits[1:]) if digits[0] in "xX" else (10, digits)
    digits = digits.lstrip("0")
    code = int(digits or "0", base) if len(digits) <= _LONGEST_NUMBER else _LARGEST + 1
    if code == 0 or code > _LARGEST or 0xD800 <= code <= 0xDFFF:
        return "\ufffd"
    return _C1.get(code) or chr(code)


def _character(match: re.Match[str]) -> str:
    """What this reference stands for; itself when it is none."""
    if match[1]:
        return _number(match[1])
    text = match[0][1:]
    if text in html5 and (text[-1] == ";" or match.string[match.end() : match.end() + 1] != "="):
        return html5[text]
    return match[0]


def decode(value: str) -> str:
    """The attribute's value as a program sees it."""
    return _REFERENCE.sub(_character, value) if "&" in value else value


def encode(text: str, quote: str) -> str:
    """`text` as it stands in an attribute between these quotes ("" for none)."""
    text = text.replace("&", "&amp;")
    if quote == '"':
        return text.replace('"', "&quot;")
    return text.replace("'", "&#39;") if quote else text.translate(_UNQUOTED)


class Decoded:
    """A decoded value that knows where its characters stand in the source."""

    def __init__(self, value: str) -> None:
        pieces: list[str] = []
        self._decoded = [0]  # offsets in the text, and beside them those in the source, where the two diverge
        self._source = [0]
        length = seen = 0
        for match in _REFERENCE.finditer(value):
            character = _character(match)
            pieces += (value[seen : match.start()], character)
            length += match.start() - seen + len(character)
            seen = match.end()
            self._decoded.append(length)
            self._source.append(seen)
        pieces.append(value[seen:])
        self.text = "".join(pieces)

    def source(self, offset: int) -> int:
        """Where the character at `offset` begins."""
        index = bisect_right(self._decoded, offset) - 1
        return self._source[index] + offset - self._decoded[index]
