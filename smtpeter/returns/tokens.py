"""Finds what may be tokens of ours in a message that came back, embedded messages and encoded bodies included.

Nothing is verified here: the key ring does that. Reading is bounded and linear, and never raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TypeVar

from smtpeter.message.content import parts
from smtpeter.returns.recognition import Tokens
from smtpeter.returns.returned import decoded_text

_T = TypeVar("_T")
MAXIMUM_CANDIDATES = 50  # of each sort; each costs the key ring one keyed hash
_MAXIMUM_SIZE = 1_048_576  # octets of the message that are searched as they stand
_MAXIMUM_LEAVES = 20
_MAXIMUM_DEPTH = 3  # messages in messages
# 28 characters before an at sign, or before what a forwarder (SRS, BATV) made of one.
_RETURN_PATH = re.compile(r"(?<![A-Za-z0-9])([A-Za-z2-7]{28})(?:@|=(?!\r?\n)|%40)")
_LINK = re.compile(r"/([A-Za-z0-9_-]{36})(/[^\s\"'<>]{1,2000}|\.gif)")


def tokens_within(content: bytes) -> Tokens:
    """The candidates in a complaint or report: its own fields, and the message embedded in it."""
    found = list(_texts(content, _MAXIMUM_DEPTH))
    return Tokens(
        return_paths=_distinct(match[1].lower() for text in found for match in _RETURN_PATH.finditer(text)),
        links=_distinct((match[1], match[2]) for text in found for match in _LINK.finditer(text)),
    )


def _texts(content: bytes, depth: int) -> Iterator[str]:
    """The message as it stands, then each of its leaves decoded, then those of the messages embedded in it."""
    yield content[:_MAXIMUM_SIZE].decode("latin_1")
    leaves = [part for part in parts(content[:_MAXIMUM_SIZE]) if not part.is_multipart][:_MAXIMUM_LEAVES]
    for leaf in leaves:
        if leaf.content_type in {"message/rfc822", "message/global"} and depth > 0:
            yield from _texts(content[leaf.start : leaf.end], depth - 1)
        elif leaf.encoding in {"base64", "quoted-printable"} and leaf.content_type.startswith("text/"):
            yield decoded_text(content, leaf)


def _distinct(found: Iterable[_T]) -> tuple[_T, ...]:
    distinct: dict[_T, None] = {}
    for each in found:
        distinct[each] = None
        if len(distinct) >= MAXIMUM_CANDIDATES:
            break
    return tuple(distinct)
