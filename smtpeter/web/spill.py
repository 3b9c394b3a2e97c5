"""The file that hits wait in while the store is down, so that neither memory nor a restart loses them.

One JSON object a line, appended, read from the front, removed when all of it has been read. A process that dies while
the hits of one group move to the journal leaves that group to be moved again: a hit may be told twice, not lost.
A line cut short by a crash is skipped. Beyond its bound nothing more is kept, and `write` says how much was.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec

from smtpeter.web.hits import Hit

MAXIMUM_SIZE = 268_435_456  # octets

_encode = msgspec.json.Encoder().encode_lines
_decode = msgspec.json.Decoder(Hit).decode


class Spill:
    """The file at `path`; everything may raise OSError."""

    def __init__(self, path: Path, maximum_size: int = MAXIMUM_SIZE) -> None:
        self._path = path
        self._maximum_size = maximum_size
        self._position = 0

    def waiting(self) -> bool:
        """Whether there is anything in it."""
        return self._path.exists()

    def write(self, hits: Sequence[Hit]) -> int:
        """Keep `hits`; how many of them there was room for (all, or none)."""
        lines = _encode(hits)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            size = file.seek(0, os.SEEK_END)
            if size + len(lines) > self._maximum_size:
                return 0
            if size and os.pread(file.fileno(), 1, size - 1) != b"\n":
                lines = b"\n" + lines  # what a crash cut short ends here
            file.write(lines)
        return len(hits)

    def read(self, limit: int) -> tuple[list[Hit], int]:
        """Up to `limit` lines from the front, and the position to give to `done` once they are safe elsewhere."""
        hits: list[Hit] = []
        with self._path.open("rb") as file:
            file.seek(self._position)
            for _ in range(limit):
                line = file.readline()
                if not line.endswith(b"\n"):
                    return hits, file.tell()
                try:
                    hits.append(_decode(line))
                except msgspec.DecodeError:
                    continue
            return hits, file.tell()

    def adopt(self, other: Path) -> None:
        """Take over the file of a process that is no more, whatever the bound; dying half-way tells hits twice."""
        with other.open("rb") as source, self._path.open("ab") as own:
            own.write(b"\n")  # ends what a crash cut short; an empty line is no hit
            shutil.copyfileobj(source, own)
        other.unlink()

    def done(self, position: int) -> None:
        """What lies before `position` is safe elsewhere; the file goes when that is all of it."""
        self._position = position
        if position >= self._path.stat().st_size:
            self._path.unlink()
            self._position = 0
