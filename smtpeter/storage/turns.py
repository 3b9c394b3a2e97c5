"""Whose turn it is to write, among the processes of a host that share one SQLite file.

SQLite lets one of them write at a time, and has the others ask again and again, whoever comes first. Here they
stand in line: who waits first is next, so none starves, and what gathers meanwhile is written in one transaction. The
kernel gives a place back when its process dies. Who cannot stand in line asks SQLite without.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


class Turns:
    """One process's way to the line, by two files in `directory`: to be next, and to write."""

    def __init__(self, directory: Path, *, create: bool = True) -> None:
        """Raises OSError; without `create`, FileNotFoundError when no server has worked there."""
        flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0)
        self._files: list[int] = []
        for name in ("turn-next", "turn"):
            self._files.append(os.open(directory / name, flags, 0o600))

    def __del__(self) -> None:
        for file in self._files:
            os.close(file)

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """Within, no other process that stands in line writes. For one thread; raises nothing of its own."""
        first, writes = self._files
        _lock(first, fcntl.LOCK_EX)
        _lock(writes, fcntl.LOCK_EX)
        _lock(first, fcntl.LOCK_UN)
        try:
            yield
        finally:
            _lock(writes, fcntl.LOCK_UN)


def _lock(file: int, operation: int) -> None:
    with contextlib.suppress(OSError):  # the kernel is out of locks: it goes without
        fcntl.flock(file, operation)
