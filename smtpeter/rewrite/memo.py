"""Remembers what was made of a document for the next one that differs only in what does not matter: a campaign.

What inlining does follows from the tree of elements, the attributes that the sheets' selectors can see, the style
attributes and the sheets' text. The key keeps all of that and drops the rest: it is exact, no digest, so that equal
keys mean equal changes, at the same tags. The proof, over the HTML standard's tokenizer (13.2.5) and tree construction
(13.2.6), is in docs/rewriters/inline-css.md; in short:

The text is cut at each `<`. A document is only remembered when every piece is a whole tag with the text behind it, the
beginning of a comment, a whole doctype or bogus comment, or text; so no piece begins inside a tag. Of a whole tag its
name, its watched attributes and whether it closes itself are kept; of the text behind it only that it is some, when it
begins with neither blanks alone nor a reference. Everything else is kept as it is: pieces that could end a comment, style
sheets, and tags whose other attributes the tree depends on. Two documents with one key therefore take the tokenizer
through the same states, piece by piece, and give the tree builder the same tokens as far as it looks at them.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

from smtpeter.rewrite import html

T = TypeVar("T")
Watched = Mapping[str, bool]  # attributes in lower case: whether the value matters, or only that it is there

_MOST_DOCUMENTS = 256
_MOST_PIECES = 100_000  # distinct ones, of all remembered documents
_LONGEST = 300_000  # characters of a document that is remembered

TAG = re.compile(rf"(/?+)([a-zA-Z][^\t\n\f\r />]*+){html.ATTRIBUTES}>")
_ATTRIBUTE = html.ATTRIBUTE
_SOME_TEXT = re.compile(r"[\t\n\f\r ]*+[^\t\n\f\r &\x00]")
_SHEET = re.compile(r"[sS][tT][yY][lL][eE](?=[\t\n\f\r />])")
_SHEET_BEGIN = re.compile(r"<[sS][tT][yY][lL][eE](?=[\t\n\f\r />])")
_SHEET_END = re.compile(r"</[sS][tT][yY][lL][eE](?=[\t\n\f\r />])")
# Formatting elements, `a` excepted, of which only one is ever open, are compared by all their attributes (the Noah's
# Ark clause); hidden inputs stay in tables; attributes of the others end foreign content, or begin HTML in it.
_KEPT_WHOLE = frozenset((
    "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u",
    "input", "isindex", "annotation-xml",
))  # fmt: skip
_ALWAYS = {"class": True, "id": True, "style": True}


class _Tag(NamedTuple):
    """What matters of a piece that is a whole tag: all that is dropped is the same to the reader of the tree."""

    head: str
    attributes: tuple[str, ...]
    closes_itself: bool
    text: str | None  # None: some


def _meaning(piece: str, watched: Watched) -> str | _Tag:
    """The piece itself where all of it matters."""
    match = TAG.match(piece)
    if match is None or "-->" in piece or "--!>" in piece:
        return piece
    slash, name = match.groups()
    lowered = name.lower()
    end = match.end()
    if lowered == "style" and not slash:
        return piece
    text = None if _SOME_TEXT.match(piece, end) else piece[end:]
    if slash or end == match.end(2) + 1:
        return _Tag(slash + name, (), False, text)
    if lowered in _KEPT_WHOLE:
        return _Tag(piece[:end], (), False, text)
    return _Tag(name, *_attributes(piece, match.end(2), end, watched), text)


def _attributes(piece: str, position: int, end: int, watched: Watched) -> tuple[tuple[str, ...], bool]:
    """The watched attributes as they are written, and whether a slash ends the tag."""
    kept: list[str] = []
    while True:
        found = _ATTRIBUTE.match(piece, position)
        assert found is not None  # it is a whole tag
        name = found[1]
        if name is None:
            return tuple(kept), piece[end - 2] == "/" and position < end - 1
        position = found.end()
        by_value = watched.get(name.lower())
        if by_value is not None:
            kept.append(piece[found.start(1) : position] if by_value else name)


def is_whole(piece: str) -> bool:
    """Whether the tokenizer is outside of tags, declarations and CDATA sections again where this piece ends."""
    first = piece[:1]
    if first.isalpha() or (first == "/" and piece[1:2].isalpha()):
        return TAG.match(piece) is not None
    if first in {"!", "?", "/"}:
        return piece.startswith("!--") or (">" in piece and not piece.startswith("![CDATA["))
    return True


class _Reading:
    """Numbers for the meanings of pieces, where these attributes are watched."""

    def __init__(self, watched: Watched) -> None:
        self.watched = {**watched, **_ALWAYS}
        self._pieces: dict[str, int] = {}
        self._meanings: dict[str | _Tag, int] = {}

    def __len__(self) -> int:
        return len(self._pieces)

    def key(self, pieces: Sequence[str]) -> tuple[int | None, ...]:
        """None where a meaning has never been seen: no document with this key can have been remembered."""
        found = list(map(self._pieces.get, pieces))
        place = -1
        try:
            while True:
                place = found.index(None, place + 1)
                number = self._meanings.get(_meaning(pieces[place], self.watched))
                if number is None:
                    break
                found[place] = number
        except ValueError:
            pass
        return tuple(found)

    def learn(self, pieces: Sequence[str], sheets: Iterable[int]) -> bool:
        """Whether a document of these pieces may be remembered; if so, its key is found from now on."""
        meanings = {piece: _meaning(piece, self.watched) for piece in pieces[1:]}
        if not all(isinstance(meaning, _Tag) or is_whole(piece) for piece, meaning in meanings.items()):
            return False
        first = next((number for number, piece in enumerate(pieces) if _SHEET.match(piece)), 0)
        if not all(number == first or _is_kept(pieces[number + 1 :], meanings) for number in sheets):
            return False
        meanings.setdefault(pieces[0], pieces[0])
        for piece, meaning in meanings.items():
            self._pieces[piece] = self._meanings.setdefault(meaning, len(self._meanings))
        return True


def _is_kept(pieces: Iterable[str], meanings: Mapping[str, str | _Tag]) -> bool:
    """Whether nothing is dropped of the style sheet that these pieces begin with; of the first the key has all."""
    for piece in pieces:
        meaning = meanings[piece]
        if isinstance(meaning, _Tag):
            return meaning.head.lower() == "/style"
    return True


class _Seen(NamedTuple, Generic[T]):
    pieces: Sequence[str]
    sheets: Sequence[int]
    watched: Watched
    made: T


def first_sheet(text: str) -> str | None:
    """The first style sheet, from its tag on; None when there is none. Inside a comment it may be none, in truth."""
    begin = _SHEET_BEGIN.search(text)
    if begin is None:
        return None
    end = _SHEET_END.search(text, begin.end())
    return text[begin.start() : end.start() if end else len(text)]


class Memo(Generic[T]):
    """What was made of documents. `sheet` is a document's `first_sheet`: it tells campaigns apart.

    A document is only studied when a second one has the same sheet, so that single messages cost nothing.
    """

    def __init__(self) -> None:
        self._seen: OrderedDict[str, _Seen[T]] = OrderedDict()
        self._readings: dict[str, _Reading] = {}
        self._shared: dict[frozenset[tuple[str, bool]], _Reading] = {}
        self._made: OrderedDict[tuple[str, _Reading, tuple[int | None, ...]], T] = OrderedDict()

    def recall(self, sheet: str, pieces: Sequence[str]) -> T | None:
        """What was made of a document that is the same in all that matters."""
        seen = self._seen.pop(sheet, None)
        if seen is not None:
            self._study(sheet, seen)
        reading = self._readings.get(sheet)
        if reading is None:
            return None
        key = (sheet, reading, reading.key(pieces))
        made = self._made.get(key)
        if made is not None:
            self._made.move_to_end(key)
        return made

    def remember(
        self, sheet: str, pieces: Sequence[str], sheets: Sequence[int], watched: Watched, made: T
    ) -> None:
        """`sheets`: the numbers of the pieces that begin style elements. `watched`: what their selectors ask for."""
        if sum(map(len, pieces)) <= _LONGEST:
            self._seen[sheet] = _Seen(pieces, sheets, watched, made)
            if len(self._seen) > _MOST_DOCUMENTS:
                self._seen.popitem(last=False)

    def _study(self, sheet: str, seen: _Seen[T]) -> None:
        before = self._readings.get(sheet)
        watched = dict(seen.watched) if before is None else _both(before.watched, seen.watched)
        reading = self._shared.setdefault(frozenset(watched.items()), _Reading(watched))
        self._readings[sheet] = reading
        if reading.learn(seen.pieces, seen.sheets):
            self._made[sheet, reading, reading.key(seen.pieces)] = seen.made
        if len(self._made) > _MOST_DOCUMENTS:
            self._made.popitem(last=False)
        if sum(map(len, self._shared.values())) > _MOST_PIECES or len(self._readings) > 4 * _MOST_DOCUMENTS:
            self.forget()

    def forget(self) -> None:
        """Begin anew, with empty hands."""
        for remembered in (self._seen, self._readings, self._shared, self._made):
            remembered.clear()


def _both(one: Watched, other: Watched) -> dict[str, bool]:
    together = dict(one)
    for name, by_value in other.items():
        together[name] = together.get(name, False) or by_value
    return together
