"""A worker: one of several processes that serve on the same listeners, started and watched by `workers`.

It gets its orders and the sockets from its parent, later perhaps other settings, tells it by one JSON object a line
what there is to log, and ends at once when its parent is gone: the kernel closes the pipe between them, however the
parent came to its end. Until then it shares the lock of the data directory, so nobody can take over what it is still
working on. It gives a sign of life every few seconds, from the reactor's own thread: a parent that hears nothing kills it.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

import msgspec
from twisted.internet.interfaces import IListeningPort
from twisted.internet.task import LoopingCall
from twisted.logger import ILogObserver, LogEvent, Logger, eventAsText, globalLogBeginner
from zope.interface import implementer

from smtpeter.config import Misconfigured, Settings
from smtpeter.service.crowding import Crowding, Fair
from smtpeter.service.host import host
from smtpeter.service.server import Door, Smtpeter
from smtpeter.storage.store import Store, open_for_worker

BEAT_EVERY = 5.0  # seconds

_log = Logger()


class Listener(msgspec.Struct, frozen=True):
    """A listening socket: the endpoint it was bound for, and where the worker finds it."""

    text: str
    descriptor: int
    family: int


class Orders(msgspec.Struct, frozen=True):
    """What a worker is told when it starts; `predecessor` held claims and is dead.

    `crowding`: the descriptor of what the workers share about their connections.
    """

    number: int
    settings: Settings
    listeners: tuple[Listener, ...]
    crowding: int
    predecessor: int | None = None


class Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line from a worker: something for the log, the number under which it now holds claims, or a sign of life."""

    level: str = ""
    text: str = ""
    ready: int | None = None


class Seat:
    """A worker's place: its sockets are inherited, and its claims are its own among others'."""

    def __init__(
        self, orders: Orders, crowding: Crowding, reactor: Any, tell: Callable[[Told], None]
    ) -> None:
        self.number = orders.number
        self._predecessor = orders.predecessor
        self._listeners = {
            listener.text: (index, listener) for index, listener in enumerate(orders.listeners)
        }
        self._crowding = crowding
        self._reactor = reactor
        self._tell = tell

    def listen(self, _key: str, text: str, door: Door) -> IListeningPort:
        index, found = self._listeners[text]
        adopt: Any = Fair._fromListeningDescriptor  # noqa: SLF001 - what the reactor itself does
        port = adopt(self._reactor, found.descriptor, found.family, door)
        port.crowding, port.listener, port.number = self._crowding, index, self.number
        port.startListening()
        os.close(found.descriptor)  # the port has its own
        return cast("IListeningPort", port)

    def open(self, url: str, directory: Path, reactor: Any) -> Store:
        store = open_for_worker(url, directory, reactor, host(), self._predecessor)
        self._tell(Told(ready=store.worker))
        return store


def work(orders: BinaryIO, told: BinaryIO, reactor: Any) -> None:
    """Serve until SIGTERM, as ordered: `orders` brings Orders, then Settings as they change, for as long as the
    parent lives.
    """
    ordered = msgspec.json.decode(orders.readline(), type=Orders)
    encoder = msgspec.json.Encoder()

    def tell(line: Told) -> None:
        told.write(encoder.encode(line) + b"\n")
        told.flush()

    @implementer(ILogObserver)
    def observe(event: LogEvent) -> None:
        text = eventAsText(event, includeTimestamp=False, includeSystem=False)
        if text:
            tell(Told(level=event["log_level"].name, text=text.encode("utf-8", "replace").decode()))

    globalLogBeginner.beginLoggingTo([observe], redirectStandardIO=False)
    crowding = Crowding(ordered.crowding, ordered.settings.server.workers)
    os.close(ordered.crowding)
    server = Smtpeter(ordered.settings, reactor, Seat(ordered, crowding, reactor, tell))

    def change(settings: Settings) -> None:
        try:
            server.apply(settings)
        except Misconfigured as error:  # a file that the parent could still read
            _log.error("settings not changed, those before stay: {why}", why=str(error))

    hear = partial(
        _hear, orders, partial(reactor.callFromThread, change)
    )  # which waits until the reactor runs
    threading.Thread(target=hear, name="smtpeter-parent", daemon=True).start()
    server.privilegedStartService()
    server.startService()
    beat = LoopingCall(tell, Told())
    beat.clock = reactor
    beat.start(BEAT_EVERY)
    reactor.callWhenRunning(crowding.present, ordered.number)  # before it takes its first connection
    reactor.addSystemEventTrigger("before", "shutdown", crowding.absent, ordered.number)
    reactor.addSystemEventTrigger("before", "shutdown", server.stopService)
    reactor.run()


def _hear(parent: BinaryIO, change: Callable[[Settings], None]) -> None:
    """End when the pipe does: there is nobody to say goodbye to, and a new parent waits for our place."""
    for line in iter(parent.readline, b""):
        change(msgspec.json.decode(line, type=Settings))
    os._exit(os.EX_TEMPFAIL)


def main(reactor: Any, output: TextIO = sys.stdout) -> None:
    """What `tap` runs in a worker's process: standard output is the way to the parent's log, and for nothing else."""
    told = os.fdopen(os.dup(output.fileno()), "wb")
    os.dup2(2, output.fileno())
    work(sys.stdin.buffer, told, reactor)
