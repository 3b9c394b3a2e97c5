"""The door to flufl.bounce (Apache-2.0), whose detectors know the bounces of thirty years.

They were written for the mail of a list server, not for attackers', so they see a bounded copy: the beginning of the
message, each line cut, few parts. In that their time is bounded, and whatever they raise means "nothing found".
"""

from __future__ import annotations

import re
from email import message_from_bytes
from typing import NamedTuple

from flufl.bounce import all_failures

_MAXIMUM_SIZE = 32_768  # octets; in their own samples what they look for stands in the first thousands
_LONGEST_LINE = 500  # octets; some of their expressions take time quadratic in a line
_MAXIMUM_BOUNDARIES = 8  # the parser tries each line against the delimiters of all multiparts that are open
_ADDRESS = re.compile(r"[^\s\"'<>()\[\]{}:;,@]{1,64}@[^\s\"'<>()\[\]{}:;,@]{1,255}")


class Detected(NamedTuple):
    """The recipients delayed, and those failed, in the order of their spelling."""

    delayed: tuple[str, ...]
    failed: tuple[str, ...]


def detect(content: bytes) -> Detected:
    """What the detectors find in the beginning of a message."""
    seen = bounded(content)
    if seen.lower().count(b"boundary") > _MAXIMUM_BOUNDARIES:
        return Detected((), ())
    try:
        delayed, failed = all_failures(message_from_bytes(seen))
    except Exception:  # noqa: BLE001 (strangers' octets in others' code)
        return Detected((), ())
    return Detected(_shown(delayed), _shown(failed))


def bounded(content: bytes) -> bytes:
    """The copy that the detectors see."""
    lines = content[:_MAXIMUM_SIZE].replace(b"\r\n", b"\n").split(b"\n")
    return b"\n".join(line[:_LONGEST_LINE] for line in lines)


def _shown(found: frozenset[bytes]) -> tuple[str, ...]:
    texts = (each.decode("ascii", "replace") for each in found)
    return tuple(sorted(each for each in texts if _ADDRESS.fullmatch(each)))
