"""Who of several workers takes the next connection: one that has none more than another.

Each worker has its share of the connections that may be open at a time, and of the processor; but whoever wakes first
gets a connection, and keeps it. So each tells the others how many it has, in memory that all share, and one that has
more than another lets that one go first. It waits a moment for it, no longer: the other may be busy, or hang.
"""

from __future__ import annotations

import mmap
import os
from typing import Any

from twisted.internet import tcp
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

_CELL = 4  # octets of one worker's number
_ABSENT = (1 << 32) - 1  # nobody is there, so nobody waits for him
_MOMENT = 0.002  # seconds; a turn of the reactor under load takes about as long


def shared_memory(workers: int) -> int:
    """A descriptor of the memory that this many share, in which nobody is present yet; raises OSError."""
    descriptor = os.memfd_create("smtpeter-connections")
    os.write(descriptor, b"\xff" * _CELL * workers)
    return descriptor


class Crowding:
    """How many connections each worker has, seen by all; `number` counts from 1."""

    def __init__(self, descriptor: int) -> None:
        """Keeps no hold of the descriptor."""
        self._cells = memoryview(mmap.mmap(descriptor, 0)).cast("I")

    def came(self, number: int) -> None:
        self._cells[number - 1] += 1

    def went(self, number: int) -> None:
        self._cells[number - 1] -= 1

    def present(self, number: int) -> None:
        """The worker is there, and has none."""
        self._cells[number - 1] = 0

    def absent(self, number: int) -> None:
        """It has ended, whatever it had."""
        self._cells[number - 1] = _ABSENT

    def is_ahead(self, number: int) -> bool:
        """Whether it has more than another."""
        return self._cells[number - 1] > min(self._cells)


class _Counted(tcp.Server):
    """A connection that its worker counts."""

    server: Fair

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.server.crowding.came(self.server.number)

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802 - Twisted's name
        self.server.crowding.went(self.server.number)
        super().connectionLost(reason)


class Fair(tcp.Port):
    """The port of one of several workers: takes one connection a turn, and lets who has fewer go first.

    Twisted's takes all that wait, and whoever woke first would have all the sessions of a client that opens many.
    `crowding` and `number` are to be set before it listens.
    """

    transport: Any = _Counted
    reactor: Any
    crowding: Crowding
    number: int
    _waiting: IDelayedCall | None = None

    @property
    def numberAccepts(self) -> int:  # noqa: N802 - Twisted's name
        return 1

    @numberAccepts.setter
    def numberAccepts(self, _more: int) -> None:  # noqa: N802
        """Twisted would take more the next time."""

    def doRead(self) -> None:  # noqa: N802
        if self.crowding.is_ahead(self.number):
            self.stopReading()  # type: ignore[no-untyped-call]
            self._waiting = self.reactor.callLater(_MOMENT, self._wait_no_longer)
        else:
            super().doRead()  # type: ignore[no-untyped-call]

    def _wait_no_longer(self) -> None:
        """Take what nobody else has taken."""
        self._waiting = None
        super().doRead()  # type: ignore[no-untyped-call]
        self.startReading()  # type: ignore[no-untyped-call]

    def loseConnection(self, *arguments: Any) -> Any:  # noqa: N802
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        return super().loseConnection(*arguments)  # type: ignore[no-untyped-call]

    stopListening = loseConnection  # noqa: N815 - as Twisted's does
