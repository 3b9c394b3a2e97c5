"""Remembers how a quoted-printable body was changed, for the next one of its campaign: only lines that differ are written anew.

A body is cut at line ends, soft ones too, into *stretches*, each with changes in it. What becomes of a stretch follows
from its octets and its changes alone: `quoted` is at column 0 where it begins, and looks no further than the first line
end behind its last change, or the body's end. So where the next body has the same octets and the same changes, and ends
there if the one before did, it has the same edits, moved.
A body is cut when another of its kind has come. Stretches that are found again side by side are remembered as one; where
bodies vary, a stretch stays by itself. One of which most varies was no campaign's, and is forgotten.
"""

from __future__ import annotations

import enum
from collections import OrderedDict
from collections.abc import Sequence
from operator import sub
from typing import NamedTuple

from smtpeter.message.edit import Base64, Edit, Literal, Slot
from smtpeter.rewrite import quoted
from smtpeter.rewrite.change import OctetChange

_MOST_BODIES = 16
_LONGEST = 300_000  # octets of a body that is remembered
_FEWEST = 10  # changes: to find fewer takes no time
_HEAD = 64  # octets that the bodies of a campaign begin with: before anybody is addressed

_Span = tuple[int, int]  # octets [start, end)


class _Changes:
    """The changes of a body, taken apart so that many are compared at once."""

    def __init__(self, changes: Sequence[OctetChange]) -> None:
        self.all = changes
        # Tuples, since the garbage collector need not look at those of numbers for long.
        self.firsts = tuple([first for first, _, _ in changes])
        lasts = [last for _, last, _ in changes]
        self.pieces = tuple([pieces for _, _, pieces in changes])
        self.sizes = tuple(map(sub, lasts, self.firsts))
        self.gaps = tuple(map(sub, self.firsts[1:], lasts))  # between each and the next


class _Cut(NamedTuple):
    """Before change `number`, at a line's beginning: so many octets of the body, and of what it decodes to."""

    number: int
    place: int
    decoded: int


class _Kind(enum.Enum):
    """What is known of a stretch."""

    NEW = "a line that was not looked for yet"
    FOUND = "lines that were found again, or a body of which no second has come: cut by line where it is not"
    VARYING = "lines that were not found, once"


class _Stretch(NamedTuple):
    """Lines, their changes (the first begins at decoded octet `first`), and the edits, as if a body began here."""

    raw: bytes
    octets: int  # decoded
    first: int
    gaps: tuple[int, ...]
    sizes: tuple[int, ...]
    pieces: tuple[tuple[Literal | Slot, ...], ...]
    edits: list[tuple[int, int, tuple[Literal | Slot | Base64, ...]]]
    is_last: bool  # the body ended here
    kind: _Kind

    def end(self, content: bytes, end: int, changes: _Changes, cut: _Cut) -> _Cut | None:
        """Where it ends in this body, if the body has it at `cut`."""
        number, place, decoded = cut
        after = number + len(self.sizes)
        place += len(self.raw)
        if (
            content.startswith(self.raw, cut.place, end)
            and (place == end or not self.is_last)
            and changes.pieces[number:after] == self.pieces
            and changes.sizes[number:after] == self.sizes
            and changes.gaps[number : after - 1] == self.gaps
            and changes.firsts[number] - decoded == self.first
            and (after == len(changes.all) or changes.firsts[after] - decoded >= self.octets)
        ):
            return _Cut(after, place, decoded + self.octets)
        return None


class Stretches:
    """The bodies written last."""

    def __init__(self) -> None:
        self._bodies: OrderedDict[tuple[int, bytes], list[_Stretch]] = OrderedDict()

    def change(self, content: bytes, start: int, end: int, changes: Sequence[OctetChange]) -> list[Edit]:
        """What `quoted.change` makes of it."""
        if end - start > _LONGEST or len(changes) < _FEWEST:
            return quoted.change(content, start, end, changes)
        key = (len(changes), content[start : start + _HEAD])
        body = _Body(content, start, end, _Changes(changes))
        body.write(self._bodies.pop(key, []))
        varying = sum(len(one.sizes) for one in body.stretches if one.kind is _Kind.VARYING)
        if 2 * varying <= len(changes):
            self._bodies[key] = body.stretches
        if len(self._bodies) > _MOST_BODIES:
            self._bodies.popitem(last=False)
        return body.edits


