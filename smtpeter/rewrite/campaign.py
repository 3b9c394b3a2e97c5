"""Remembers where a document's links and images stand, for the next one of its campaign: it is not scanned again.

A document is remembered whole, with what was made of it. Another that was scanned and differs from it only in *places*
teaches that these may differ: text behind a tag, values between quotes that nobody looks at, and tracked links. From
then on a document with the same characters outside these places takes what was made, with its own URLs judged anew.

It is exact, since no place can change how the rest is read. At the beginning of each piece between two `<` the
tokenizer is in data, in a comment or in raw text (`memo.is_whole`; HTML standard 13.2.5). Text without `<` and `>`
keeps it in any of these; a value between quotes, without quotes and angle brackets, keeps it inside the value. Since
the report counts lines, both have as many as before; and nothing but a link has what the scan takes for an image.
What is judged otherwise than before (no URL, too long) is scanned as if nothing were remembered.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Hashable, Iterable, Iterator, Mapping
from itertools import accumulate
from typing import NamedTuple

from smtpeter.message.edit import Finding, Slot, SlotKind, Target, Verdict
from smtpeter.rewrite import html, images, links, memo, reference, scam
from smtpeter.rewrite.change import Change, Rewritten
from smtpeter.rewrite.html import Page
from smtpeter.rewrite.record import LONGEST_VALUE
from smtpeter.rewrite.target import Reason, Tracker

_MOST_DOCUMENTS = 32
_MOST_CHARACTERS = 1_000_000  # of all that are remembered
_LONGEST = 200_000  # characters of a document that is remembered
_LONGEST_PLACE = 2_000  # characters
_MOST_PLACES = 300  # of one document
_MOST_STUDIED = 4  # documents that one is compared with
_WHOLE = frozenset(("href", "src", "background"))  # attributes whose value is one URL
_NOT_IN_TEXT = re.compile(r"[<>]|[uU][rR][lL]\(|[\t\n\f\r dD]=")  # d: of `background`
_NOT_IN_URL = re.compile(r"[<>\r\n]")
_LOOKED_AT = links.ATTRIBUTES | images.ATTRIBUTES


class Link(NamedTuple):
    """A whole value, characters [start, end) between `quote`s; under scam prevention `label` is the link's text."""

    start: int
    end: int
    quote: str
    label: str | None = None
    host: str | None = None  # that the label may name; None: nobody asks


class Made(NamedTuple):
    """What tracking made of one document.

    Its `links` may differ in the next. In `labels`, characters [start, end), nothing else may, nor in tags that were
    looked at, which begin at `tags`, the attributes that count.
    """

    rewritten: Rewritten
    page_notes: list[str]
    links: list[Link]
    labels: list[tuple[int, int]]
    tags: frozenset[int]


def made_of(page: Page, label_host: str | None, rewritten: Rewritten) -> Made:
    """`label_host`: the host that labels of links may name, if somebody asks for it."""
    found: list[Link] = []
    labels: list[tuple[int, int]] = []
    if label_host is not None:
        labels = [(tag.end, end) for tag, end in links.with_label_ends(page)]
    ends = dict(labels)
    for tag in page.tags:
        label = host = None
        if tag.name == "a" and tag.end in ends:
            label, host = scam.label(page.text, tag.end, ends[tag.end]), label_host
        found.extend(
            Link(one.value_start, one.value_end, one.quote, label, host)
            for one in tag.attributes
            if one.name in _WHOLE and one.quote and not tag.closing
        )
    return Made(rewritten, page.notes, found, labels, frozenset(tag.start for tag in page.tags))


class Judging(NamedTuple):
    """Who judges the URLs of one document."""

    trackers: Mapping[SlotKind, Tracker]
    is_unicode: bool


