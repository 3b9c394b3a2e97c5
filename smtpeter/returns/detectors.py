"""The door to flufl.bounce (Apache-2.0), whose detectors know the bounces of thirty years.

They were written for the mail of a list server, not for attackers', so they see a bounded copy: the beginning of the
message, each line cut, few parts. In that their time is bounded, and whatever they raise means "nothing found".
"""

from __future__ import annotations

import logging
import re
from email import message_from_bytes
from typing import NamedTuple

from flufl.bounce import all_failures

MAXIMUM_SIZE = 32_768  # octets; in their own samples what they look for stands in the first thousands
MAXIMUM_LINES = 1_000  # each is searched for some hundred expressions
LONGEST_LINE = 500  # octets; some of their expressions take time quadratic in a line
# The parser tries each line against the delimiters of all multiparts that are open, and recurs into each message.
_MAXIMUM_BOUNDARIES = 8
_MAXIMUM_TYPES = 30
_ADDRESS = re.compile(r"[^\s\"'<>()\[\]{}:;,@]{1,64}@[^\s\"'<>()\[\]{}:;,@]{1,255}")


class Detected(NamedTuple):
    """The recipients delayed, and those failed, in the order of their spelling."""

    delayed: tuple[str, ...]
    failed: tuple[str, ...]


def detect(content: bytes) -> Detected:
    """What the detectors find in the beginning of a message."""
    seen = bounded(content)
    lower = seen.lower()
    if lower.count(b"boundary") > _MAXIMUM_BOUNDARIES or lower.count(b"content-type") > _MAXIMUM_TYPES:
        return Detected((), ())
    # They log what they raise, traceback and all; strangers do not write our log.
    logging.getLogger("flufl.bounce").disabled = True
    try:
        delayed, failed = all_failures(message_from_bytes(seen))
    except Exception:  # noqa: BLE001 (strangers' octets in others' code)
        return Detected((), ())
    return Detected(_shown(delayed), _shown(failed))


def bounded(content: bytes) -> bytes:
    """The copy that the detectors see."""
    lines = content[:MAXIMUM_SIZE].replace(b"\r\n", b"\n").split(b"\n", MAXIMUM_LINES)
    return b"\n".join(line[:LONGEST_LINE] for line in lines[:MAXIMUM_LINES])


def _shown(found: frozenset[bytes]) -> tuple[str, ...]:
    texts = (each.decode("ascii", "replace") for each in found)
    return tuple(sorted(each for each in texts if _ADDRESS.fullmatch(each)))
