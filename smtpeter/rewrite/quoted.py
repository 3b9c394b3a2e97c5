"""Quoted-printable (RFC 2045 6.7) by offset: decode, find places again, change them, and leave the rest as it came.

Whatever two decoders may read differently raises LeftAlone. Lines that are written here have at most 76 octets, and
none that begins after a soft break can be taken for a MIME delimiter.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Sequence
from functools import lru_cache

from smtpeter.message.edit import Edit, Literal, Slot
from smtpeter.message.token import TOKEN_LENGTH
from smtpeter.rewrite.change import LeftAlone, OctetChange

_WIDTH = 76
_CRLF = b"\r\n"
_SOFT_BREAK = b"=\r\n"
_SHORTEST_MEAN = 16  # octets a line between soft breaks; below it they are there to cost us time
_SHORT = 1000  # octets of a value that is remembered with what was written for it: 4,096 of them take 20 MB at most
# Besides equals signs, of which there are so many that they have a faster way.
_TO_ESCAPE = re.compile(rb"[^\t\r\n -~]")
_LAST_BLANK = re.compile(rb"[ \t](?=\r\n|\Z)")
_VALUE_TO_ESCAPE = re.compile(rb"[^\t -~]|[ \t]\Z")
_ESCAPES = {bytes((octet,)): b"=%02X" % octet for octet in range(256)}
# What stands for a hyphen that begins a line after a soft break: it cannot begin a MIME delimiter (RFC 2046 5.1.1).
_HYPHEN = b"=2D"


def decode(raw: bytes) -> bytes:
    """The octets; raises LeftAlone for escapes that are none, and for blanks that may or may not be padding."""
    decoded = binascii.a2b_qp(raw)
    breaks = raw.count(_SOFT_BREAK)
    escapes = raw.count(b"=") - breaks
    if len(decoded) != len(raw) - 3 * breaks - 2 * escapes or breaks * _SHORTEST_MEAN > len(raw) + 1000:
        raise LeftAlone("its quoted-printable is malformed")
    # A soft break to the library, and as long as an escape.
    if raw.rfind(b"=\n") >= 0 or raw.endswith(b"=\r"):
        raise LeftAlone("its quoted-printable has soft breaks that end in no CRLF")
    if _has_last_blanks(raw):
        raise LeftAlone("its quoted-printable has lines that end in a blank")
    return decoded


def _has_last_blanks(octets: bytes) -> bool:
    # One octet is found much faster than three; and these from behind twice as fast as from the front.
    has_tabs = b"\t" in octets
    return (
        octets.rfind(b" \r\n") >= 0
        or (has_tabs and octets.rfind(b"\t\r\n") >= 0)
        or octets.endswith((b" ", b"\t"))
    )


def encode(octets: bytes) -> bytes:
    """Text with CRLF line ends, whole, in lines of at most 76 octets."""
    writer = Writer()
    writer.text(octets)
    return b"".join(piece.data for piece in writer.pieces() if isinstance(piece, Literal))


def _escape(match: re.Match[bytes]) -> bytes:
    return _ESCAPES[match[0]]


def _value(octets: bytes, column: int) -> tuple[bytes, int]:
    escaped = _VALUE_TO_ESCAPE.sub(_escape, octets.replace(b"=", b"=3D"))
    return _broken(escaped, column)


_short_value = lru_cache(maxsize=4096)(_value)  # what is inserted into one tag is inserted into many


def _broken(escaped: bytes, column: int) -> tuple[bytes, int]:
    """What is quoted-printable already, broken between its escapes only; and the column behind it."""
    pieces: list[bytes] = []
    start, end = 0, len(escaped)
    while end - start > (room := _WIDTH - 1 - column):
        cut = start + max(room, 0)
        if cut > start and escaped[cut - 1] == 0x3D:
            cut -= 1
        elif cut > start + 1 and escaped[cut - 2] == 0x3D:
            cut -= 2
        pieces += (escaped[start:cut], _SOFT_BREAK)
        start, column = cut, 0
        if escaped.startswith(b"-", start):
            pieces.append(_HYPHEN)
            start, column = start + 1, len(_HYPHEN)
    pieces.append(escaped[start:])
    return b"".join(pieces), column + end - start


def decoded_length(content: bytes, start: int, end: int) -> int:
    """How many octets well-formed quoted-printable [start, end) decodes to; no escape is cut at its ends."""
    marks = content.count(b"=", start, end)
    breaks = content.count(_SOFT_BREAK, start, end) if marks else 0
    return end - start - breaks - 2 * marks


class Places:
    """Finds where decoded octets stand in well-formed quoted-printable; ask in ascending order."""

    def __init__(self, content: bytes, start: int, end: int) -> None:
        self._content = content
        self._end = end
        self._place = start
        self._decoded = 0

    def end_of(self, decoded: int) -> int:
        """Where the text before decoded octet `decoded` ends."""
        content, place = self._content, self._place
        gap = decoded - self._decoded
        while gap > 0:
            guess = min(place + gap, self._end)
            # The place before the escape or soft break (three octets each) that the guess fell into.
            if content[guess - 1] == 0x3D:
                guess -= 1
            elif content[guess - 2] == 0x3D:
                guess -= 2
            if guess <= place:
                gap -= content[place + 1] != 0x0D
                place += 3
                continue
            gap -= decoded_length(content, place, guess)
            place = guess
        self._place, self._decoded = place, decoded
        return place

    def start_of(self, decoded: int) -> int:
        """Where decoded octet `decoded` begins: after any soft break."""
        place = self.end_of(decoded)
        while self._content.startswith(_SOFT_BREAK, place, self._end):
            place += 3
        self._place = place
        return place


class Writer:
    """Writes quoted-printable from a given column on; slots are never broken."""

    def __init__(self, column: int = 0) -> None:
        self.column = column
        self._pieces: list[Literal | Slot] = []
        self._pending: list[bytes] = []

    def text(self, octets: bytes) -> None:
        """Octets in which CRLF is a line's end."""
        escaped = _TO_ESCAPE.sub(_escape, octets.replace(b"=", b"=3D"))
        if _has_last_blanks(escaped):
            escaped = _LAST_BLANK.sub(_escape, escaped)
        first, *others = escaped.split(_CRLF)
        self.escaped(first)
        for line in others:
            self._pending.append(_CRLF)
            if len(line) < _WIDTH:
                self._pending.append(line)
                self.column = len(line)
            else:
                self.column = 0
                self.escaped(line)

    def value(self, octets: bytes) -> None:
        """Octets inside a line; a line's end is escaped."""
        write = _short_value if len(octets) <= _SHORT else _value
        written, self.column = write(octets, self.column)
        self._pending.append(written)

    def slot(self, slot: Slot) -> None:
        if self.column + TOKEN_LENGTH >= _WIDTH:
            self.soft_break()
        self._flush()
        self._pieces.append(slot)
        self.column += TOKEN_LENGTH

    def soft_break(self) -> None:
        self._pending.append(_SOFT_BREAK)
        self.column = 0

    def escaped(self, escaped: bytes) -> None:
        """What is quoted-printable already."""
        written, self.column = _broken(escaped, self.column)
        self._pending.append(written)

    def pieces(self) -> tuple[Literal | Slot, ...]:
        self._flush()
        return tuple(self._pieces)

    def _flush(self) -> None:
        data = b"".join(self._pending)
        if data:
            self._pieces.append(Literal(data))
        self._pending = []


