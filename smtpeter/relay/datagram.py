"""The door for datagrams: a socket for one question. Twisted's own writes two lines to the log for each."""
# ruff: noqa: N802 - Twisted names these methods

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Protocol

from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

_MOST = 65_535  # octets of a datagram
_AT_ONCE = 10  # datagrams read before others have their turn


class Readers(Protocol):
    """The part of Twisted's reactor that watches sockets."""

    def addReader(self, reader: IReadDescriptor, /) -> object: ...

    def removeReader(self, reader: IReadDescriptor, /) -> object: ...


@implementer(IReadDescriptor)
class Datagrams:
    """Connected to one peer, so that nobody else is heard; on a port of its own, which the kernel chooses by chance.

    `heard` gets each datagram that comes until `close`, `refused` is called when nobody listens there.
    """

    def __init__(
        self,
        reactor: Readers,
        peer: tuple[str, int],
        heard: Callable[[bytes], None],
        refused: Callable[[], None],
    ) -> None:
        """Raises OSError."""
        self._reactor = reactor
        self._heard = heard
        self._refused = refused
        self._socket = socket.socket(socket.AF_INET6 if ":" in peer[0] else socket.AF_INET, socket.SOCK_DGRAM)
        self._is_open = True
        try:
            self._socket.setblocking(False)
            self._socket.connect(peer)
        except OSError:
            self._socket.close()
            raise
        reactor.addReader(self)

    def send(self, data: bytes) -> None:
        """Raises OSError."""
        self._socket.send(data)

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._reactor.removeReader(self)
            self._socket.close()

    def doRead(self) -> None:
        for _ in range(_AT_ONCE):
            if not self._is_open:
                return
            try:
                data = self._socket.recv(_MOST)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                self._refused()
                return
            self._heard(data)

    def fileno(self) -> int:
        return self._socket.fileno()

    def logPrefix(self) -> str:
        return "Datagrams"

    def connectionLost(self, _reason: Failure) -> None:
        """The reactor found the socket broken."""
        self.close()
        self._refused()
