"""Tracks URLs in plain text, where the login asks for it: `http://` and `https://`, as mail programs make links of them.

Punctuation at the end is not part of a URL, a closing bracket only when it was opened inside, and between angle
brackets all is. Lines are never broken or joined, so format=flowed (RFC 3676) stays what it was.
"""

from __future__ import annotations

import re

from smtpeter.rewrite.record import Record
from smtpeter.rewrite.target import Reason

NAME = "clicks"
_URL = re.compile(r"(?<![^\W_])[hH][tT][tT][pP][sS]?://[^\s<>\"\x00-\x20\x7f-\xa0]++")
_PUNCTUATION = ".,;:!?"
_UNDECIDED_LAST = ("'", "*", "_", "|", "`")  # some mail programs take these for a part of it
_BRACKETS = {")": "(", "]": "[", "}": "{"}
_FIRST_UNDECIDED = "\u2e80"  # from here on scripts that put no blanks between words


def rewrite(text: str, record: Record, *, joins_lines: bool) -> None:
    """`joins_lines`: format=flowed with delsp=yes, where a URL may go on after a line that ends in a blank."""
    for match in _URL.finditer(text):
        start, end = match.span()
        is_bracketed = text[start - 1 : start] == "<" and text[end : end + 1] == ">"
        if not is_bracketed:
            end = _end(text, start, end)
        url = text[start:end]
        is_undecided = (joins_lines and text.startswith((" \r\n", " \n"), match.end())) or (
            not is_bracketed and _is_undecided(url)
        )
        record.put("link", url, Reason.UNDECIDED if is_undecided else record.judge(url), (start, end))


def _end(text: str, start: int, end: int) -> int:
    """Without what belongs to the sentence around it."""
    counts = {bracket: text.count(bracket, start, end) for bracket in "()[]{}"}
    while end > start:
        last = text[end - 1]
        if last in _BRACKETS and counts[last] > counts[_BRACKETS[last]]:
            counts[last] -= 1
        elif last not in _PUNCTUATION:
            break
        end -= 1
    return end


def _is_undecided(url: str) -> bool:
    """Beyond ASCII, letters of alphabets are part of a URL, and the rest may be part of the sentence."""
    return url.endswith(_UNDECIDED_LAST) or any(
        c > "\x7f" and (not c.isalnum() or c >= _FIRST_UNDECIDED) for c in url
    )
