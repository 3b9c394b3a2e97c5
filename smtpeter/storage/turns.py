"""Whose turn it is to write, among the processes of a host that share one SQLite file.

SQLite lets one of them write at a time, and has the others ask again and again, whoever comes first. Here they
stand in line: who waits first is next, so none starves, and what gathers meanwhile is written in one transaction. The
kernel gives a place back when its process dies. Who cannot stand in line, or waits too long for one that lives and does
nothing, asks SQLite without; if that is locked, too, it says so, and the client hears 4xx.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

_PATIENCE = 10.0  # seconds that the next one waits; a turn takes milliseconds, but a disk may hesitate
_LOOK_EVERY = 0.0001  # seconds, of the one that is next: the kernel has no waiting with a limit


class Turns:
    """One process's way to the line, by two files in `directory`: to be next, and to write.

    One that is stopped while it is next keeps all behind it waiting: only a worker may be, whose parent kills it then.
    A command, which may be stopped for ever by a key, passes the line by (`stands=False`) and takes its chance.
    """

    def __init__(self, directory: Path, *, stands: bool = True, patience: float = _PATIENCE) -> None:
        """Raises OSError; if it does not stand in line, FileNotFoundError when no server has worked there."""
        self._stands = stands
        self._patience = patience
        flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if stands else 0)
        self._files: list[int] = []
        for name in ("turn-next", "turn"):
            self._files.append(os.open(directory / name, flags, 0o600))

    def __del__(self) -> None:
        for file in self._files:
            os.close(file)

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """Within, no other process writes that had its turn. For one thread; raises nothing of its own."""
        first, writes = self._files
        with contextlib.suppress(OSError):  # the kernel is out of locks: it goes without
            if self._stands:
                fcntl.flock(first, fcntl.LOCK_EX)
            self._await(writes)
        _leave(first)
        try:
            yield
        finally:
            _leave(writes)

    def _await(self, writes: int) -> None:
        until = time.monotonic() + self._patience
        while time.monotonic() < until:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(writes, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            time.sleep(_LOOK_EVERY)


def _leave(file: int) -> None:
    with contextlib.suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_UN)
