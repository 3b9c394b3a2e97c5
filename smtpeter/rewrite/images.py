"""Tracks opens: images that mail programs load, and a pixel where there is none.

Images are `img src` and `srcset`, `background` of tables and their like, and `url()` of image properties in `style`
attributes. The pixel stands once, before the last `</body>` that is no part of a comment.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from smtpeter.message.token import PIXEL_TAIL
from smtpeter.rewrite import reference
from smtpeter.rewrite.html import Attribute, Page
from smtpeter.rewrite.record import Record
from smtpeter.rewrite.target import Reason

_BACKGROUND = "[bB][aA][cC][kK][gG][rR][oO][uU][nN][dD]"

NAME = "opens"
TAGS = ("img",)
ATTRIBUTES = frozenset(("src", "srcset", "background", "style"))
# What finds other tags that may show an image; each begins with a character that is rare, and quick to search for.
INSIDE = (
    re.compile(r"\((?<=[uU][rR][lL]\()"),
    re.compile(
        rf"=(?:(?<={_BACKGROUND}=)|(?<=[\t\n\f\r ]=))"
    ),  # blanks before it: any attribute, which is seldom
)
_WITH_BACKGROUND = frozenset(("body", "table", "tbody", "thead", "tfoot", "tr", "td", "th"))
_PROPERTIES = frozenset((
    "background", "background-image", "list-style", "list-style-image", "border-image", "border-image-source",
))  # fmt: skip
# Out of the flow, and inside what the body covers: it changes neither the layout nor the height.
_PIXEL_STYLE = "display:block;position:absolute;width:1px;height:1px;margin:-1px 0 0 0;border:0"
_PIXEL = '<img src="', f'" alt="" width="1" height="1" style="{_PIXEL_STYLE}">'

# HTML standard 4.8.4.3.10: a URL, then descriptors up to a comma outside parentheses.
_CANDIDATE = re.compile(r"[\t\n\f\r ,]*+([^\t\n\f\r ]++)")
_DESCRIPTORS = re.compile(r"(?:[^(,]++|\([^)]*+\)?+)*")
# CSS Syntax 4.3: comments, strings, url() and what separates declarations; all else is passed over.
_CSS = re.compile(
    r"/\*(?:[^*]++|\*(?!/))*(?:\*/)?|"
    r"""(?P<url>[uU][rR][lL]\([\t\n\f\r ]*+(?:"(?P<double>[^"\n]*+)"|'(?P<single>[^'\n]*+)'|"""
    r"""(?P<bare>[^"'()\t\n\f\r ]*+))[\t\n\f\r ]*+\))|"""
    r""""(?:[^"\\\n]++|\\[\s\S])*"?|'(?:[^'\\\n]++|\\[\s\S])*'?|[;{}]"""
)
_URL_GROUPS = ("double", "single", "bare")


def rewrite(page: Page, record: Record) -> None:
    """The images of one page."""
    for tag in page.tags:
        if tag.closing:
            continue
        for attribute in tag.attributes:
            name = attribute.name
            if (name == "src" and tag.name == "img") or (
                name == "background" and tag.name in _WITH_BACKGROUND
            ):
                _value(page.text, record, f"{tag.name} {name}", attribute)
            elif name == "srcset" and tag.name == "img":
                _parts(page.text, record, "img srcset", attribute, _candidates)
            elif name == "style" and page.text.find("(", attribute.value_start, attribute.value_end) >= 0:
                _parts(page.text, record, f"{tag.name} style", attribute, _style_images)


def add_pixel(page: Page, record: Record) -> None:
    """One pixel at the end of the body; a note where that cannot be found."""
    if page.body_end is None:
        record.note("no pixel, since where its body ends cannot be decided")
    else:
        record.pixel(page.body_end, _PIXEL[0], PIXEL_TAIL, _PIXEL[1])


def _value(text: str, record: Record, what: str, attribute: Attribute) -> None:
    url = reference.decode(text[attribute.value_start : attribute.value_end])
    span = (attribute.value_start, attribute.value_end)
    record.put(what, url, record.judge(url), span, attribute.quote)


def _parts(
    text: str,
    record: Record,
    what: str,
    attribute: Attribute,
    find: Callable[[str], Iterator[tuple[int, int, Reason]]],
) -> None:
    """URLs that are parts of a value."""
    decoded = reference.Decoded(text[attribute.value_start : attribute.value_end])
    for start, end, reason in find(decoded.text):
        url = decoded.text[start:end]
        result = reason or record.judge(url)
        begin = attribute.value_start
        span = (begin + decoded.source(start), begin + decoded.source(end))
        record.put(what, url, result, span, attribute.quote)


def _candidates(srcset: str) -> Iterator[tuple[int, int, Reason]]:
    position = 0
    while match := _CANDIDATE.match(srcset, position):
        start, end = match.span(1)
        without_commas = len(srcset[start:end].rstrip(","))
        yield start, start + without_commas, Reason.NONE
        position = end
        if without_commas == end - start:
            position = _DESCRIPTORS.match(srcset, end).end()  # type: ignore[union-attr]


def _style_images(style: str) -> Iterator[tuple[int, int, Reason]]:
    declaration = 0
    for match in _CSS.finditer(style):
        if match[0] in ";{}":
            declaration = match.end()
        if not match["url"]:
            continue
        start, end = next(match.span(name) for name in _URL_GROUPS if match[name] is not None)
        property_name = style[declaration : match.start()].partition(":")[0].strip().lower()
        if property_name not in _PROPERTIES:
            yield start, end, Reason.PROPERTY
        else:
            yield start, end, Reason.ESCAPED if "\\" in match[0] else Reason.NONE