class _Place(NamedTuple):
    """Characters [start, end) of the remembered document, over so many line ends.

    `change`, `target` and `finding` are numbers in what was made of it.
    """

    start: int
    end: int
    lines: int
    stop: str  # the character after it
    link: Link | None = None
    change: int = 0
    target: int = 0
    finding: int = 0

    def value(self, text: str, position: int) -> str | None:
        """What stands in this place of another document, where it begins at `position`."""
        end = text.find(self.stop, position, position + _LONGEST_PLACE)
        if end < 0:
            return None
        value = text[position:end]
        unfit = _NOT_IN_URL if self.link else _NOT_IN_TEXT
        return None if unfit.search(value) or value.count("\n") != self.lines else value


def _values(text: str, position: int, constants: Iterable[str], places: Iterable[_Place]) -> list[str] | None:
    """What `text`, which has the constants from `position` to its end, has in the places between; None if not so."""
    values: list[str] = []
    remaining = iter(places)
    for constant in constants:
        if not text.startswith(constant, position):
            return None
        position += len(constant)
        place = next(remaining, None)
        if place is None:
            return values if position == len(text) else None
        value = place.value(text, position)
        if value is None:
            return None
        values.append(value)
        position += len(value)
    return None


def _constants(text: str, start: int, end: int, places: Iterable[_Place]) -> list[str]:
    """The text [start, end) around the places."""
    bounds = [start, *(bound for place in places for bound in place[:2]), end]
    return [text[bounds[i] : bounds[i + 1]] for i in range(0, len(bounds), 2)]


class _Document:
    """One that is remembered, and the places where others of its campaign differ from it."""

    def __init__(self, text: str, made: Made) -> None:
        self._text = text
        self._made = made
        self._count = text.count("<")
        self._pieces: list[str] = []
        self._starts: list[int] = []
        self._is_steady = False
        self._links: dict[tuple[int, int], _Place] = {}
        self._learn([])

    def _learn(self, places: list[_Place]) -> None:
        self._places = places
        self._constants = _constants(self._text, 0, len(self._text), places)
        ends = [place.end for place in places]
        self._shifts = [
            (bisect_right(ends, start), bisect_right(ends, end))
            for start, end, _ in self._made.rewritten.changes
        ]

    def has(self, count: int) -> bool:
        """Whether it has so many pieces between `<`."""
        return count == self._count + 1

    def study(self, pieces: list[str]) -> bool:
        """Whether all may differ that differs in as many pieces; if so, such documents are recognised from now on."""
        if not self._pieces:
            self._prepare()
        if not self._is_steady:
            return False
        found = set(self._places)
        for number, piece in enumerate(pieces):
            own = self._pieces[number]
            if piece != own:
                differing = self._differing(number, piece)
                found.update(differing)
                if not differing or len(found) > _MOST_PLACES:
                    return False
        self._learn(sorted(found))
        return True

    def _prepare(self) -> None:
        """Find out whether any place may differ, and where the tracked links are."""
        pieces = self._pieces = self._text.split("<")
        self._starts = [0, *(end + number for number, end in enumerate(accumulate(map(len, pieces))))]
        self._is_steady = all(map(memo.is_whole, pieces[1:]))
        made = self._made.rewritten
        slots = [(number, change) for number, change in enumerate(made.changes) if change.pieces]
        findings = [number for number, one in enumerate(made.findings) if one.verdict is Verdict.CHANGED]
        links = {(link.start, link.end): link for link in self._made.links}
        for target, (number, (start, end, _)) in enumerate(slots):
            link = links.get((start, end))
            if link is not None:
                self._links[start, end] = _Place(
                    start, end, 0, link.quote, link, number, target, findings[target]
                )

    def _possible(self, number: int) -> Iterator[_Place]:
        """The places of a piece that may differ, in their order."""
        piece, start = self._pieces[number], self._starts[number] + 1
        tag = memo.TAG.match(piece)
        if tag is None or number in {0, self._count}:
            return
        is_looked_at = start - 1 in self._made.tags
        is_label = self._is_label(start, start)
        for name, begin, end, quote in html.quoted_values(piece, tag.end(2), tag.end()):
            place = self._links.get((start + begin, start + end))
            if place is not None:
                yield place
            elif not is_label and not (is_looked_at and name in _LOOKED_AT):
                yield _Place(start + begin, start + end, piece.count("\n", begin, end), quote)
        end = start + tag.end()
        if not self._is_label(end, start + len(piece)):
            yield _Place(end, start + len(piece), piece.count("\n", tag.end()), "<")

    def _is_label(self, start: int, end: int) -> bool:
        """Whether characters [start, end) are of a label; labels are in order and do not overlap."""
        labels = self._made.labels
        last = bisect_right(labels, (start, len(self._text))) - 1
        return last >= 0 and end <= labels[last][1]

    def _differing(self, number: int, piece: str) -> list[_Place]:
        """Where this piece differs from ours; none when it does elsewhere, too."""
        start, text = self._starts[number], self._text
        end = start + 1 + len(self._pieces[number])
        places = [place for place in self._possible(number) if place.value(text, place.start) is not None]
        values = _values(f"<{piece}<", 0, _constants(text, start, end + 1, places), places)
        if values is None:
            return []
        together = zip(places, values, strict=True)
        return [place for place, value in together if value != text[place.start : place.end]]

    def recall(self, text: str, judging: Judging) -> Rewritten | None:
        """What is made of this document, if it differs from ours only where it may."""
        values = _values(text, 0, self._constants, self._places)
        if values is None:
            return None
        made = self._made.rewritten
        shifts = [0]
        for place, value in zip(self._places, values, strict=True):
            shifts.append(shifts[-1] + len(value) - place.end + place.start)
        changes = [
            Change(start + shifts[before], end + shifts[after], pieces)
            for (start, end, pieces), (before, after) in zip(made.changes, self._shifts, strict=True)
        ]
        targets, findings = list(made.targets), list(made.findings)
        for place, value in zip(self._places, values, strict=True):
            if place.link is None:
                continue
            start, end, (before, slot, _) = changes[place.change]
            assert isinstance(slot, Slot)
            url = reference.decode(value)
            result = judging.trackers[slot.kind].track(url, slot.number, is_unicode=judging.is_unicode)
            if isinstance(result, Reason) or _is_deceptive(place.link, url):
                return None
            after = reference.encode(result.tail, place.link.quote)
            changes[place.change] = Change(start, end, (before, slot, after))
            targets[place.target] = Target(slot.kind, result.url)
            told = made.findings[place.finding]
            findings[place.finding] = Finding(told.rewriter, told.verdict, told.place, url[:LONGEST_VALUE])
        return Rewritten(changes, targets, findings, made.notes)

    @property
    def length(self) -> int:
        return len(self._text)

    @property
    def page_notes(self) -> list[str]:
        return self._made.page_notes


