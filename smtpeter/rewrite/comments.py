"""The links and images inside comments, which are left alone: for the eyes of who explains a message, not for rewriting.

What a conditional comment holds (`<!--[if mso]>`) is read by Outlook alone, in a dialect of its own, so it stays as it
is: there a click is not tracked and an image leads to its own place. Linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from smtpeter.message import content
from smtpeter.message.edit import Finding, Verdict
from smtpeter.rewrite import leaf, reference
from smtpeter.rewrite.change import LeftAlone

REASON = "it is in a conditional comment, which is left as it is"
_LONGEST = 2_000  # characters that are shown
_MOST = 1_000  # of one message
_URL = re.compile(
    r"""[\t\n\f\r "'/](href|src|background)[\t\n\f\r ]*+=[\t\n\f\r ]*+(?:"([^"<>]*+)"|'([^'<>]*+)')""",
    re.IGNORECASE | re.ASCII,
)


def findings(original: bytes) -> list[Finding]:
    """One for each, as they stand in the parts that can be read."""
    found: list[Finding] = []
    for part in content.leaves(original):
        if part.content_type != "text/html":
            continue
        try:
            text = leaf.read(original, part).text
        except LeftAlone:
            continue  # the report says so
        for at, what, url in _links(text):
            if len(found) == _MOST:
                return found
            place = f"part {part.path}, {what}, line {text.count(chr(10), 0, at) + 1}"
            found.append(Finding("comment", Verdict.LEFT, place, url[:_LONGEST], REASON))
    return found


def _links(text: str) -> Iterator[tuple[int, str, str]]:
    position = text.find("<!--[if")
    while position >= 0:
        end = text.find("-->", position)
        if end < 0:
            return
        for match in _URL.finditer(text, position, end):
            url = reference.decode(match[2] or match[3] or "").strip()
            if url.lower().startswith(("http://", "https://")):
                yield match.start(), match[1].lower(), url
        position = text.find("<!--[if", end)
