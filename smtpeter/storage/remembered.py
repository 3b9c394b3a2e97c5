"""What people remember a message by, its senders and its subject, read from its details and no more of them.

Every message pays for it, so only this is unpacked, and what many messages share is worked out once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import msgspec

from smtpeter.message.address import Address
from smtpeter.message.encoded import decoded
from smtpeter.message.mailboxes import mailboxes
from smtpeter.storage.records import UNREADABLE


@dataclass(frozen=True, slots=True)
class _Envelope:
    return_path: Address | None


@dataclass(frozen=True, slots=True)
class Remembered:
    """A part of records.Details."""

    envelope: _Envelope
    facts: dict[str, str] = field(default_factory=dict)

    @property
    def subject(self) -> str:
        """As people read it."""
        return decoded(self.facts.get("subject", ""))

    @property
    def author(self) -> str:
        """The From field as people read it."""
        return decoded(self.facts.get("from", ""))

    def senders(self) -> frozenset[str]:
        """The return path and the authors, in lower case."""
        known = authors(self.facts.get("from", ""))
        path = self.envelope.return_path
        return known if path is None else known | {str(path).lower()}


_unpack = msgspec.msgpack.Decoder(Remembered).decode


def read(packed: bytes | None) -> Remembered | None:
    """Of the details of a message; None when they are no longer kept, or cannot be read."""
    try:
        return None if packed is None else _unpack(packed)
    except UNREADABLE:
        return None


@lru_cache(1024)
def authors(value: str) -> frozenset[str]:
    """The addresses of a From field that can be read, in lower case."""
    return frozenset(str(one).lower() for one in mailboxes(value) if one is not None)
