"""A style sheet, read once: the rules that can be copied to elements, and what they declare.

tinycss2 finds the rules, cssselect2 reads their selectors, cssutils judges each declaration before it is copied;
nothing is ever fetched, since none of them is given a whole sheet to load. What depends on anything but the elements
stays in its block: at-rules, pseudo-elements, `:hover` and its like, and whatever cannot be parsed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import cssutils.css  # type: ignore[import-untyped]
import tinycss2  # type: ignore[import-untyped]
from cssselect2 import parser  # type: ignore[import-untyped]
from cssselect2.compiler import CompiledSelector  # type: ignore[import-untyped]

from smtpeter.rewrite.change import LeftAlone

MAXIMUM_LENGTH = 262_144  # characters of all sheets of a document together
MAXIMUM_RULES = 5_000  # in them
_LONGEST_SELECTOR = 2_000  # characters of one rule's selectors that are read
_LONGEST_VALUE = 4_000  # characters of one declaration

# Decided by the elements alone. `:empty` is not: it depends on text.
_STRUCTURAL = frozenset((
    "root", "first-child", "last-child", "only-child", "first-of-type", "last-of-type", "only-of-type",
    "nth-child", "nth-last-child", "nth-of-type", "nth-last-of-type",
))  # fmt: skip
_LINKS = frozenset(("link", "any-link"))
_LINE_ENDS = re.compile(r"[\t ]*+[\n\f\r][\t\n\f\r ]*+")


class Declaration(NamedTuple):
    """`name: value`, the value as its author wrote it, on one line; `value` "" when it could not be parsed."""

    name: str
    value: str
    important: bool


class Selector:
    """One selector that can be matched once for all; `needs` are the names without which it matches nothing."""

    def __init__(self, parsed: Any, needs: frozenset[str]) -> None:
        self._parsed = parsed
        self.needs = needs

    @cached_property
    def compiled(self) -> CompiledSelector | None:
        """For cssselect2's matcher; None when it cannot be made."""
        try:
            return CompiledSelector(self._parsed)
        except (ValueError, NotImplementedError, SyntaxError, RecursionError, MemoryError):
            return None


class Rule:
    """A rule some of whose selectors can be matched; what it declares is parsed when it first matches."""

    def __init__(self, selectors: tuple[Selector, ...], content: list[Any], alphabet: frozenset[str]) -> None:
        self.selectors = selectors
        self._content = content
        self._alphabet = alphabet

    @cached_property
    def declarations(self) -> tuple[Declaration, ...]:
        """In their order; custom properties, which mean nothing without their sheet, left out."""
        return tuple(
            Declaration(node.lower_name, self._value(node), node.important)
            for node in tinycss2.parse_blocks_contents(self._content)
            if node.type == "declaration" and not node.name.startswith("--")
        )

    def _value(self, node: Any) -> str:
        """Empty also for characters that stand nowhere in the sheet: the message's charset may not have them."""
        try:
            value = tinycss2.serialize(part for part in node.value if part.type != "comment").strip()
            value = _LINE_ENDS.sub(" ", value)
            if len(value) > _LONGEST_VALUE or not self._alphabet.issuperset(value):
                return ""
            if "'" not in value and "\\" not in value:
                value = value.replace('"', "'")  # most attributes stand between the other quotes
            return value if cssutils.css.PropertyValue(value).wellformed else ""
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - whatever cssutils stumbles over costs this declaration
            return ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What can be copied, how many rules there are in all, and the attributes that its selectors ask for.

    `watched` tells of each attribute, by its name in lower case, whether its value matters or only its presence.
    """

    rules: tuple[Rule, ...]
    total: int
    watched: Mapping[str, bool]


def read(text: str) -> Sheet:
    """Raises LeftAlone when it is too much."""
    try:
        nodes = tinycss2.parse_stylesheet(text, skip_comments=True, skip_whitespace=True)
    except (ValueError, RecursionError) as error:  # a number of more digits than Python reads
        raise LeftAlone("its style sheet cannot be parsed") from error
    if len(nodes) > MAXIMUM_RULES:
        raise LeftAlone(f"its style sheets have more than {MAXIMUM_RULES} rules")
    alphabet = frozenset(text).union(map(chr, range(0x20, 0x7F)))
    watched: dict[str, bool] = {}
    rules = []
    for node in nodes:
        if node.type == "qualified-rule":
            selectors = _selectors(node.prelude, watched)
            if selectors:
                rules.append(Rule(selectors, node.content, alphabet))
    return Sheet(tuple(rules), sum(node.type != "error" for node in nodes), watched)


def _selectors(prelude: list[Any], watched: dict[str, bool]) -> tuple[Selector, ...]:
    """Those that can be matched; none when one of them is invalid, since the whole rule is then (Selectors 4, 4.1)."""
    try:
        if len(tinycss2.serialize(prelude)) > _LONGEST_SELECTOR:
            return ()
        parsed = list(parser.parse(prelude))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return ()
    found = []
    for one in parsed:
        asks = None if one.pseudo_element else _asks(one.parsed_tree)
        if asks is not None:
            for name, by_value in asks.attributes:
                watched[name] = watched.get(name, False) or by_value
            found.append(Selector(one, frozenset(asks.needs)))
    return tuple(found)


class _Asks(NamedTuple):
    """What a selector asks: names that must be there, and attributes, with whether their value matters."""

    needs: list[str]
    attributes: list[tuple[str, bool]]


def _asks(tree: Any) -> _Asks | None:
    """None when it depends on more than elements and their attributes."""
    asks = _Asks([], [])
    for node, is_required in _simple(tree, is_required=True):
        match node:
            case parser.LocalNameSelector() if is_required:
                asks.needs.append(node.lower_local_name)
            case parser.ClassSelector() if is_required:
                asks.needs.append("." + node.class_name)
            case parser.IDSelector() if is_required:
                asks.needs.append("#" + node.ident)
            case parser.LocalNameSelector() | parser.ClassSelector() | parser.IDSelector():
                pass
            case parser.AttributeSelector(namespace=""):
                asks.attributes.append((node.lower_name, node.operator is not None))
            case parser.PseudoClassSelector() if node.name in _LINKS:
                asks.attributes.append(("href", False))
            case parser.PseudoClassSelector() if node.name in _STRUCTURAL:
                pass
            case parser.FunctionalPseudoClassSelector() if node.name in _STRUCTURAL:
                if any(
                    argument.type == "ident" and argument.lower_value == "of" for argument in node.arguments
                ):
                    return None
            case _:
                return None
    return asks


def _simple(tree: Any, *, is_required: bool) -> Iterator[tuple[Any, bool]]:
    """All simple selectors of a compound, those inside `:not()` and `:is()` too, which name nothing that must be."""
    match tree:
        case parser.CombinedSelector():
            yield from _simple(tree.left, is_required=is_required)
            yield from _simple(tree.right, is_required=is_required)
        case parser.CompoundSelector():
            for one in tree.simple_selectors:
                yield from _simple(one, is_required=is_required)
        case parser.NegationSelector() | parser.MatchesAnySelector() | parser.SpecificityAdjustmentSelector():
            for one in tree.selector_list:
                yield from _simple(one.parsed_tree, is_required=False)
        case _:
            yield tree, is_required


def watched(sheets: Iterable[Sheet]) -> dict[str, bool]:
    """The attributes that any of these sheets asks for."""
    together: dict[str, bool] = {}
    for sheet in sheets:
        for name, by_value in sheet.watched.items():
            together[name] = together.get(name, False) or by_value
    return together
