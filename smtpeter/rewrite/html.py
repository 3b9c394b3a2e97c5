"""Finds tags in HTML by offset, as the HTML standard's tokenizer sees them (13.2.5), without building anything.

Only the tags that were asked for are taken apart; what lies between is skipped by regular expressions that know where
a comment, a tag or a quoted value ends, so that nothing inside those is ever mistaken for a tag. The text is never
changed here. Time is linear. Where two readers could disagree, the scan ends there and says so: what follows is left.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

MAXIMUM_ATTRIBUTES = 256  # a tag with more is left alone
_SURELY_FEW = 2 * MAXIMUM_ATTRIBUTES  # characters: an attribute has two at least, with the blank before it
MAXIMUM_TAGS = 10_000  # tags asked for; the scan ends there

# Every choice is decided by its first character, so nothing is tried twice. Only single characters are possessive, no
# groups: Python before 3.11.5 matches those wrongly (gh-106052). Blanks are the standard's five; \s has others too.
_BLANK = r"[\t\n\f\r ]"
_NOT_NAME = r"\t\n\f\r />"
_VALUE = r"""(?:"[^"]*+"|'[^']*+'|[^\t\n\f\r >"'][^\t\n\f\r >]*+|(?=>))"""
_ONE = rf"[^{_NOT_NAME}][^{_NOT_NAME}=]*+{_BLANK}*+(?:={_BLANK}*+{_VALUE}|(?!=))"
ATTRIBUTES = rf"(?:[\t\n\f\r /]++|{_ONE})*"
_ANY_TAG = rf"</?+[a-zA-Z][^{_NOT_NAME}]*+{ATTRIBUTES}>"
# Most tags: a plain name, and values in double quotes right after the equals sign. Never anything but what _ANY_TAG
# would match, only faster.
_PLAIN_TAG = (
    rf'</?+[a-zA-Z][a-zA-Z0-9:-]*+(?:{_BLANK}[^>"\'=]*+(?:(?<![\t\n\f\r /"])="[^"]*+"[^>"\'=]*+)*)?/?+>'
)
_COMMENT = r"<!--(?:-?>|[^-]*+(?:(?!--!?>)-[^-]*+){0,200}--!?>)"  # others, with more hyphens, by _comment_end
_COMMENT_END = re.compile(r"--!?>")
_BOGUS = r"<(?:!(?!--)|\?|/(?=[^a-zA-Z]))[^>]*+>"  # doctype, <![if !mso]>, <?xml ?>, </>
_TOKENS = re.compile(rf"(?:[^<]++|{_PLAIN_TAG}|{_ANY_TAG}|{_COMMENT}|{_BOGUS}|<(?=[^a-zA-Z/!?])){{0,2000}}")
MARKUP = re.compile(rf"</?+([a-zA-Z][^{_NOT_NAME}]*+){ATTRIBUTES}>|{_COMMENT}|{_BOGUS}")

_TAG_NAME = re.compile(rf"<(/?+)([a-zA-Z][^{_NOT_NAME}]*+)")
_QUOTES = ("", "", '"', "'", "")  # by the group of ATTRIBUTE that holds the value
ATTRIBUTE = re.compile(
    rf"[\t\n\f\r /]*+(?:>|([^{_NOT_NAME}][^{_NOT_NAME}=]*+){_BLANK}*+(?:={_BLANK}*+"
    rf"""(?:"([^"]*+)"|'([^']*+)'|([^\t\n\f\r >"'][^\t\n\f\r >]*+)|(?=>))|(?!=)))"""
)
_BOGUS_COMMENT = re.compile(_BOGUS)
_WHOLE_TAG = re.compile(_ANY_TAG)
_TO_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}

_RAW = ("script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes")
_FOREIGN = ("svg", "math")
_RAW_END = {name: re.compile(rf"</{name}(?=[\t\n\f\r />])", re.IGNORECASE | re.ASCII) for name in _RAW}
_ALWAYS = (*_RAW, *_FOREIGN, "plaintext", "/body", "/html")


class Attribute(NamedTuple):
    """Characters [start, end) are the attribute, [value_start, value_end) its value, between `quote`s or none."""

    name: str  # in lower case
    start: int
    end: int
    value_start: int
    value_end: int
    quote: str


