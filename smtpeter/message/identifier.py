"""Identifiers of messages and deliveries: 63-bit integers, shown as 13 characters.

An identifier grows with time, so that new rows lie together in the store, and ends in 22 random bits,
so that one that a stranger sees does not tell him the next one or how much mail passes here.
Within one process they are unique and ascending even when the wall clock is set back.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import NewType

MessageId = NewType("MessageId", int)
DeliveryId = NewType("DeliveryId", int)

_EPOCH_MS = 1_735_689_600_000  # 2025-01-01 UTC; 41 bits of milliseconds last until 2094
_RANDOM_BITS = 22
_STEP_BITS = 10
SHOWN_LENGTH = 13
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = tuple(first + second for first in _LETTERS for second in _LETTERS)  # shown several times a message


class NotAnIdentifier(ValueError):
    """The text is no identifier in its shown form."""


def show(identifier: int) -> str:
    """The 13 lower-case base32 characters (RFC 4648 6) that operators, replies and logs use."""
    bits = identifier << 1  # 65 bits: six pairs of characters and one more
    return (
        _PAIRS[bits >> 55]
        + _PAIRS[bits >> 45 & 1023]
        + _PAIRS[bits >> 35 & 1023]
        + _PAIRS[bits >> 25 & 1023]
        + _PAIRS[bits >> 15 & 1023]
        + _PAIRS[bits >> 5 & 1023]
        + _LETTERS[bits & 31]
    )


def read(text: str) -> int:
    """The identifier shown as `text`, in either case; raises NotAnIdentifier."""
    if len(text) != SHOWN_LENGTH or not text.isascii():
        raise NotAnIdentifier(f"{text!r}: an identifier has {SHOWN_LENGTH} letters and digits")
    try:
        value = int.from_bytes(base64.b32decode(text.upper() + "==="), "big")
    except ValueError as error:
        raise NotAnIdentifier(f"{text!r}: an identifier has letters a-z and digits 2-7 only") from error
    if value >> 63 or show(value) != text.lower():
        raise NotAnIdentifier(f"{text!r}: no such identifier can exist")
    return value


def earliest(when: float) -> int:
    """No identifier made at `when` (Unix seconds) or later is smaller, as long as clocks agree."""
    return max(0, int(when * 1000) - _EPOCH_MS) << _RANDOM_BITS


class RandomBits:
    """Random bits from what `randbytes` gives, asked for many at a time: each time is a system call."""

    _MANY = 4096  # octets

    def __init__(self, randbytes: Callable[[int], bytes]) -> None:
        self._randbytes = randbytes
        self._octets = b""
        self._used = 0

    def __call__(self, bits: int) -> int:
        """A number below 2 to the power of `bits`; no octet is ever used twice."""
        length = (bits + 7) // 8
        if self._used + length > len(self._octets):
            self._octets, self._used = self._randbytes(max(self._MANY, length)), 0
        self._used += length
        return int.from_bytes(self._octets[self._used - length : self._used], "big") & ((1 << bits) - 1)


class Identifiers:
    """Makes identifiers; `clock` gives Unix seconds, `randbits(n)` n random bits from a secure source."""

    def __init__(self, clock: Callable[[], float], randbits: Callable[[int], int]) -> None:
        self._clock = clock
        self._randbits = randbits
        self._last = 0

    def _next(self) -> int:
        milliseconds = max(0, int(self._clock() * 1000) - _EPOCH_MS)
        fresh = (milliseconds << _RANDOM_BITS) | self._randbits(_RANDOM_BITS)
        if fresh <= self._last:
            fresh = self._last + 1 + self._randbits(_STEP_BITS)
        self._last = fresh
        return fresh

    def message(self) -> MessageId:
        return MessageId(self._next())

    def delivery(self) -> DeliveryId:
        return DeliveryId(self._next())
