"""A document as html5lib understands it, each element knowing which tag of the source it comes from.

Nothing is taken from this tree but what matches what: the source is never written anew. An element's tag is known by
its place among the text's `<`, counted from 1. A document that nests too deep, has a tag with too many attributes, or
is read in two ways raises LeftAlone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, NamedTuple

from cssselect2 import ElementWrapper  # type: ignore[import-untyped]
from html5lib import html5parser, treebuilders  # type: ignore[import-untyped]
from html5lib._tokenizer import HTMLTokenizer  # type: ignore[import-untyped]
from html5lib.treebuilders import base  # type: ignore[import-untyped]

from smtpeter.rewrite.change import LeftAlone
from smtpeter.rewrite.html import MAXIMUM_ATTRIBUTES, MAXIMUM_TAGS

MAXIMUM_DEPTH = 512
_MOST_MARKS = 50_000  # each of `<` and `&`
_OFFSET = "\x00"  # names the attribute that carries a tag's place; no selector can ask for it
_HTML = "{http://www.w3.org/1999/xhtml}"
_INVISIBLE = frozenset(
    _HTML + name
    for name in ("head", "title", "base", "link", "style", "meta", "script", "noscript", "template")
)
_EveryTreeBuilder: Any = treebuilders.getTreeBuilder("etree")
_NAME = re.compile(r"[a-zA-Z][^\t\n\f\r />]*+")


class _Tokenizer(HTMLTokenizer):  # type: ignore[misc]
    """Remembers where each start tag begins, and stops at one with too many attributes."""

    def __init__(self, text: str, parser: Any) -> None:
        super().__init__(text, parser=parser)
        self.stream._defaultChunkSize = len(text) + 1  # noqa: SLF001  one chunk, so that offsets are the text's
        self.stream.reportCharacterErrors = None
        self._start = 0
        self._tags = 0

    def tagOpenState(self) -> bool:  # noqa: N802
        self._start = self.stream.chunkOffset - 1
        return bool(super().tagOpenState())

    def attributeNameState(self) -> bool:  # noqa: N802
        if len(self.currentToken["data"]) > MAXIMUM_ATTRIBUTES:
            raise LeftAlone(f"a tag has more than {MAXIMUM_ATTRIBUTES} attributes")
        return bool(super().attributeNameState())

    def emitCurrentToken(self) -> None:  # noqa: N802
        token = self.currentToken
        super().emitCurrentToken()
        if isinstance(token["data"], dict):
            self._tags += 1
            if self._tags > MAXIMUM_TAGS:
                raise LeftAlone(f"it has more than {MAXIMUM_TAGS} tags")
            token["data"][_OFFSET] = self._start


class _Formatting(base.ActiveFormattingElements):  # type: ignore[misc]
    """Equal elements are equal wherever their tags stand (HTML standard 13.2.4.3, the Noah's Ark clause)."""

    def nodesEqual(self, node1: Any, node2: Any) -> bool:  # noqa: N802
        one, other = dict(node1.attributes), dict(node2.attributes)
        one.pop(_OFFSET, None)
        other.pop(_OFFSET, None)
        return bool(node1.nameTuple == node2.nameTuple) and one == other


class _TreeBuilder(_EveryTreeBuilder):  # type: ignore[misc]
    def reset(self) -> None:
        super().reset()
        self.activeFormattingElements = _Formatting()

    def insertElementNormal(self, token: Any) -> Any:  # noqa: N802
        if len(self.openElements) > MAXIMUM_DEPTH:
            raise LeftAlone(f"its elements are nested more than {MAXIMUM_DEPTH} deep")
        return super().insertElementNormal(token)


class _Parser(html5parser.HTMLParser):  # type: ignore[misc]
    def _parse(self, stream: str, *_: object, **__: object) -> None:
        self.innerHTMLMode = False
        self.container = "div"
        self.scripting = False
        self.tokenizer = _Tokenizer(stream, self)
        self.reset()
        self.mainLoop()

    def parseError(self, *_: object, **__: object) -> None:  # noqa: N802
        """Not written down: finding the line of each would take quadratic time."""


class Element(NamedTuple):
    """One element that may carry a style; `tag` counts the text's `<`; `style` is its style attribute, decoded."""

    wrapper: ElementWrapper
    tag: int
    style: str | None


class Style(NamedTuple):
    """A style element."""

    tag: int
    text: str
    media: str
    type: str


class Document(NamedTuple):
    """`names` holds the names of elements, their classes with a dot, their ids with a hash."""

    elements: list[Element]
    styles: list[Style]
    names: set[str]
    has_links: bool  # to style sheets


def read(pieces: list[str]) -> Document:
    """What `"<".join(pieces)` is as a document; raises LeftAlone."""
    if len(pieces) > _MOST_MARKS or sum(piece.count("&") for piece in pieces) > _MOST_MARKS:
        raise LeftAlone(f"it has more than {_MOST_MARKS} tags or references")
    lines = [piece.replace("\r\n", "\n").replace("\r", "\n") for piece in pieces]  # as html5lib sees them
    root = _tree("<".join(lines))
    numbers = {
        end + number: number + 1 for number, end in enumerate(accumulate(map(len, lines[:-1])))
    }  # the offset of each less-than sign
    document = Document([], [], set(), has_links=False)
    has_links = False
    for wrapper in ElementWrapper.from_html_root(root).iter_subtree():
        element = wrapper.etree_element
        document.names.update(_names(wrapper))
        offset = element.get(_OFFSET)
        if offset is None:  # implied by other tags: it has none of its own
            continue
        tag = numbers.get(offset, 0)
        match = _NAME.match(pieces[tag])
        if not tag or match is None or match[0].lower() != wrapper.local_name.lower():
            raise LeftAlone("it could be read in two ways")
        if element.tag == _HTML + "style":
            style = Style(tag, "".join(element.itertext()), element.get("media", ""), element.get("type", ""))
            document.styles.append(style)
        elif element.tag == _HTML + "link":
            has_links = has_links or "stylesheet" in element.get("rel", "").lower()
        elif element.tag not in _INVISIBLE:
            document.elements.append(Element(wrapper, tag, element.get("style")))
    return document._replace(has_links=has_links)


def _tree(text: str) -> Any:
    try:
        return _Parser(_TreeBuilder).parse(text)
    except (LeftAlone, MemoryError):
        raise
    except Exception as error:  # there are documents that its assertions did not expect
        raise LeftAlone(f"html5lib failed with {type(error).__name__}") from error


def _names(wrapper: ElementWrapper) -> Iterator[str]:
    yield wrapper.local_name.lower()
    for name in wrapper.classes:
        yield "." + name
    if wrapper.id is not None:
        yield "#" + wrapper.id
