"""Slow passwords that were right a while ago, so that a client that logs in often costs argon2 once.

What is kept is a keyed hash of the password and of what the login keeps of it: when that changes, nothing matches.
"""

from __future__ import annotations

import hmac
from collections import OrderedDict
from hashlib import blake2b

_REMEMBERED = 10_000


class VerifiedPasswords:
    """`key`: 32 random octets of this process, which no store has."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._marks: OrderedDict[str, bytes] = OrderedDict()

    def knows(self, username: str, password: bytes, stored: str) -> bool:
        """Whether this password was right for this login, as it is kept now."""
        mark = self._marks.get(username)
        return mark is not None and hmac.compare_digest(mark, self._mark(password, stored))

    def remember(self, username: str, password: bytes, stored: str) -> None:
        self._marks[username] = self._mark(password, stored)
        self._marks.move_to_end(username)
        if len(self._marks) > _REMEMBERED:
            self._marks.popitem(last=False)

    def _mark(self, password: bytes, stored: str) -> bytes:
        return blake2b(stored.encode() + b"\0" + password, key=self._key, digest_size=32).digest()
