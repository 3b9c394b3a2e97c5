"""Which rules match which elements, and what each tag gets from them; what the report tells about each style block."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from cssselect2 import Matcher  # type: ignore[import-untyped]

from smtpeter.rewrite.change import LeftAlone
from smtpeter.rewrite.css import cascade, sheet
from smtpeter.rewrite.css.document import Document, Style
from smtpeter.rewrite.css.sheet import Rule, Sheet

_MAXIMUM_MATCHES = 200_000  # of rules with elements, in one document
_MAXIMUM_GROWTH = 1_000_000  # characters written into one document
_SCREEN = frozenset(("", "all", "screen", "only screen"))
# What only some versions of Outlook read, or all but them, stands between such.
_CONDITION = re.compile(r"!(?:--)?\[(if|endif)\b", re.IGNORECASE)


class Copy(NamedTuple):
    """What the `tag`-th tag's style attribute gets, as CSS, and the rules it comes from."""

    tag: int
    name: str
    before: str
    behind: str
    rules: frozenset[Rule]


class Block(NamedTuple):
    """What to tell about the style element whose tag is the `tag`-th."""

    tag: int
    copied: str
    reason: str


def judged(styles: Iterable[Style], pieces: Sequence[str]) -> list[tuple[Style, str]]:
    """Each style element with the reason why it is not copied, or ""."""
    found = []
    is_conditional, position = False, 1
    for style in styles:
        for piece in pieces[position : style.tag]:
            if match := _CONDITION.match(piece):
                is_conditional = match[1].lower() == "if"
        position = max(position, style.tag)
        found.append((style, _reason(style, is_conditional=is_conditional)))
    return found


def _reason(style: Style, *, is_conditional: bool) -> str:
    if style.type.strip().lower() not in {"", "text/css"}:
        return "it is not CSS"
    if _SCREEN.isdisjoint(medium.strip().lower() for medium in style.media.split(",")):
        return "it is not for every screen"
    return "it stands between conditional comments" if is_conditional else ""


def copies(document: Document, sheets: Iterable[tuple[Rule, ...]]) -> tuple[list[Copy], tuple[str, ...]]:
    """What each tag gets, in their order, and notes. Raises LeftAlone when it would be too much."""
    rules = [rule for one in sheets for rule in one]
    if len(rules) > sheet.MAXIMUM_RULES:
        raise LeftAlone(f"its style sheets have more than {sheet.MAXIMUM_RULES} rules")
    by_tag: dict[int, Copy | None] = {}
    growth = 0
    for copy in _copied(document, rules):
        growth += len(copy.before) + len(copy.behind)
        if growth > _MAXIMUM_GROWTH:
            raise LeftAlone(f"it would grow by more than {_MAXIMUM_GROWTH} characters")
        if by_tag.setdefault(copy.tag, copy) != copy:
            by_tag[copy.tag] = None
    undecided = sum(copy is None for copy in by_tag.values())
    notes = []
    if undecided:
        notes.append(f"{undecided} tags got no style, since each stands for several elements that differ")
    if document.has_links:
        notes.append("linked style sheets are never fetched")
    found = [copy for copy in by_tag.values() if copy and (copy.before or copy.behind)]
    return sorted(found), tuple(notes)


def _copied(document: Document, rules: Sequence[Rule]) -> Iterator[Copy]:
    matching = _matcher(rules, document.names)
    known: dict[tuple[tuple[Rule, ...], str], tuple[str, str]] = {}
    matches = 0
    for element in document.elements:
        matched = matching(element.wrapper)
        matches += len(matched)
        if matches > _MAXIMUM_MATCHES:
            raise LeftAlone(f"its rules match elements more than {_MAXIMUM_MATCHES} times")
        key = (matched, element.style or "")
        text = known.get(key)
        if text is None:
            own = cascade.read_own(element.style or "")
            text = known[key] = cascade.copied((rule.declarations for rule in matched), own)
        yield Copy(element.tag, element.wrapper.local_name, *text, frozenset(matched))


def _matcher(rules: Sequence[Rule], names: set[str]) -> Callable[..., tuple[Rule, ...]]:
    """Gives the rules that match an element, in ascending precedence."""
    matcher = Matcher()
    for rule in rules:
        for selector in rule.selectors:
            if selector.needs <= names and selector.compiled and not selector.compiled.never_matches:
                matcher.add_selector(selector.compiled, rule)

    def matching(wrapper: object) -> tuple[Rule, ...]:
        found = [rule for _, _, _, rule in matcher.match(wrapper)]
        if len(found) > 1:  # a rule that matches by several selectors counts with the strongest
            found = list(dict.fromkeys(reversed(found)))[::-1]
        return tuple(found)

    return matching


def told(
    styles: Iterable[tuple[Style, str]], sheets: Iterable[Sheet | None], found: Iterable[Copy]
) -> Iterator[Block]:
    """What became of each style block."""
    counts: dict[Rule, int] = {}
    for copy in found:
        for rule in copy.rules:
            counts[rule] = counts.get(rule, 0) + 1
    for (style, reason), one in zip(styles, sheets, strict=True):
        used = [counts[rule] for rule in (one.rules if one else ()) if rule in counts]
        what = f"{len(used)} of {one.total} rules, copied {sum(used)} times" if one else ""
        yield Block(style.tag, what, reason or ("" if used else "none of its rules can be copied"))
