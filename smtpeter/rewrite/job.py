"""What the server and a worker process say to each other: one job, one answer, each a frame.

A frame is its length in four octets, most significant first, and that many octets of MessagePack.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

import msgspec

from smtpeter.message.edit import Edit, Report, Template
from smtpeter.message.options import Switches
from smtpeter.rewrite.settings import Settings

_LENGTH = struct.Struct(">I")


class Job(msgspec.Struct, frozen=True, array_like=True):
    """A message to prepare."""

    original: bytes
    switches: Switches
    header_edits: tuple[Edit, ...]
    hosts: Settings | None = None  # None: the server's own


class Done(msgspec.Struct, frozen=True, array_like=True, tag="done"):
    """What came of it."""

    template: Template
    report: Report


class Failed(msgspec.Struct, frozen=True, array_like=True, tag="failed"):
    """It could not be prepared at all, as an exception told."""

    reason: str


encode = msgspec.msgpack.Encoder().encode
decode_job = msgspec.msgpack.Decoder(Job).decode
decode_answer = msgspec.msgpack.Decoder(Done | Failed).decode


def frame(message: Job | Done | Failed) -> bytes:
    data = encode(message)
    return _LENGTH.pack(len(data)) + data


def read_frame(stream: BinaryIO) -> bytes | None:
    """The next frame's content; None where the stream ends."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    data = stream.read(length)
    return data if len(data) == length else None


class Frames:
    """Puts frames together from what arrives of them."""

    def __init__(self) -> None:
        self._received: list[bytes] = []
        self._size = 0
        self._wanted = _LENGTH.size

    def add(self, data: bytes) -> bytes | None:
        """The content of a frame that `data` completes; there is never more than one on its way."""
        self._received.append(data)
        self._size += len(data)
        if self._size < self._wanted:
            return None
        together = b"".join(self._received)
        (length,) = _LENGTH.unpack_from(together)
        self._wanted = _LENGTH.size + length
        if len(together) < self._wanted:
            self._received = [together]
            return None
        self._received, self._size, self._wanted = [], 0, _LENGTH.size
        return together[_LENGTH.size :]
