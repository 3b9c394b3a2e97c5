"""Who of several workers takes the next connection: one that has none more than another.

Each worker has its share of the connections that may be open at a time, and of the processor; but whoever wakes first
gets a connection, and keeps it. So each tells the others how many it has of each listener, in memory that all share, and one that has
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


def shared_memory(workers: int, listeners: int) -> int:
    """A descriptor of the memory that they share, in which nobody is present yet; raises OSError."""
    descriptor = os.memfd_create("smtpeter-connections")
    os.write(descriptor, b"\xff" * _CELL * workers * listeners)
    return descriptor


class Crowding:
    """How many connections of each listener each worker has, seen by all: a row of cells for a listener.

    Workers count from 1, listeners from 0. Each writes its own cells only, but for those of one that has ended.
    """

    def __init__(self, descriptor: int, workers: int) -> None:
        """The descriptor may be closed afterwards."""
        self._cells = memoryview(mmap.mmap(descriptor, 0)).cast("I")
        self._workers = workers

    def came(self, listener: int, number: int) -> None:
        self._add(listener, number, 1)

    def went(self, listener: int, number: int) -> None:
        self._add(listener, number, -1)

    def _add(self, listener: int, number: int, change: int) -> None:
        """A worker that is ending is counted no longer."""
        cell = listener * self._workers + number - 1
        if self._cells[cell] != _ABSENT:
            self._cells[cell] += change

    def present(self, number: int) -> None:
        """The worker is there, and has none."""
        self._set(number, 0)

    def absent(self, number: int) -> None:
        """It ends or has ended, whatever it had."""
        self._set(number, _ABSENT)

    def _set(self, number: int, connections: int) -> None:
        for cell in range(number - 1, len(self._cells), self._workers):
            self._cells[cell] = connections

    def is_ahead(self, listener: int, number: int) -> bool:
        """Whether it has more than another."""
        first = listener * self._workers
        row = self._cells[first : first + self._workers]
        return row[number - 1] > min(row)


class _Counted(tcp.Server):
    """A connection that its worker counts, until it is lost: Twisted may say so twice."""

    server: Fair
    _is_over = False

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.server.crowding.came(self.server.listener, self.server.number)

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802 - Twisted's name
        if not self._is_over:
            self._is_over = True
            self.server.crowding.went(self.server.listener, self.server.number)
        super().connectionLost(reason)


class Fair(tcp.Port):
    """The port of one of several workers: takes one connection a turn, and lets who has fewer go first.

    Twisted's takes all that wait, and whoever woke first would have all the sessions of a client that opens many.
    `crowding`, `listener` and `number` are to be set before it listens.
    """

    transport: Any = _Counted
    reactor: Any
    crowding: Crowding
    listener: int
    number: int
    _waiting: IDelayedCall | None = None

    @property
    def numberAccepts(self) -> int:  # noqa: N802 - Twisted's name
        return 1

    @numberAccepts.setter
    def numberAccepts(self, _more: int) -> None:  # noqa: N802
        """Twisted would take more the next time."""

    def doRead(self) -> None:  # noqa: N802
        if self.crowding.is_ahead(self.listener, self.number):
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