def change(content: bytes, start: int, end: int, changes: Sequence[OctetChange]) -> list[Edit]:
    """Edits of the quoted-printable body [start, end) for changes of its decoded octets, in ascending order.

    Octets outside the changed places stay as they came, but for soft breaks where a line has become too long.
    """
    places = Places(content, start, end)
    spans = []
    for first, last, _ in changes:
        begin = places.start_of(first)
        spans.append((begin, places.end_of(last) if last > first else begin))
    return edits(content, start, end, spans, changes)


def edits(
    content: bytes, start: int, end: int, spans: Sequence[tuple[int, int]], changes: Sequence[OctetChange]
) -> list[Edit]:
    """The same, where it is known at which octets each change is: `spans`. A line begins at `start`."""
    limits = [begin for begin, _ in spans[1:]] + [end]
    made: list[Edit] = []
    column, seen = 0, start
    for (begin, stop), limit, (_, _, pieces) in zip(spans, limits, changes, strict=True):
        newline = content.rfind(b"\n", seen, begin)
        writer = Writer(column + begin - seen if newline < 0 else begin - newline - 1)
        for piece in pieces:
            if isinstance(piece, Literal):
                writer.value(piece.data)
            else:
                writer.slot(piece)
        seen = _make_room(writer, content, stop, limit)
        column = writer.column
        made.append(Edit(begin, seen, writer.pieces()))
    return made


def _make_room(writer: Writer, content: bytes, stop: int, limit: int) -> int:
    """Break the line where what follows on it would not fit; returns where the edit ends then."""
    line_end = content.find(b"\r\n", stop, limit)
    following = (line_end if line_end >= 0 else limit + 1) - stop
    if writer.column + following <= _WIDTH:
        return stop
    writer.soft_break()
    if not content.startswith(b"-", stop, limit):
        return stop
    writer.escaped(_HYPHEN)
    return stop + 1
