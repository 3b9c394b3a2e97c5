"""The door to flufl.bounce (Apache-2.0), whose detectors know the bounces of thirty years.

They were written for mail of a list server, not of attackers, so they see a bounded copy: the beginning of the
message, each line cut, few parts. In that their time is bounded, and whatever they raise means "nothing found".
"""

from __future__ import annotations

from email import message_from_bytes

from flufl.bounce import all_failures

_MAXIMUM_SIZE = 32_768  # octets; their own samples have what they look for in the first thousands
_LONGEST_LINE = 500  # octets; some of their expressions take time quadratic in a line
_MAXIMUM_MULTIPARTS = 8  # the parser tries each line against the delimiters of all that are open

Addresses = tuple[str, ...]


def find(content: bytes) -> tuple[Addresses, Addresses]:
    """The recipients delayed, and those failed, in the order of their spelling."""
    bounded = content[:_MAXIMUM_SIZE]
    if bounded.lower().count(b"boundary") > _MAXIMUM_MULTIPARTS:
        return (), ()
    lines = (line[:_LONGEST_LINE] for line in bounded.replace(b"\r\n", b"\n").split(b"\n"))
    try:
        delayed, failed = all_failures(message_from_bytes(b"\n".join(lines)))
    except Exception:  # noqa: BLE001 (strangers' octets in others' code)
        return (), ()
    return _shown(delayed), _shown(failed)


def _shown(found: frozenset[bytes]) -> Addresses:
    return tuple(
        sorted(each.decode("ascii", "replace") for each in found if b"@" in each and len(each) <= 320)
    )
