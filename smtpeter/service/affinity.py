"""The threads of a worker that share its interpreter stay together on one processor.

The reactor's thread and the store's writer take turns at the interpreter's lock, thousands of times a second. On two
processors every turn wakes one of them up from afar, and each loses the lock at its shortest call to the system: that cost an
eighth to a third of all messages (docs/decisions/0015). All other threads, and the processes that rewrite, run
wherever the kernel puts them. These two it may move no longer, so they look for themselves: when others keep
their processor busy and another one has room, they go there while there is work.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from smtpeter.storage.threads import WRITER

_STAT = "/proc/stat"
_EVERY = 1.0  # seconds
_MARGIN = 0.25  # of a processor's time; less to gain is no reason to move
_IDLE = 0.1  # likewise; who uses less is in nobody's way


class Machine(Protocol):
    """What the kernel tells of its processors, by their numbers, and does."""

    def allowed(self) -> Sequence[int]:
        """Those that this process may use; none where it cannot choose."""

    def busy(self) -> Mapping[int, float]:
        """Seconds that each has worked for anybody; empty where that is not told."""

    def used(self) -> float:
        """Seconds that this process has used."""

    def put(self, thread: int, processors: Sequence[int]) -> None:
        """Have a thread, or a process that has only one, run on these; raises OSError."""


class Linux:
    """This machine, if it runs Linux."""

    def allowed(self) -> Sequence[int]:
        return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else ()

    def busy(self) -> Mapping[int, float]:
        try:
            lines = Path(_STAT).read_text(encoding="ascii").splitlines()
        except OSError:
            return {}
        rows = (line.split() for line in lines if line.startswith("cpu"))
        return {int(row[0][3:]): _worked(row[1:]) for row in rows if row[0] != "cpu"}

    def used(self) -> float:
        return time.process_time()

    def put(self, thread: int, processors: Sequence[int]) -> None:
        os.sched_setaffinity(thread, processors)


def _worked(ticks: Sequence[str]) -> float:
    """Seconds in user, nice and system mode, interrupts, and stolen by other machines (proc_stat(5)); not idle or waiting."""
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, ticks[:8])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


class Affinity:
    """Keeps this process's reactor and writer together; `number` says where, if all processors are alike."""

    _log = Logger()

    def __init__(self, clock: IReactorTime, number: int, machine: Machine) -> None:
        self._clock = clock
        self._machine = machine
        allowed = machine.allowed()
        first = number % len(allowed) if allowed else 0
        self._allowed = (*allowed[first:], *allowed[:first])  # as they are preferred
        self._seat: int | None = None
        self._put: dict[int, Sequence[int]] = {}  # where each thread was put
        self._loop = LoopingCall(self._look)
        self._loop.clock = clock

    def start(self) -> None:
        self._note()
        if len(self._allowed) > 1 and self._busy:
            self._loop.start(_EVERY, now=False)

    def stop(self) -> None:
        if self._loop.running:
            self._loop.stop()

    def free(self, process: int) -> None:
        """Let a process that was just started run anywhere: it was born where its parent sits."""
        if self._seat is not None:
            with contextlib.suppress(OSError):  # it has ended
                self._machine.put(process, self._allowed)

    def _note(self) -> None:
        self._at, self._busy, self._used = self._clock.seconds(), self._machine.busy(), self._machine.used()

    def _look(self) -> None:
        at, busy, used = self._at, self._busy, self._used
        self._note()
        elapsed = self._at - at
        own = self._used - used
        others = {one: self._busy.get(one, 0.0) - busy.get(one, 0.0) for one in self._allowed}
        if self._seat is not None:
            others[self._seat] -= own
        # Measured against its own place, not where it sits: else two workers that meet on one processor stay there, when
        # what the kernel may move has gone to the other. Who has nothing to do is at home: it is where work finds it.
        home = self._allowed[0]
        best = min(self._allowed, key=others.__getitem__)
        gain = others[home] - others[best]
        self._seat = best if own > _IDLE * elapsed and gain > _MARGIN * elapsed else home
        try:
            self._sit(self._seat)
        except OSError as error:
            self._log.warn("the threads stay where the kernel puts them: {why}", why=str(error))
            self._loop.stop()

    def _sit(self, seat: int) -> None:
        """Together who belongs together; all others anywhere, also those that were started meanwhile."""
        put: dict[int, Sequence[int]] = {}
        for thread in threading.enumerate():
            is_main = thread is threading.main_thread()
            # The main thread's `native_id` is wrong in a process that has forked to become a daemon.
            identifier = os.getpid() if is_main else thread.native_id
            if identifier is None:
                continue
            together = is_main or thread.name == WRITER
            put[identifier] = (seat,) if together else self._allowed
            if self._put.get(identifier) != put[identifier]:
                with contextlib.nullcontext() if together else contextlib.suppress(ProcessLookupError):
                    self._machine.put(identifier, put[identifier])
        self._put = put