class Tag(NamedTuple):
    """Characters [start, end); `name` in lower case; a doubled attribute is there once, as its first."""

    name: str
    start: int
    end: int
    attributes: tuple[Attribute, ...]
    closing: bool

    def get(self, name: str) -> Attribute | None:
        for attribute in self.attributes:
            if attribute.name == name:
                return attribute
        return None


class TooManyAttributes(Exception):
    """A tag with more than MAXIMUM_ATTRIBUTES; it ends at `end`, 0 when the text ends first."""

    def __init__(self, end: int) -> None:
        super().__init__(f"a tag with more than {MAXIMUM_ATTRIBUTES} attributes was left alone")
        self.end = end


class Page(NamedTuple):
    """What a scan found. `body_end`: before the last </body>, else </html>, else the end; None when undecided."""

    text: str
    tags: list[Tag]
    body_end: int | None
    notes: list[str]


def tag_starts(names: Iterable[str]) -> re.Pattern[str]:
    """What finds candidates for tags of these names, and those that a scan needs to keep its bearings."""
    every = sorted({*_ALWAYS, *names})
    alternatives = []
    for first, group in groupby(every, key=itemgetter(0)):
        rest = "|".join(_either_case(name[1:]) for name in group)
        alternatives.append(f"{_either_case(first)}(?:{rest})")
    return re.compile(rf"<(?:{'|'.join(alternatives)})(?=[\t\n\f\r />])")


def _either_case(name: str) -> str:
    """Not re.IGNORECASE: outside ASCII some letters fold to ASCII ones, and sets are faster."""
    return "".join(f"[{c}{c.upper()}]" if c.isalpha() else c for c in name)


def scan(
    text: str,
    starts: re.Pattern[str],
    inside: Iterable[re.Pattern[str]] = (),
    attributes: frozenset[str] | None = None,
) -> Page:
    """The tags that begin where `starts` matches, or have a match of one of `inside` within them.

    Of their attributes all, or those that are named.
    """
    candidates = [match.start() for match in starts.finditer(text)]
    within = [match.start() for pattern in inside for match in pattern.finditer(text)]
    return _Scan(text, sorted(candidates + within) if within else candidates, attributes).run()


class _Scan:
    def __init__(self, text: str, candidates: list[int], attributes: frozenset[str] | None) -> None:
        self._text = text
        self._candidates = candidates
        self._attributes = attributes
        self._tags: list[Tag] = []
        self._notes: list[str] = []
        self._ends: dict[str, int] = {}
        self._foreign = False
        self._stopped = False

    def run(self) -> Page:
        text, tags = self._text, self._tags
        position = 0
        for candidate in self._candidates:
            while position <= candidate:
                position = skip(text, position, candidate)
                if text[position] != "<":
                    break
                is_wanted = position == candidate or text[candidate] != "<"
                position = self._token(position, is_wanted=is_wanted)
            if self._stopped:
                return Page(text, tags, None, self._notes)
        return Page(text, tags, self._body_end(position), self._notes)

    def _body_end(self, position: int) -> int | None:
        end = self._ends.get("body", self._ends.get("html"))
        if end is not None:
            return end
        end = skip(self._text, position, len(self._text))
        return len(self._text.rstrip("\r\n")) if end == len(self._text) else None

    def _token(self, position: int, *, is_wanted: bool) -> int:
        """What begins at `position` with a less-than sign, taken apart; returns where the next begins."""
        text = self._text
        try:
            tag = parse_tag(text, position, self._attributes)
        except TooManyAttributes as overlong:
            self._notes.append(str(overlong))
            return overlong.end or self._stop("")
        if tag is None:
            end = (
                _comment_end(text, position)
                if text.startswith("<!--", position)
                else _bogus_end(text, position)
            )
            return end or self._stop("")
        if not tag.end:
            return self._stop("")
        if tag.closing:
            if tag.name in {"body", "html"}:
                self._ends[tag.name] = tag.start
            elif is_wanted:
                self._tags.append(tag)
            return tag.end
        if tag.name in _RAW_END or tag.name in _FOREIGN or tag.name == "plaintext":
            return self._special(tag)
        if is_wanted and len(self._tags) >= MAXIMUM_TAGS:
            return self._stop(f"only the first {MAXIMUM_TAGS} tags were looked at")
        if is_wanted:
            self._tags.append(tag)
        return tag.end

    def _special(self, tag: Tag) -> int:
        """Elements that change how what follows is read."""
        text = self._text
        if tag.name in _FOREIGN:
            if self._foreign:
                return tag.end
            self._foreign = True
            undecided = text.find("<![CDATA[", tag.end) >= 0
            return (
                self._stop(f"what follows <{tag.name}> could be read in two ways") if undecided else tag.end
            )
        if tag.name == "plaintext":
            return self._stop("")
        end = _RAW_END[tag.name].search(text, tag.end)
        if end is None:
            return self._stop("")
        inside = text[tag.end : end.start()]
        if (self._foreign and "<" in inside) or (tag.name == "script" and "<!--" in inside):
            return self._stop(f"what follows <{tag.name}> could be read in two ways")
        return end.start()

    def _stop(self, note: str) -> int:
        self._stopped = True
        if note:
            self._notes.append(note)
        return len(self._text)


