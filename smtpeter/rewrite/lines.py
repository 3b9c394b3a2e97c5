"""Remembers quoted-printable by runs of lines: in the next message of a campaign only those that differ are decoded.

A run ends with a line's end that is no soft break (RFC 2045 6.7), where decoding begins anew; so however a text is cut
into runs, their decoded octets, joined, are its own, and it is well-formed when each of them is. Where that is not
known run by run, the text is decoded as a whole, and what is wrong with it is said there.
"""

from __future__ import annotations

from itertools import accumulate
from typing import NamedTuple

from smtpeter.rewrite import quoted
from smtpeter.rewrite.change import LeftAlone
from smtpeter.rewrite.quoted import Starts

_MOST_TEXTS = 8
_LONGEST = 300_000  # octets of a text that is remembered
_RUN = 256  # octets at least, but for the last
_FARTHEST = 4_000  # octets by which a run that differs may be longer
_END = 200  # octets at the beginning or the end that two messages of a campaign have in common
_CRLF = b"\r\n"


class _Run(NamedTuple):
    raw: bytes
    decoded: bytes
    breaks: int  # soft ones


class _Text:
    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._runs: list[_Run] = []

    def is_like(self, raw: bytes) -> bool:
        return raw[:_END] == self._raw[:_END] or raw[-_END:] == self._raw[-_END:]

    def cut(self, raw: bytes) -> list[_Run] | None:
        """The other text in runs, ours where they are the same; None when too much differs. Raises LeftAlone."""
        if not self._runs:
            self._runs = [_run(piece) for piece in _pieces(self._raw)]
        found: list[_Run] = []
        position = differing = 0
        for number, run in enumerate(self._runs):
            if raw.startswith(run.raw, position):
                found.append(run)
                position += len(run.raw)
                continue
            differing += 1
            if differing > len(found) + 4:
                return None
            end = len(raw)
            if number + 1 < len(self._runs):
                following = self._runs[number + 1].raw
                end = raw.find(following, position, position + len(run.raw) + _FARTHEST + len(following))
                if end < position or (end > position and not _is_line_end(raw, end)):
                    return None
            found.append(_run(raw[position:end]))
            position = end
        return found if position == len(raw) else None


def _is_line_end(raw: bytes, place: int) -> bool:
    """Whether a run may end before `place`."""
    return raw[place - 2 : place] == _CRLF and raw[place - 3 : place - 2] != b"="


def _pieces(raw: bytes) -> list[bytes]:
    pieces = []
    start = place = 0
    while (place := raw.find(_CRLF, max(place, start + _RUN)) + len(_CRLF)) >= len(_CRLF):
        if _is_line_end(raw, place):
            pieces.append(raw[start:place])
            start = place
    return [*pieces, raw[start:]]


def _run(raw: bytes) -> _Run:
    return _Run(raw, *quoted.read(raw))


class Lines:
    """The texts that were seen last."""

    def __init__(self) -> None:
        self._seen: list[_Text] = []

    def decode(self, raw: bytes) -> tuple[bytes, Starts | None]:
        """As quoted.decode does, and where runs begin, if that is known. Raises LeftAlone."""
        for number, text in enumerate(self._seen):
            runs = _cut(text, raw) if text.is_like(raw) else None
            if runs is not None:
                self._seen.insert(0, self._seen.pop(number))
                starts = Starts(
                    [0, *accumulate([len(run.raw) for run in runs])],
                    [0, *accumulate([len(run.decoded) for run in runs])],
                )
                return b"".join([run.decoded for run in runs]), starts
        decoded = quoted.decode(raw)
        if len(raw) <= _LONGEST:
            self._seen.insert(0, _Text(raw))
            del self._seen[_MOST_TEXTS:]
        return decoded, None


def _cut(text: _Text, raw: bytes) -> list[_Run] | None:
    try:
        runs = text.cut(raw)
    except LeftAlone:
        return None
    if runs is not None and quoted.has_many_breaks(raw, sum([run.breaks for run in runs])):
        return None
    return runs
