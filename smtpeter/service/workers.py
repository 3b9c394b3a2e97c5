"""The parent of several workers: binds their ports, starts them, starts anew those that end, and stops them in order.

It serves nobody itself and touches the store only before it starts the first worker, so there is little that it
could die of; if it does, its workers end with it. What a worker that died was working on its successor makes due
again at once. A worker that keeps ending is started ever less often, and each end is logged. One that gives no sign of
life is killed: stopped, or hanging, it would keep what it holds, its turn to write at the store not least.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from socket import AF_INET, AF_INET6, socket
from typing import Any

import msgspec
from twisted.application.service import Service
from twisted.internet import tcp
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from smtpeter.config import Misconfigured, Settings
from smtpeter.service.api import largest_request
from smtpeter.service.crowding import Crowding, shared_memory
from smtpeter.service.host import host
from smtpeter.service.judgement import check, endpoints
from smtpeter.service.server import RELOADED, Door, bind, end, unopened
from smtpeter.service.supervision import mixed
from smtpeter.service.worker import BEAT_EVERY, Listener, Orders, Told
from smtpeter.storage.engine import StoreInUse, StoreUnusable
from smtpeter.storage.store import take_directory

_PATIENCE = 60.0  # seconds that all workers together may take to stop
_SETTLED = 3.0  # seconds of service after which a worker's end is not held against its successor
_LONGEST_PAUSE = 30.0
# Looks, BEAT_EVERY apart, at which nothing had been heard: 30 s, but a start takes its time. Counted, not measured: a
# parent that was itself stopped for long finds only one look missed.
_SILENT = 6
_SILENT_AT_START = 24
_LOCK = 3  # descriptors in a worker: the lock of the data directory, what all share, then the sockets
_CROWDING = 4
_FIRST_SOCKET = 5
_FAMILIES = (AF_INET, AF_INET6)

Spawn = Callable[["Process"], None]


def share(settings: Settings) -> Settings:
    """The settings of one worker: limits of what the machine has are divided, so that their sum holds."""
    workers = settings.server.workers

    def part(whole: int) -> int:
        return -(-whole // workers)

    submission = msgspec.structs.replace(
        settings.submission,
        maximum_connections=part(settings.submission.maximum_connections),
        maximum_memory=max(part(settings.submission.maximum_memory), settings.submission.maximum_size),
    )
    rewrite = msgspec.structs.replace(settings.rewrite, workers=part(settings.rewrite.workers))
    request = largest_request(settings.submission.maximum_size)
    web = msgspec.structs.replace(
        settings.web, maximum_memory=max(part(settings.web.maximum_memory), request)
    )
    return msgspec.structs.replace(settings, submission=submission, rewrite=rewrite, web=web)


class Process(ProcessProtocol):
    """The parent's end of one worker's process: gives it its orders, and hears it until it has ended."""

    def __init__(
        self, orders: Orders, told: Callable[[Told], None], complained: Callable[[str], None]
    ) -> None:
        self.ended: Deferred[str] = Deferred()  # fires with how
        self._orders = orders
        self._told = told
        self._complained = complained
        self._unfinished = {1: b"", 2: b""}  # lines, by descriptor

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        assert self.transport is not None
        self.transport.write(msgspec.json.encode(self._orders) + b"\n")

    def childDataReceived(self, descriptor: int, data: bytes) -> None:  # noqa: N802
        *lines, self._unfinished[descriptor] = (self._unfinished[descriptor] + data).split(b"\n")
        for line in lines:
            if descriptor == 1:
                self._told(msgspec.json.decode(line, type=Told))
            else:
                self._complained(line.decode("utf-8", "replace"))

    def processEnded(self, reason: Failure) -> None:  # noqa: N802
        self.ended.callback(reason.getErrorMessage())

    def change(self, settings: Settings) -> None:
        """Have it go on by these settings."""
        assert self.transport is not None
        self.transport.write(msgspec.json.encode(settings) + b"\n")

    @property
    def pid(self) -> int | None:
        return None if self.transport is None else self.transport.pid

    def signal(self, name: str) -> None:
        """Send it SIG`name`, if it has not ended."""
        assert self.transport is not None
        with contextlib.suppress(ProcessExitedAlready):
            self.transport.signalProcess(name)


class Worker:
    """One place among the workers, and whoever holds it; `give_orders(predecessor)` says what a new one is told.

    `gone(number)` is called whenever one has ended.
    """

    _log = Logger()

    def __init__(
        self,
        number: int,
        give_orders: Callable[[int, int | None], Orders],
        spawn: Spawn,
        gone: Callable[[int], None],
        clock: Any,
    ) -> None:
        self._number = number
        self._give_orders = give_orders
        self._spawn = spawn
        self._tell_gone = gone
        self._clock = clock
        self._claims_as: int | None = None  # in the store, of the process that runs or ran last
        self._ready_at: float | None = None
        self._failures = 0
        self._process: Process | None = None
        self._pause: Any = None
        self._watch: Any = None
        self._silence = 0  # looks since it was heard
        self._gone: Deferred[None] | None = None  # set once it is to stop

    def start(self) -> None:
        self._pause = None
        self._ready_at = None
        process = Process(self._give_orders(self._number, self._claims_as), self._told, self._complained)
        self._process = process
        process.ended.addCallback(self._ended)
        try:
            self._spawn(process)
        except OSError as error:
            self._ended(f"it could not be started: {error}")
        else:
            self._silence = 0
            self._watch = self._clock.callLater(BEAT_EVERY, self._look)

    def _look(self) -> None:
        """Kill a worker that has been silent for too long."""
        self._watch = self._clock.callLater(BEAT_EVERY, self._look)
        self._silence += 1
        if self._silence == (_SILENT_AT_START if self._ready_at is None else _SILENT):
            self._log.error(
                "worker {number} gives no sign of life for {silence:g} s, and is killed",
                number=self._number,
                silence=self._silence * BEAT_EVERY,
            )
            self.kill()

    def stop(self) -> Deferred[None]:
        """Let it end in order; fires when it has."""
        self._gone = Deferred()
        if self._pause is not None:
            self._pause.cancel()
        if self._process is None:
            self._gone.callback(None)
        else:
            self._process.signal("TERM")
        return self._gone

    def change(self, settings: Settings) -> None:
        if self._process is not None:
            self._process.change(settings)

    def kill(self) -> None:
        if self._process is not None:
            self._process.signal("KILL")

    def _told(self, told: Told) -> None:
        self._silence = 0
        if told.ready is not None:
            self._claims_as, self._ready_at = told.ready, self._clock.seconds()
            self._log.info(
                "worker {number} is process {pid} and claims as {claims_as}",
                number=self._number,
                pid=None if self._process is None else self._process.pid,
                claims_as=told.ready,
            )
        elif told.text:
            level = LogLevel.lookupByName(told.level)
            self._log.emit(level, "worker {number}: {text}", number=self._number, text=told.text)

    def _complained(self, line: str) -> None:
        self._log.warn("worker {number}: {text}", number=self._number, text=line)

    def _ended(self, how: str) -> None:
        self._process = None
        self._tell_gone(self._number)
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        if self._gone is not None:
            self._gone.callback(None)
            return
        lived = 0.0 if self._ready_at is None else self._clock.seconds() - self._ready_at
        self._failures = 0 if lived >= _SETTLED else self._failures + 1
        pause = min(2.0 ** (self._failures - 2), _LONGEST_PAUSE) if self._failures > 1 else 0.0
        self._log.error(
            "worker {number} has ended: {how}; the next one starts in {pause:g} s",
            number=self._number,
            how=how,
            pause=pause,
        )
        self._pause = self._clock.callLater(pause, self.start)


class Workers(Service):
    """The service of the parent, of settings that `load` has tried."""

    _log = Logger()

    def __init__(self, settings: Settings, reactor: Any) -> None:
        self.setName("smtpeter")  # type: ignore[no-untyped-call]
        self._settings = settings
        self._reactor = reactor
        self._sockets: list[tuple[str, socket]] = []
        self._workers: Sequence[Worker] = ()
        workers = settings.server.workers
        self._shared = shared_memory(workers, len(list(endpoints(settings))))
        self._crowding = Crowding(self._shared, workers)

    def privilegedStartService(self) -> None:  # noqa: N802
        super().privilegedStartService()  # type: ignore[no-untyped-call]
        for key, text in endpoints(self._settings):
            port = bind(self._reactor, key, text, door := Door(key))
            family = getattr(port, "addressFamily", None)
            if not isinstance(port, tcp.Port) or port.factory is not door or family not in _FAMILIES:
                end(f"{key}: {text!r}: expected a tcp or systemd endpoint, as server.workers is above 1")
            # The socket is all that is wanted: who connects waits for a worker. Nor is the port ever to stop by
            # itself, since that would shut the socket down for the workers too, in the middle of their accepting.
            port.stopReading()  # type: ignore[no-untyped-call]
            self._sockets.append((text, port.socket))

    def startService(self) -> None:  # noqa: N802
        super().startService()  # type: ignore[no-untyped-call]
        settings = self._settings
        try:
            check(settings)  # once more: privileges may have been dropped since
            self._lock = take_directory(settings.store.url, settings.data_directory, host())
        except Misconfigured as error:
            end(str(error))
        except (StoreInUse, StoreUnusable) as error:
            end(unopened(error))
        self._workers = [
            Worker(number, self._orders, self._spawn, self._crowding.absent, self._reactor)
            for number in range(1, settings.server.workers + 1)
        ]
        for worker in self._workers:
            self._reactor.callWhenRunning(worker.start)

    def _orders(self, number: int, predecessor: int | None) -> Orders:
        listeners = tuple(
            Listener(text, _FIRST_SOCKET + index, listening.family)
            for index, (text, listening) in enumerate(self._sockets)
        )
        return Orders(number, share(self._settings), listeners, _CROWDING, predecessor)

    def _spawn(self, process: Process) -> None:
        descriptors: dict[int, Any] = {
            0: "w",
            1: "r",
            2: "r",
            _LOCK: self._lock.fileno(),
            _CROWDING: self._shared,
        }
        for index, (_, listening) in enumerate(self._sockets):
            descriptors[_FIRST_SOCKET + index] = listening.fileno()
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        command = [sys.executable, "-P", "-m", "smtpeter.tap"]
        self._reactor.spawnProcess(process, sys.executable, command, environment, childFDs=descriptors)

    def apply(self, settings: Settings) -> frozenset[str]:
        """Have all workers, also those to come, go on by these as far as that can be without a restart."""
        self._settings = mixed(self._settings, settings, RELOADED)
        for worker in self._workers:
            worker.change(share(self._settings))
        return RELOADED

    def stopService(self) -> Deferred[None]:  # noqa: N802
        super().stopService()  # type: ignore[no-untyped-call]
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        for _, listening in self._sockets:
            listening.close()
        limit = self._reactor.callLater(_PATIENCE, self._kill)
        await gatherResults([worker.stop() for worker in self._workers])
        if limit.active():
            limit.cancel()
        self._lock.release()

    def _kill(self) -> None:
        self._log.error("a worker has not stopped within {patience:g} s, and is killed", patience=_PATIENCE)
        for worker in self._workers:
            worker.kill()