def skip(text: str, position: int, limit: int) -> int:
    """Past every whole token before `limit`; what is returned is `limit`, or where the token around it begins."""
    while position < limit:
        end = _TOKENS.match(text, position, limit).end()  # type: ignore[union-attr]
        if end == position:
            end = _comment_end(text, position) if text.startswith("<!--", position) else 0
            if not 0 < end <= limit:
                break
        position = end
    return position


def _comment_end(text: str, start: int) -> int:
    """Where the comment that begins at `start` ends; 0 when it does not."""
    if text.startswith(("<!-->", "<!--->"), start):
        return text.index(">", start) + 1
    match = _COMMENT_END.search(text, start + 4)
    return match.end() if match else 0


def _bogus_end(text: str, start: int) -> int:
    """The same for what the standard calls a bogus comment; a less-than sign that begins nothing is text."""
    match = _BOGUS_COMMENT.match(text, start)
    if match:
        return match.end()
    return 0 if text.startswith(("</", "<!", "<?"), start) else start + 1


def parse_tag(text: str, start: int, wanted: frozenset[str] | None = None) -> Tag | None:
    """The tag that begins at `start`, with the `wanted` attributes: None when none does, `end` 0 when it has none.

    Raises TooManyAttributes.
    """
    match = _TAG_NAME.match(text, start)
    if match is None:
        return None
    if wanted is not None:
        tag, end = _taken_apart(text, match, wanted, _all_but(wanted))
        if end - match.end() <= _SURELY_FEW:
            return tag
    return _taken_apart(text, match, wanted, None)[0]


def quoted_values(text: str, start: int, end: int) -> Iterator[tuple[str, int, int, str]]:
    """Of the attributes [start, end) of a whole tag: name, characters [start, end) of the value, and its quote."""
    while start < end and (found := ATTRIBUTE.match(text, start)) is not None and found.lastindex:
        group, start = found.lastindex, found.end()
        if _QUOTES[group]:
            yield found[1].translate(_TO_LOWER), *found.span(group), _QUOTES[group]


@lru_cache(maxsize=64)
def _all_but(wanted: frozenset[str]) -> re.Pattern[str]:
    """Past attributes with other names, so that these need not be taken apart."""
    names = "|".join(map(_either_case, sorted(wanted)))
    return re.compile(rf"(?:[\t\n\f\r /]++|(?!(?:{names})[{_NOT_NAME}=]){_ONE}){{0,{MAXIMUM_ATTRIBUTES}}}")


def _taken_apart(
    text: str, match: re.Match[str], wanted: frozenset[str] | None, others: re.Pattern[str] | None
) -> tuple[Tag, int]:
    """The tag, and how far it was read. Attributes that `others` passes over are not counted."""
    attributes: dict[str, Attribute] = {}
    start, name = match.start(), match[2].translate(_TO_LOWER)
    position = match.end()
    for _ in range(MAXIMUM_ATTRIBUTES + 1):
        if others is not None:
            position = others.match(text, position).end()  # type: ignore[union-attr]
        found = ATTRIBUTE.match(text, position)
        if found is None:
            return Tag(name, start, 0, (), closing=False), position
        position = found.end()
        group = found.lastindex
        if group is None:
            return Tag(name, start, position, tuple(attributes.values()), closing=bool(match[1])), position
        key = found[1]
        if not key.islower():
            key = key.translate(_TO_LOWER)
        if (wanted is None or key in wanted) and key not in attributes:
            value_start, value_end = found.span(group) if group > 1 else (position, position)
            attributes[key] = Attribute(key, found.start(1), position, value_start, value_end, _QUOTES[group])
    whole = _WHOLE_TAG.match(text, start)
    raise TooManyAttributes(whole.end() if whole else 0)
