"""Tracks clicks in HTML: the `href` of `a` and `area`, one identifier for each occurrence.

A link with `data-smtpeter-track="false"` is left alone, and that attribute, being meant for us, is removed.
"""

from __future__ import annotations

from collections.abc import Iterator

from smtpeter.rewrite import reference, scam
from smtpeter.rewrite.html import Attribute, Page, Tag
from smtpeter.rewrite.record import Record
from smtpeter.rewrite.target import Reason

NAME = "clicks"
TAGS = ("a", "area")
TAGS_AND_ENDS = ("a", "area", "/a")  # where the text of links matters
_OPT_OUT = "data-smtpeter-track"
ATTRIBUTES = frozenset(("href", _OPT_OUT))
_BLANKS = "\t\n\f\r "


def rewrite(page: Page, record: Record, tracking_host: str | None) -> None:
    """The links of one page; with a `tracking_host`, those whose text names another place are left alone."""
    text = page.text
    for tag, label_end in with_label_ends(page):
        mark = tag.get(_OPT_OUT)
        if mark is not None:
            record.removal(*_with_blanks(text, mark))
        href = tag.get("href")
        if href is None:
            continue
        url = reference.decode(text[href.value_start : href.value_end])
        result = record.judge(url)
        if mark is not None and text[mark.value_start : mark.value_end].strip(_BLANKS).lower() == "false":
            result = Reason.OPTED_OUT
        elif tracking_host and tag.name == "a" and not isinstance(result, Reason):
            label = scam.label(text, tag.end, label_end)
            result = Reason.SCAM if scam.is_deceptive(label, url, tracking_host) else result
        record.put(f"{tag.name} href", url, result, (href.value_start, href.value_end), href.quote)


def with_label_ends(page: Page) -> Iterator[tuple[Tag, int]]:
    """Each link, and where what stands in it ends: at the next </a>, or the next link."""
    tags = [tag for tag in page.tags if tag.name in TAGS]
    ends = [*(tag.start for tag in tags), len(page.text)][1:]
    return ((tag, end) for tag, end in zip(tags, ends, strict=True) if not tag.closing)


def _with_blanks(text: str, attribute: Attribute) -> tuple[int, int]:
    """The attribute with the blanks before it; one is kept where what follows needs it."""
    start = attribute.start
    while text[start - 1] in _BLANKS:
        start -= 1
    follows = text[attribute.end] in _BLANKS + "/>"
    return (start if follows else min(start + 1, attribute.start)), attribute.end