class _Body:
    """One body at work; `edits` and `stretches` are what comes of it."""

    def __init__(self, content: bytes, start: int, end: int, changes: _Changes) -> None:
        self.edits: list[Edit] = []
        self.stretches: list[_Stretch] = []
        self._content = content
        self._end = end
        self._changes = changes
        # Where we are, and where what is not yet remembered begins.
        self._cut = self._begin = _Cut(0, start, 0)
        self._found: list[_Stretch] = []  # since then, side by side
        self._is_lost = False  # since then, nothing was found

    def write(self, known: list[_Stretch]) -> None:
        if not known:  # perhaps none comes after it: it is cut when another has
            self._write(len(self._changes.all))
            self._keep(_Kind.FOUND)
            return
        ahead = 0  # the number of the change behind the stretch
        for stretch in known:
            end = stretch.end(self._content, self._end, self._changes, self._cut)
            ahead += len(stretch.sizes)
            if end is not None:
                self._take(stretch, end)
            elif stretch.kind is _Kind.FOUND:
                self._write_lines(ahead)
            else:
                self._write_varying(ahead)
        self._write_lines(len(self._changes.all))
        self._remember()

    def _take(self, stretch: _Stretch, end: _Cut) -> None:
        """It is found again."""
        if not self._found or stretch.kind is _Kind.VARYING:
            self._remember()
        self._found.append(stretch)
        place = self._cut.place
        self.edits += [Edit(begin + place, stop + place, pieces) for begin, stop, pieces in stretch.edits]
        self._cut = end
        if stretch.kind is _Kind.VARYING:
            self._remember()

    def _write_varying(self, least: int) -> None:
        """Together with what varies beside it: it would be in vain to look at each line."""
        if not self._is_lost:
            self._remember()
        if self._cut.number < least:
            self._is_lost = True
            self._write(least)

    def _write_lines(self, least: int) -> None:
        """Each line by itself: nothing is known here, or somewhere in it something has changed."""
        self._remember()
        while self._cut.number < least:
            self._write(self._cut.number + 1)
            self._keep(_Kind.NEW)

    def _write(self, least: int) -> None:
        """Make at least the changes before number `least`, and no more than that needs."""
        end, spans = self._next(least)
        changes = self._changes.all[self._cut.number : end.number]
        self.edits += quoted.edits(self._content, self._cut.place, end.place, spans, changes)
        self._cut = end

    def _next(self, least: int) -> tuple[_Cut, list[_Span]]:
        """The line end behind these changes, and where they are."""
        content, end = self._content, self._end
        number, start, decoded = self._cut
        places = quoted.Places(content, start, end)
        spans: list[_Span] = []
        stop = line_end = start
        reached = decoded
        changes = self._changes.all
        while number < len(changes):
            first, last, _ = changes[number]
            begin = places.start_of(first - decoded)
            if number >= least and begin >= line_end:
                break
            stop = places.end_of(last - decoded) if last > first else begin
            spans.append((begin, stop))
            number, reached = number + 1, last
            if stop > line_end - 2:
                line_end = content.find(b"\r\n", stop, end) + 2
                if line_end < 2:
                    line_end = end + 1
        place = min(line_end, end)
        return _Cut(number, place, reached + quoted.decoded_length(content, stop, place)), spans

    def _remember(self) -> None:
        """What was found again side by side, or what was not."""
        if len(self._found) == 1:
            self.stretches.append(self._found[0])
            self._begin = self._cut
        elif self._found or self._is_lost:
            self._keep(_Kind.FOUND if self._found else _Kind.VARYING)
        self._found, self._is_lost = [], False

    def _keep(self, kind: _Kind) -> None:
        """As it is here, from `_begin` to `_cut`."""
        begin, end, changes = self._begin, self._cut, self._changes
        raw = self._content[begin.place : end.place]
        numbers = slice(begin.number, end.number)
        stretch = _Stretch(
            raw,
            end.decoded - begin.decoded,
            changes.firsts[begin.number] - begin.decoded,
            changes.gaps[begin.number : end.number - 1],
            changes.sizes[numbers],
            changes.pieces[numbers],
            [(one.start - begin.place, one.end - begin.place, one.pieces) for one in self.edits[numbers]],
            is_last=end.place == self._end,
            kind=kind,
        )
        self.stretches.append(stretch)
        self._begin = end
