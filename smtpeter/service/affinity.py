"""The threads of a worker that share its interpreter stay together on one processor.

The reactor's thread and the store's writer take turns at the interpreter's lock, thousands of times a second. On two
processors every turn wakes one of them up from afar, and each loses the lock at its shortest call to the system: measured, that
cost 7 to 14 percent of all messages (docs/decisions/0015). All other threads, and the processes that rewrite, run
wherever the kernel puts them. These two it may move no longer, so they look for themselves: when others keep
their processor busy and another one has room, they go there while there is work.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from smtpeter.rewrite.pool import cpu_seconds
from smtpeter.storage.threads import WRITER

_STAT = Path("/proc/stat")
_EVERY = 1.0  # seconds
_MARGIN = 0.25  # of a processor's time; less to gain is no reason to move
_IDLE = 0.1  # likewise; who uses less is in nobody's way


class Machine(Protocol):
    """What the kernel tells of its processors, by their numbers, and does."""

    def allowed(self) -> Sequence[int]:
        """Those that this process may use; none where it cannot choose."""

    def busy(self) -> Mapping[int, float]:
        """Seconds that each has worked for anybody; empty where that is not told."""

    def used(self, thread: int) -> float:
        """Seconds that a thread of this process has worked; 0 where that is not told."""

    def put(self, thread: int, processors: Sequence[int]) -> None:
        """Have a thread, or a process that has only one, run on these; raises OSError."""


class Linux:
    """This machine, if it runs Linux."""

    def allowed(self) -> Sequence[int]:
        with contextlib.suppress(AttributeError, OSError):
            return sorted(os.sched_getaffinity(0))
        return ()

    def busy(self) -> Mapping[int, float]:
        with contextlib.suppress(OSError, ValueError):
            lines = _STAT.read_text(encoding="ascii").splitlines()
            rows = (line.split() for line in lines if line.startswith("cpu"))
            return {int(row[0][3:]): _worked(row[1:]) for row in rows if row[0] != "cpu"}
        return {}

    def used(self, thread: int) -> float:
        return cpu_seconds(f"self/task/{thread}")

    def put(self, thread: int, processors: Sequence[int]) -> None:
        os.sched_setaffinity(thread, processors)


def _worked(ticks: Sequence[str]) -> float:
    """In user, nice and system mode and in interrupts (proc_stat(5)); not idle or waiting.

    Nor stolen by other machines: that happens where there is work, and would follow it around.
    """
    user, nice, system, _idle, _iowait, irq, softirq = map(int, ticks[:7])
    return (user + nice + system + irq + softirq) / 100


class Affinity:
    """Keeps this process's reactor and writer together; `number` says where, if all processors are equally free.

    `coin` says whether to do now what can be done a second later: two that always acted at once would chase each other.
    """

    _log = Logger()

    def __init__(
        self, clock: IReactorTime, number: int, machine: Machine, coin: Callable[[], bool | int]
    ) -> None:
        self._clock = clock
        self._machine = machine
        self._coin = coin
        allowed = machine.allowed()
        first = number % len(allowed) if allowed else 0
        self._allowed = (*allowed[first:], *allowed[:first])  # as they are preferred
        self._processor: int | None = None
        self._places: Mapping[int, Sequence[int]] = {}  # of each thread
        self._loop = LoopingCall(self._look)
        self._loop.clock = clock

    def start(self) -> None:
        self._note()
        if len(self._allowed) > 1 and self._is_told(self._busy):
            self._loop.start(_EVERY, now=False)

    def stop(self) -> None:
        if self._loop.running:
            self._loop.stop()

    def free(self, process: int | None) -> None:
        """Let a process that was just started run anywhere: it was born where its parent sits. None: it has ended."""
        if self._processor is not None and process is not None:
            with contextlib.suppress(OSError):  # likewise
                self._machine.put(process, self._allowed)

    def _is_told(self, busy: Mapping[int, float]) -> bool:
        return all(processor in busy for processor in self._allowed)

    def _note(self) -> None:
        self._at = self._clock.seconds()
        self._busy = self._machine.busy()
        self._used = {thread: self._machine.used(thread) for thread, together in _threads() if together}

    def _look(self) -> None:
        at, busy, used = self._at, self._busy, self._used
        self._note()
        elapsed = self._at - at
        if elapsed > _EVERY / 2 and self._is_told(busy) and self._is_told(self._busy):
            own = sum(now - used.get(thread, now) for thread, now in self._used.items())
            others = {one: (self._busy[one] - busy[one]) / elapsed for one in self._allowed}
            self._choose(own / elapsed, others)
        if self._processor is not None:
            self._sit(self._processor)

    def _choose(self, own: float, others: dict[int, float]) -> None:
        """Where to sit, by what is used of each processor: by these threads, and by all."""
        if self._processor is not None:
            others[self._processor] -= own
        # Compared with its own place, not where it sits: else two workers that meet on one processor stay there, when
        # what the kernel may move has gone to the other. Who has nothing to do is at home: it is where work finds it.
        home = self._allowed[0]
        best = min(self._allowed, key=lambda one: others[one] - _MARGIN * (one == self._processor))
        if self._processor is None or own < _IDLE:
            self._processor = home
        elif self._coin():
            self._processor = best if others[home] - others[best] > _MARGIN else home

    def _sit(self, processor: int) -> None:
        """Together who belongs together; all others anywhere, also those that were started meanwhile."""
        places = {thread: (processor,) if together else self._allowed for thread, together in _threads()}
        try:
            for thread, place in places.items():
                if self._places.get(thread) != place:
                    self._put(thread, place)
        except OSError as error:
            self._log.warn("the threads run where the kernel puts them: {why}", why=str(error))
            self._give_up(places)
        self._places = places

    def _put(self, thread: int, place: Sequence[int]) -> None:
        with contextlib.suppress(ProcessLookupError):  # it has just ended
            self._machine.put(thread, place)

    def _give_up(self, threads: Iterable[int]) -> None:
        self.stop()
        self._processor = None
        for thread in threads:
            with contextlib.suppress(OSError):
                self._put(thread, self._allowed)


def _threads() -> list[tuple[int, bool]]:
    """Each thread's number in the kernel, and whether it is one of those that stay together."""
    main = threading.main_thread()
    # The main thread's `native_id` is wrong in a process that has forked to become a daemon.
    numbered = [(os.getpid() if one is main else one.native_id, one) for one in threading.enumerate()]
    return [(number, one is main or one.name == WRITER) for number, one in numbered if number is not None]
