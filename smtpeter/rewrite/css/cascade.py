"""What an element's style attribute gets from the rules that match it, so that it looks as it did (CSS Cascade 4, 6).

Rules are copied in their order of precedence before what the attribute has, which therefore wins; those marked
`!important` behind it, without the mark: in its block the mark still stands, and beats what media queries must be able
to beat. A declaration that could not be parsed stays in its block, and whatever a copy would hide it with stays too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import tinycss2  # type: ignore[import-untyped]

from smtpeter.rewrite.change import LeftAlone
from smtpeter.rewrite.css.sheet import Declaration

_PREFIXES = ("-webkit-", "-moz-", "-ms-", "-o-")
_SENTINEL = "-x-end"


class Own(NamedTuple):
    """What a style attribute itself declares, by name. `is_closed`: what is written behind it is read as CSS."""

    names: frozenset[str]
    important: frozenset[str]
    is_closed: bool
    needs_semicolon: bool


def read_own(style: str) -> Own:
    """Raises LeftAlone."""
    try:
        nodes = tinycss2.parse_blocks_contents(f"{style};{_SENTINEL}:0")
    except (ValueError, RecursionError) as error:
        raise LeftAlone("a style attribute cannot be parsed") from error
    declarations = [node for node in nodes if node.type == "declaration"]
    is_closed = bool(nodes) and nodes[-1].type == "declaration" and nodes[-1].name == _SENTINEL
    return Own(
        names=frozenset(node.lower_name for node in declarations),
        important=frozenset(node.lower_name for node in declarations if node.important),
        is_closed=is_closed,
        needs_semicolon=bool(style.strip("\t\n\f\r ")) and not style.rstrip("\t\n\f\r ").endswith(";"),
    )


def copied(rules: Iterable[Sequence[Declaration]], own: Own) -> tuple[str, str]:
    """What to write before and behind what the attribute has, for matching rules in ascending precedence."""
    normal: list[Declaration] = []
    important: list[Declaration] = []
    for declarations in rules:
        _override(normal, [one for one in declarations if not one.important])
        _override(important, [one for one in declarations if one.important and one.value])
    last = {one.name for one in important} - own.important if own.is_closed else set()
    before = [one for one in normal if one.name not in own.names and one.name not in last]
    behind = [one for one in important if one.name in last]
    lead = ";" if behind and own.needs_semicolon else ""
    return _text(before), lead + _text(behind).removesuffix(";" if lead else "")


def _text(declarations: list[Declaration]) -> str:
    return "".join(f"{one.name}:{one.value};" for one in declarations)


def _override(earlier: list[Declaration], rule: list[Declaration]) -> None:
    """Put a rule's declarations behind those of lower precedence, less what they set anew.

    Fallbacks within a rule all stay, in their order.
    """
    if not rule:
        return
    names = {one.name for one in rule if one.value}
    left = {_family(one.name) for one in rule if not one.value}
    earlier[:] = [one for one in earlier if one.name not in names and _family(one.name) not in left]
    earlier.extend(one for one in rule if one.value and _family(one.name) not in left)


def _family(name: str) -> str:
    """A name for a shorthand and all that it may set: `font` for `font-size`, and for `line-height`."""
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return "font" if name == "line-height" else name.partition("-")[0]