def _is_deceptive(link: Link, url: str) -> bool:
    return link.host is not None and scam.is_deceptive(link.label, url, link.host)


class Campaigns:
    """The documents seen last, each under what else decides about it (`asked`: switches, hosts, numbers, charset)."""

    def __init__(self) -> None:
        self._seen: list[tuple[Hashable, _Document]] = []

    def recall(self, asked: Hashable, text: str, judging: Judging) -> tuple[Rewritten, list[str]] | None:
        """What is made of it, and the scan's notes; None when the document must be scanned."""
        for number, (other, document) in enumerate(self._seen):
            made = document.recall(text, judging) if other == asked else None
            if made is not None:
                self._seen.insert(0, self._seen.pop(number))
                return made, document.page_notes
        return None

    def remember(self, asked: Hashable, text: str, made: Made) -> None:
        """A document that was scanned, since it was not recalled."""
        if len(text) > _LONGEST:
            return
        pieces = text.split("<")
        alike = [one for other, one in self._seen if other == asked and one.has(len(pieces))]
        if any(document.study(pieces) for document in alike[:_MOST_STUDIED]):
            return
        self._seen.insert(0, (asked, _Document(text, made)))
        del self._seen[_MOST_DOCUMENTS:]
        while sum(document.length for _, document in self._seen) > _MOST_CHARACTERS:
            self._seen.pop()
