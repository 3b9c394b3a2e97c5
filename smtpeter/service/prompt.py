"""A reactor that writes without asking first: nearly always the kernel takes at once what there is to write.

Twisted's epoll reactor has the kernel tell it when each connection can be written to: three system calls around every
reply, and a turn of the loop. Here all that was written during a turn is tried at its end; only what the kernel
does not take then waits as it used to.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.python import log


def prompt(reactor: Any) -> None:
    """Have this reactor write promptly, if it is one that can be had to; before it runs."""
    if isinstance(reactor, EPollReactor):
        Prompt(reactor)


class Prompt:
    """Stands before the reactor's own handling of writers."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._untried: dict[Any, None] = {}  # writers, in their order
        self._blocked: set[Any] = set()  # those that the reactor knows of
        self._add, self._remove, self._wait = reactor.addWriter, reactor.removeWriter, reactor.doIteration
        reactor.addWriter, reactor.removeWriter, reactor.doIteration = self.add, self.remove, self.wait

    def add(self, writer: Any) -> None:
        if writer not in self._blocked:
            self._untried[writer] = None

    def remove(self, writer: Any) -> None:
        self._untried.pop(writer, None)
        if writer in self._blocked:
            self._blocked.discard(writer)
            self._remove(writer)

    def wait(self, timeout: float | None) -> None:
        """One turn of the reactor's; what is to be written is tried before it waits."""
        if self._untried:
            self._try_all()
            if timeout != 0:  # writing may have called for something sooner
                timeout = self._reactor.timeout()
        self._wait(timeout)

    def _try_all(self) -> None:
        """Each once: who always has more to write must not keep the others from being heard."""
        for writer in tuple(self._untried):
            if writer in self._untried:
                self._try(writer)
        for writer in self._untried:
            self._blocked.add(writer)
            self._add(writer)
        self._untried.clear()

    def _try(self, writer: Any) -> None:
        try:
            why = writer.doWrite()
        except Exception as error:  # noqa: BLE001 - as the reactor does: it costs this connection alone
            log.err()
            why = error
        if why:
            self._untried.pop(writer, None)
            self._reactor._disconnectSelectable(writer, why, False)  # noqa: SLF001
