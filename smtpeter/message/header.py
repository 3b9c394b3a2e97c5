"""The header section of a message, or of a MIME part, as fields by octet offset (RFC 5322 2.2).

Nothing is copied and nothing changed: a field is a name and three offsets into the content it was found in.
A header section that is malformed ends at the first line that is no field; finding the fields never raises and
takes time linear in the section. Lines that end in a bare LF are understood too, though the front door refuses them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

MAXIMUM_FIELDS = 10_000  # beyond it a header section is taken to end: a bound on memory

# Two searches, since folded lines as a repeated group would cost memory for each of them.
_NAME = re.compile(
    rb"([!-9;-~]++)[ \t]*+:"
)  # a blank before the colon is obsolete (RFC 5322 4.5) and tolerated
_FIELD_END = re.compile(rb"\n(?![ \t])")
_EMPTY_LINE = re.compile(rb"\r?\n")


class Field(NamedTuple):
    """Octets [start, end) of the content: the whole field, its folded lines and its final CRLF included.

    `name` is as written; the value begins at `value_start`, right after the colon.
    """

    name: str
    start: int
    end: int
    value_start: int


def fields(content: bytes, start: int = 0, end: int | None = None) -> tuple[tuple[Field, ...], int]:
    """The fields of the header section that begins at `start`, and where the body begins.

    The body begins after the empty line, or at the first line that is no field, or at `end`.
    """
    end = len(content) if end is None else end
    found: list[Field] = []
    position = start
    while len(found) < MAXIMUM_FIELDS and (name := _NAME.match(content, position, end)):
        newline = _FIELD_END.search(content, name.end(), end)
        field_end = newline.end() if newline else end
        found.append(Field(name[1].decode("ascii"), position, field_end, name.end()))
        position = field_end
    empty = _EMPTY_LINE.match(content, position, end)
    return tuple(found), empty.end() if empty else position


def value(content: bytes, field: Field) -> str:
    """The field's value, unfolded and stripped; as UTF-8, or as ISO-8859-1 when it is not that (never raises)."""
    raw = content[field.value_start : field.end].replace(b"\r\n", b"").replace(b"\n", b"").strip(b" \t")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("iso-8859-1")


def find(found: Iterable[Field], name: str) -> Field | None:
    """The first field of this name, in any case."""
    wanted = name.lower()
    return next((field for field in found if field.name.lower() == wanted), None)


def find_all(found: Iterable[Field], name: str) -> tuple[Field, ...]:
    """All fields of this name, in any case and in their order."""
    wanted = name.lower()
    return tuple(field for field in found if field.name.lower() == wanted)
