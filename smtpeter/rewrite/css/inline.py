"""The rewriter of inline CSS: from a document's text to what is inserted into its tags. Nothing is ever taken out.

Each copied rule stays in its style block, and nothing but `style` attributes changes. Sheets are parsed once for each
distinct text, and documents that differ only in what cannot matter are understood once (`memo`). The Inliner keeps
both, within bounds; it belongs into a process of its own, with limits on time and memory.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import NamedTuple

from smtpeter.message.edit import Finding, Verdict
from smtpeter.rewrite import html, reference
from smtpeter.rewrite.change import Change, LeftAlone, Rewritten
from smtpeter.rewrite.css import document, match, sheet
from smtpeter.rewrite.css.match import Block, Copy
from smtpeter.rewrite.css.sheet import Sheet
from smtpeter.rewrite.memo import Memo, first_sheet
from smtpeter.rewrite.pipeline import Job, Rewriter

NAME = "css"
_STYLE = frozenset(("style",))
_SHEETS = 524_288  # characters of sheets that are kept parsed


class Insertion(NamedTuple):
    """Written into the tag that begins with the text's `tag`-th `<`.

    `before` goes to `begin`, counted from there, and `behind` to `end`: around what its style attribute has, which
    stands there as long as the tag reads `piece`; or `before` is a new attribute, and its place is always the same.
    """

    tag: int
    piece: str | None
    begin: int
    end: int
    before: str
    behind: str


class Understood(NamedTuple):
    """All that follows from a document's structure and its sheets."""

    insertions: tuple[Insertion, ...]
    blocks: tuple[Block, ...]
    notes: tuple[str, ...]


_NOTHING = Understood((), (), ())


class Inliner:
    """Copies rules of style blocks to the elements they match."""

    def __init__(self) -> None:
        self._memo: Memo[Understood] = Memo()
        self._sheets: OrderedDict[str, Sheet] = OrderedDict()

    def rewriter(self) -> Rewriter:
        return Rewriter("inline css", "text/html", None, lambda switches: switches.inline_css, self._rewrite)

    def _rewrite(self, job: Job, _first: int) -> Rewritten:
        text, part = job.leaf.text, job.leaf.part.path
        pieces = text.split("<")
        try:
            understood = self.understand(text, pieces)
        except LeftAlone as reason:
            return Rewritten([], [], [], [f"part {part}: no css was inlined: {reason}"])
        starts = _Starts(pieces)
        findings = [
            _finding(block, part, text.count("\n", 0, starts[block.tag]) + 1) for block in understood.blocks
        ]
        notes = [f"part {part}: {note}" for note in understood.notes]
        return Rewritten(_changes(text, pieces, starts, understood.insertions), [], findings, notes)

    def inline(self, text: str) -> str:
        """The text with its rules copied; raises LeftAlone."""
        pieces = text.split("<")
        insertions = self.understand(text, pieces).insertions
        out: list[str] = []
        position = 0
        for change in _changes(text, pieces, _Starts(pieces), insertions):
            out += (text[position : change.start], *map(str, change.pieces))
            position = change.start
        return "".join((*out, text[position:]))

    def understand(self, text: str, pieces: list[str]) -> Understood:
        """What to insert; `pieces`: the text cut at each `<`. Raises LeftAlone."""
        first = first_sheet(text)
        if first is None:
            return _NOTHING
        try:
            return self._memo.recall(first, pieces) or self._understand(text, pieces, first)
        except MemoryError:
            self._memo.forget()
            self._sheets.clear()
            raise

    def _understand(self, text: str, pieces: list[str], first: str) -> Understood:
        found = document.read(pieces)
        copied = match.judged(found.styles, pieces)
        if sum(len(style.text) for style, reason in copied if not reason) > sheet.MAXIMUM_LENGTH:
            raise LeftAlone(f"its style sheets have more than {sheet.MAXIMUM_LENGTH} characters")
        sheets = [None if reason else self._sheet(style.text) for style, reason in copied]
        copies, notes = match.copies(found, [one.rules for one in sheets if one])
        starts = _Starts(pieces)
        understood = Understood(
            tuple(_insertion(text, pieces, starts[copy.tag], copy) for copy in copies),
            tuple(match.told(copied, sheets, copies)),
            notes,
        )
        watched = sheet.watched(one for one in sheets if one)
        self._memo.remember(first, pieces, [style.tag for style in found.styles], watched, understood)
        return understood

    def _sheet(self, text: str) -> Sheet:
        found = self._sheets.get(text)
        if found is None:
            found = self._sheets[text] = sheet.read(text)
            while sum(map(len, self._sheets)) > _SHEETS:
                self._sheets.popitem(last=False)
        else:
            self._sheets.move_to_end(text)
        return found


class _Starts:
    """Where the `<` of each piece stands, counted from 1; before the first piece there is none."""

    def __init__(self, pieces: Iterable[str]) -> None:
        self._ends = list(accumulate(map(len, pieces)))

    def __getitem__(self, number: int) -> int:
        return self._ends[number - 1] + number - 1


def _finding(block: Block, part: str, line: int) -> Finding:
    verdict = Verdict.LEFT if block.reason else Verdict.CHANGED
    return Finding(NAME, verdict, f"part {part}, style, line {line}", block.copied, block.reason)


def _insertion(text: str, pieces: Sequence[str], start: int, copy: Copy) -> Insertion:
    """How this tag's source takes the copy."""
    own = _own(text, start)
    whole = '"' + reference.encode((copy.before + copy.behind).rstrip(";"), '"') + '"'
    if own is None:
        begin = 1 + len(copy.name)
        return Insertion(copy.tag, None, begin, begin, f" style={whole}", "")
    begin, end = own.place
    if own.has_value:
        before, behind = (reference.encode(one, own.quote) for one in (copy.before, copy.behind))
    else:
        before, behind = ("" if own.has_equals else "=") + whole, ""
    return Insertion(copy.tag, pieces[copy.tag], begin - start, end - start, before, behind)


def _changes(
    text: str, pieces: Sequence[str], starts: _Starts, insertions: Iterable[Insertion]
) -> list[Change]:
    found = []
    for number, piece, begin, end, before, behind in insertions:
        start = starts[number]
        begin, end = start + begin, start + end  # noqa: PLW2901
        if piece is not None and pieces[number] != piece:
            own = _own(text, start)
            assert own is not None
            begin, end = own.place  # noqa: PLW2901
        if before:
            found.append(Change(begin, begin, (before,)))
        if behind:
            found.append(Change(end, end, (behind,)))
    return found


class _Own(NamedTuple):
    """A tag's own style attribute; `place`: where one may write before and behind its value, or a value."""

    place: tuple[int, int]
    quote: str
    has_value: bool
    has_equals: bool


def _own(text: str, start: int) -> _Own | None:
    """Of the tag that begins at `start`."""
    tag = html.parse_tag(text, start, _STYLE)
    if tag is None or not tag.attributes:
        return None
    name, begin, end, value_start, value_end, quote = tag.attributes[0]
    if quote or value_start < value_end:
        return _Own((value_start, value_end), quote, has_value=True, has_equals=True)
    has_equals = "=" in text[begin:end]
    place = end if has_equals else begin + len(name)
    return _Own((place, place), '"', has_value=False, has_equals=has_equals)
